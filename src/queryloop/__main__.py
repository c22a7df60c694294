"""`python -m queryloop`: the same as `kedro run` in the project's folder."""

from __future__ import annotations

from kedro.framework.project import configure_project


def main() -> None:
    """Run the project with the options of `kedro run`."""
    configure_project("queryloop")
    from queryloop.cli import run

    run()


if __name__ == "__main__":
    main()
