"""Color conversions and ICC profiles."""
