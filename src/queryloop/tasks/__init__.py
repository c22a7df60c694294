"""What differs between classification and segmentation, and nothing else."""
