"""Which files there are, and which of them belong together."""
