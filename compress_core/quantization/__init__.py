"""Quantization: grids, rounding, and the file whose length is the size we report."""
