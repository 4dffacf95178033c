"""Command line: one click command per file; heavy imports happen inside the commands."""
