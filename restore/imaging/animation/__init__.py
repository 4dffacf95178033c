"""Animated GIF, APNG, WebP and AVIF: their frames as full pictures, and files of such frames."""
