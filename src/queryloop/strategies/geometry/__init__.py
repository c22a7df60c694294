"""Distances, seeding, clusters and neighbours among many points; no strategies."""
