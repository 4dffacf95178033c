"""The look of a cyanotype."""

from __future__ import annotations

from PIL import Image, ImageOps

from restore.data.filters.filter import Filter


def cyanotype(picture: Image.Image) -> Image.Image:
    """Prussian blue (#003153) for black, white for white; RGB to RGB."""
    return ImageOps.colorize(picture.convert("L"), (0, 49, 83), (255, 255, 255))


FILTER = Filter("example-cyanotype", cyanotype, gray=True)
