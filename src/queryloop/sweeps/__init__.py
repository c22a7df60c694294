"""Many experiments with one command: which ones, where they stand, and worker processes that run them."""
