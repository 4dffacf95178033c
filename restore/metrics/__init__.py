"""One metric a file, each saying its range, color space and crop."""
