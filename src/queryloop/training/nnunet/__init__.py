"""nnU-Net as it is published in place of our own U-Net: trained on boxes, and asked for their scores."""
