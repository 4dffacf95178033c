"""One metric a file, each saying its range, colour space and crop."""
