"""Find, open and install models."""
