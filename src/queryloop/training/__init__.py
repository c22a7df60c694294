"""Fitting a network, augmenting its input, and the one scoring pass."""
