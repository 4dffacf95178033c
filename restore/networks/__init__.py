"""Architectures, one a file. They know nothing of files, recipes or the command line."""
