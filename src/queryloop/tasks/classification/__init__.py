"""Classification of images: one class each."""
