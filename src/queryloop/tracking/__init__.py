"""MLflow is told of results, where that is asked for; the files stay the truth."""
