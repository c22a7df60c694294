"""Colours that the colour-blind can tell apart."""

from __future__ import annotations

# Okabe and Ito (2008) without black and yellow, which vanish on a dark and on a white page
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLUE, VERMILLION, LIGHT_BLUE = PALETTE[0], PALETTE[1], PALETTE[5]
GREY = "#8A8A8A"
