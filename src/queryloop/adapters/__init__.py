"""Strategies of this project inside other people's active learning loops."""
