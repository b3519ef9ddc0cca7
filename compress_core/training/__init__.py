"""Training, and the weights it leaves behind."""
