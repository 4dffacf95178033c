"""Colour lookup tables in Adobe's .cube format (Cube LUT Specification 1.0), which other programs write."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from restore.errors import FilterError

Pixels = NDArray[np.uint8]

# What Pillow interpolates in; the format allows 256.
_LARGEST = 65
_LARGEST_1D = 65536
# Of a table of three dimensions and side 65; and bytes of such a file, generously.
_MOST = _LARGEST**3
_LARGEST_FILE = 64_000_000
# What the values of a picture may be said to lie between: by the specification, and by another program's habit.
_DOMAINS = {
    "DOMAIN_MIN": [0.0] * 3,
    "DOMAIN_MAX": [1.0] * 3,
    "LUT_1D_INPUT_RANGE": [0.0, 1.0],
    "LUT_3D_INPUT_RANGE": [0.0, 1.0],
}


def read_cube(path: Path) -> Callable[[Pixels], Pixels]:
    """A table as a function of uint8 RGB (H, W, 3): interpolated between its entries, trilinear in three dimensions.

    Raises:
        FilterError: there is no such file, or it is not a table for pictures on 0..1; says which line.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise FilterError(f"{path}: {path.stat().st_size} bytes are no lookup table that can be used")
        lines = io.StringIO(path.read_text("utf-8-sig", errors="replace"))
    except OSError as error:
        raise FilterError(f"{path}: cannot be read: {error.strerror}") from error
    sizes: dict[str, int] = {}
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words or words[0] == "TITLE":
            continue
        try:
            if words[0] in ("LUT_1D_SIZE", "LUT_3D_SIZE"):
                (sizes[words[0]],) = map(int, words[1:])
            elif words[0] in _DOMAINS:
                _check_domain(words, path, number)
            else:
                rows.append(_row(words))
                if len(rows) > _MOST:
                    raise FilterError(f"{path}: more entries than any table has that can be used")
        except ValueError as error:
            raise FilterError(f"{path}, line {number}: {line.strip()[:60]!r} is not what a .cube file says") from error
    if len(sizes) != 1:
        raise FilterError(f"{path}: not a .cube file: it has to say either LUT_1D_SIZE or LUT_3D_SIZE, once")
    ((kind, size),) = sizes.items()
    dimensions, largest = (3, _LARGEST) if kind == "LUT_3D_SIZE" else (1, _LARGEST_1D)
    if not 2 <= size <= largest:
        raise FilterError(f"{path}: {kind} {size}: from 2 to {largest} can be used")
    if len(rows) != size**dimensions:
        raise FilterError(f"{path}: {len(rows)} entries, and {kind} {size} wants {size**dimensions}: it is incomplete")
    table = np.array(rows, np.float32).clip(0, 1)
    return _lookup_3d(table, size) if dimensions == 3 else _lookup_1d(table)


def _row(words: list[str]) -> list[float]:
    red, green, blue = map(float, words)
    if not np.isfinite([red, green, blue]).all():
        raise ValueError(words)
    return [red, green, blue]


def _check_domain(words: list[str], path: Path, number: int) -> None:
    if [float(word) for word in words[1:]] != _DOMAINS[words[0]]:
        raise FilterError(
            f"{path}, line {number}: {' '.join(words)}: the table is not for pictures from 0 to 1, but for "
            "scene-linear or logarithmic ones"
        )


def _lookup_3d(table: NDArray[np.float32], size: int) -> Callable[[Pixels], Pixels]:
    # Red varies fastest, in the file as in Pillow.
    lookup = ImageFilter.Color3DLUT(size, table.ravel())
    return partial(_interpolate, lookup)


def _lookup_1d(table: NDArray[np.float32]) -> Callable[[Pixels], Pixels]:
    places = np.linspace(0, 255, len(table))
    curves = [np.round(255 * np.interp(np.arange(256), places, table[:, i])).astype(np.uint8) for i in range(3)]
    return partial(_bend, curves)


# Functions of the module, for those that read photographs beside a training run get them by pickle.
def _interpolate(lookup: ImageFilter.Color3DLUT, pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(lookup))


def _bend(curves: Sequence[Pixels], pixels: Pixels) -> Pixels:
    return np.stack([curve[pixels[..., i]] for i, curve in enumerate(curves)], axis=-1)
