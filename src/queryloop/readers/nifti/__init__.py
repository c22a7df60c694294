"""3D scans in NIfTI files, as the Medical Segmentation Decathlon and nnU-Net lay them out."""
