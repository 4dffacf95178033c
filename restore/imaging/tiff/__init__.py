"""TIFF files and the compressions in them."""
