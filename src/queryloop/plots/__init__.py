"""Figures from metric tables and queries."""
