"""Pruning: which channels go, building the network without them, and healing it."""
