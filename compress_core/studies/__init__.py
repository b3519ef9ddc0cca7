"""What a page or a benchmark asks of networks, as tables and numbers without a sentence: one file a topic."""
