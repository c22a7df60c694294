"""What all parts of 3D segmentation have in common."""

from __future__ import annotations

Triple = tuple[int, int, int]
"""Voxels along z, y and x."""

IGNORE = 255
"""The label of a voxel that nobody labelled; a class is a smaller number, the background 0."""

TRUTH = "truth"
"""The label of a box whose labels are those of the data set."""
