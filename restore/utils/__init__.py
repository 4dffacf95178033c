"""Helpers that know nothing of pictures, networks or commands."""
