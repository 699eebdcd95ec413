"""Driver stories as rendered pixels: what the networks make of them, and how much they err."""
