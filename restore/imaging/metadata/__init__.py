"""EXIF, XMP, IPTC and print resolution: read, kept true to the picture, and written."""
