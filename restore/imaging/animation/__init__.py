"""Animated GIF, APNG and WebP: their frames as full pictures, and files of such frames."""
