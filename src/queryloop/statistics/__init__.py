"""What the metrics of several experiments say together: pure tables."""
