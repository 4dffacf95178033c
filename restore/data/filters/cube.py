"""Reads and writes color lookup tables in Adobe's .cube format (Cube LUT Specification 1.0)."""

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

# Largest size that Pillow interpolates; the format allows 256.
_LARGEST = 65
_LARGEST_1D = 65536
# Entries of the largest 3D table, and a generous limit on the bytes of its file.
_MOST = _LARGEST**3
_LARGEST_FILE = 64_000_000
# Supported input ranges: keywords of the specification, and common non-standard ones.
_DOMAINS = {
    "DOMAIN_MIN": [0.0] * 3,
    "DOMAIN_MAX": [1.0] * 3,
    "LUT_1D_INPUT_RANGE": [0.0, 1.0],
    "LUT_3D_INPUT_RANGE": [0.0, 1.0],
}


def read_cube(path: Path) -> Callable[[Pixels], Pixels]:
    """A lookup table as a function of uint8 RGB (H, W, 3), with linear interpolation (trilinear for 3D tables).

    Raises:
        FilterError: the file is missing, or is not a table for pictures on 0..1; the message gives the line.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise FilterError(f"{path}: a file of {path.stat().st_size} bytes is too large for a lookup table")
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
                    raise FilterError(f"{path}: more entries than any supported table")
        except ValueError as error:
            raise FilterError(f"{path}, line {number}: {line.strip()[:60]!r} is not valid in a .cube file") from error
    if len(sizes) != 1:
        raise FilterError(f"{path}: not a .cube file: it must contain LUT_1D_SIZE or LUT_3D_SIZE once")
    ((kind, size),) = sizes.items()
    dimensions, largest = (3, _LARGEST) if kind == "LUT_3D_SIZE" else (1, _LARGEST_1D)
    if not 2 <= size <= largest:
        raise FilterError(f"{path}: {kind} {size} is not supported; it must be from 2 to {largest}")
    if len(rows) != size**dimensions:
        raise FilterError(f"{path}: {len(rows)} entries, but {kind} {size} needs {size**dimensions}")
    table = np.array(rows, np.float32)
    # Of a 3D table, what is interpolated is clipped, not the entries.
    return _lookup_3d(table, size) if dimensions == 3 else _lookup_1d(table.clip(0, 1))


def cube_grid(size: int) -> NDArray[np.float64]:
    """The colors whose results a 3D table holds, RGB on 0..1 (size, size, size, 3), by blue, green and red."""
    steps = np.linspace(0, 1, size)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1)


def write_cube(table: NDArray[np.float64], title: str) -> bytes:
    """A 3D table as a file.

    Args:
        table: results for the colors of :func:`cube_grid`, of the same shape. They may lie outside 0..1: programs clip
            after they have interpolated.
        title: shown by programs; quotes and characters other than ASCII, which the format has no way to write, are
            replaced.
    """
    shown = "".join(character if " " <= character <= "~" and character != '"' else "_" for character in title)
    rows = (f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in table.reshape(-1, 3))
    return "\n".join([f'TITLE "{shown}"', f"LUT_3D_SIZE {len(table)}", *rows, ""]).encode("ascii")


def _row(words: list[str]) -> list[float]:
    red, green, blue = map(float, words)
    if not np.isfinite([red, green, blue]).all():
        raise ValueError(words)
    return [red, green, blue]


def _check_domain(words: list[str], path: Path, number: int) -> None:
    if [float(word) for word in words[1:]] != _DOMAINS[words[0]]:
        raise FilterError(
            f"{path}, line {number}: {' '.join(words)}: only tables for pictures from 0 to 1 are supported, not for "
            "scene-linear or logarithmic ones"
        )


def _lookup_3d(table: NDArray[np.float32], size: int) -> Callable[[Pixels], Pixels]:
    # Red varies fastest, both in the file and in Pillow.
    lookup = ImageFilter.Color3DLUT(size, table.ravel())
    return partial(_interpolate, lookup)


def _lookup_1d(table: NDArray[np.float32]) -> Callable[[Pixels], Pixels]:
    places = np.linspace(0, 255, len(table))
    curves = [np.round(255 * np.interp(np.arange(256), places, table[:, i])).astype(np.uint8) for i in range(3)]
    return partial(_bend, curves)


# Module-level functions, because worker processes get them by pickle.
def _interpolate(lookup: ImageFilter.Color3DLUT, pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(lookup))


def _bend(curves: Sequence[Pixels], pixels: Pixels) -> Pixels:
    return np.stack([curve[pixels[..., i]] for i, curve in enumerate(curves)], axis=-1)
