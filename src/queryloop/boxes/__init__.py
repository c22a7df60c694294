"""Boxes in 3D cases as samples: their scores, and which of them to label next. Pure functions over arrays."""
