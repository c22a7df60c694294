"""Bytes on disk to samples and images: one module a file format."""
