"""Metrics, one per file; each documents its range, color space and crop."""
