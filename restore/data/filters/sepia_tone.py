"""Sepia, as defined by CSS and SVG."""

from __future__ import annotations

from PIL import Image

from restore.data.filters.filter import Filter

# Filter Effects Module Level 1 (W3C), "sepia" at full amount; rows give red, green and blue of the result.
_MATRIX = (0.393, 0.769, 0.189, 0.0, 0.349, 0.686, 0.168, 0.0, 0.272, 0.534, 0.131, 0.0)


def sepia_tone(picture: Image.Image) -> Image.Image:
    """A brown monochrome, the filter function ``sepia(1)`` of CSS; RGB to RGB."""
    return picture.convert("RGB", _MATRIX)


FILTER = Filter("sepia-tone", sepia_tone, gray=True)
