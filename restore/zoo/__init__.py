"""The models at hand: those shipped, and any file."""
