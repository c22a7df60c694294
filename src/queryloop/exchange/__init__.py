"""Files for others, and from them: queries of boxes, labels, and what another project asked for."""
