"""Where nnU-Net looks for trainers: each file is imported by itself, and must import nothing from here."""
