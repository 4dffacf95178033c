"""Architectures, one per file. They know nothing of files, recipes or the command line."""
