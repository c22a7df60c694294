"""The stages of a cycle as Kedro nodes."""
