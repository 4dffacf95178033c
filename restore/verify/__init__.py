"""Check model files against their own metadata."""
