"""What a network is and does: accuracy with its interval, layer profiles, latency, answers."""
