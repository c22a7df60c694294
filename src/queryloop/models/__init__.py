"""Networks: plain torch modules, known by name."""
