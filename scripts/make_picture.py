"""Make docs/before-after.jpg, the picture of the README, from photographs that come with scikit-image.

    python scripts/make_picture.py

The photographs are CC0: a cat by Stefan van der Walt, a launch by SpaceX, a cup by Rachel Michetti. None was trained
on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage import data

import restore
from restore.data.filters.library import find_filter

Pixels = NDArray[np.uint8]
OUT = Path(__file__).resolve().parents[1] / "docs/before-after.jpg"
_WIDTH, _HEIGHT, _LINE = 400, 300, 30
_FILTER = "toaster"


def enlarged() -> tuple[Pixels, Pixels]:
    """A face at a quarter of its size, enlarged by bicubic and by sr-x4."""
    face = Image.fromarray(data.chelsea()).crop((40, 0, 40 + _WIDTH, _HEIGHT))
    small = face.resize((_WIDTH // 4, _HEIGHT // 4), Image.Resampling.BICUBIC)
    return np.asarray(small.resize(face.size, Image.Resampling.BICUBIC)), restore.load("sr-x4")(np.asarray(small))


def lifted() -> tuple[Pixels, Pixels]:
    """A launch before dawn, original and enhanced by backlit."""
    dark = _fitted(data.rocket())
    return dark, restore.load("backlit")(dark)


def unfiltered() -> tuple[Pixels, Pixels]:
    """A cup with a filter, and restored by unfilter."""
    under = find_filter(_FILTER)(_fitted(data.coffee()))
    return under, restore.load("unfilter")(under)


PANELS: dict[str, Callable[[], tuple[Pixels, Pixels]]] = {
    "bicubic x4  |  sr-x4": enlarged,
    "as it was  |  backlit": lifted,
    f"under {_FILTER.capitalize()}  |  unfilter": unfiltered,
}


def _fitted(picture: Pixels) -> Pixels:
    """The middle of a picture at the panels' size."""
    image = Image.fromarray(picture)
    scale = max(_WIDTH / image.width, _HEIGHT / image.height)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    left, top = (image.width - _WIDTH) // 2, (image.height - _HEIGHT) // 2
    return np.asarray(image.crop((left, top, left + _WIDTH, top + _HEIGHT)))


def main() -> None:
    """Pictures side by side, each half before and half after."""
    sheet = Image.new("RGB", (len(PANELS) * (_WIDTH + 6) - 6, _HEIGHT + _LINE), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=17)
    for number, (words, make) in enumerate(PANELS.items()):
        before, after = make()
        halves = np.hstack([before[:, : _WIDTH // 2], after[:, _WIDTH // 2 :]])
        halves[:, _WIDTH // 2 - 1 : _WIDTH // 2 + 1] = 255
        left = number * (_WIDTH + 6)
        sheet.paste(Image.fromarray(halves), (left, 0))
        draw.text((left + _WIDTH // 2, _HEIGHT + 5), words, fill="black", font=font, anchor="ma")
    sheet.save(OUT, quality=90, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
