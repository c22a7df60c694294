"""Segmentation of 3D scans: a class for each voxel, boxes as samples, labels only inside of them."""
