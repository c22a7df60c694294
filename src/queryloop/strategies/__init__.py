"""Query strategies: pure functions over tensors, one file a family."""
