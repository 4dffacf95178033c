"""From the options of ``restore filter`` to pictures with a filter laid over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.data.filters.cube import read_cube
from restore.data.filters.library import FILTERS, blend, find_filter
from restore.imaging.decode import read_picture
from restore.imaging.encode import EncodeOptions, encode
from restore.imaging.formats import check_fits
from restore.imaging.picture import Picture, to8
from restore.jobs.each import each, write_new
from restore.jobs.naming import Naming
from restore.jobs.picture import note
from restore.jobs.plan import Item, make_plan

if TYPE_CHECKING:
    from rich.console import Console

Pixels = NDArray[np.uint8]
# Of a contact sheet: the longer side of its pictures, and what lies between them, with room for the name.
_SIDE, _GAP, _LINE = 240, 8, 22


@dataclass(frozen=True)
class Request:
    """The options as they were given; ``restore filter --help`` says what each means."""

    source: Path
    target: Path
    names: tuple[str, ...]
    cubes: tuple[Path, ...]
    strength: float
    sheet: bool
    quality: int
    max_pixels: float


def start(request: Request, screen: Console) -> int:
    """Do what was asked for.

    Args:
        request: the options.
        screen: for people.

    Returns:
        The exit code: 0 all done, 1 some pictures failed.

    Raises:
        RestoreError: wrong use; nothing was written.
        OSError: a result cannot be written.
    """
    layers = [(name, find_filter(name)) for name in request.names]
    layers += [(path.name, read_cube(path)) for path in request.cubes]
    if request.sheet and not layers:
        layers = [(name, find_filter(name)) for name in FILTERS]

    def convert(versions: Sequence[Item]) -> str:
        (item,) = versions
        picture = _coloured(read_picture(item.source, round(request.max_pixels * 1e6)))
        pixels = to8(picture.pixels)
        if request.sheet:
            made = replace(
                picture, pixels=contact_sheet(pixels, layers, request.strength), alpha=None, exif=None, xmp=None
            )
        else:
            made = replace(picture, pixels=_laid_over(pixels, layers, request.strength), alpha=_alpha8(picture.alpha))
        check_fits(item.target.suffix, *made.size)
        write_new(item.target, encode(made, item.target.suffix, EncodeOptions(quality=request.quality)))
        return note(picture, item.target.suffix)

    plan = make_plan(request.source, request.target, Naming(), existing="skip")
    return each([plan], convert, ("Filtering", "filtered"), request.target, screen)


def _coloured(picture: Picture) -> Picture:
    """A grey picture as RGB, for a filter gives it colours; a profile of grey no longer fits."""
    if picture.pixels.shape[2] == 3:
        return picture
    notes = (*picture.notes, *(["its profile is of grey, and was dropped"] if picture.icc else []))
    return replace(picture, pixels=np.repeat(picture.pixels, 3, axis=2), icc=None, notes=notes)


def _alpha8(alpha: NDArray[np.unsignedinteger] | None) -> Pixels | None:
    return None if alpha is None else to8(alpha)


def _laid_over(pixels: Pixels, layers: Sequence[tuple[str, Callable[[Pixels], Pixels]]], strength: float) -> Pixels:
    """One filter after another, each in part."""
    for _, function in layers:
        pixels = blend(pixels, function(pixels), strength)
    return pixels


def contact_sheet(pixels: Pixels, layers: Sequence[tuple[str, Callable[[Pixels], Pixels]]], strength: float) -> Pixels:
    """The picture, and the picture under each filter, small, with their names.

    Args:
        pixels: uint8 RGB (H, W, 3).
        layers: filters by name.
        strength: of each, 0..1.

    Returns:
        uint8 RGB, about square, on white.
    """
    factor = _SIDE / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    cells = [("as it is", small), *((name, blend(small, function(small), strength)) for name, function in layers)]
    across, down = size[0] + _GAP, size[1] + _LINE
    columns = max(1, round(math.sqrt(len(cells) * down / across)))
    rows = math.ceil(len(cells) / columns)
    sheet = np.full((_GAP + rows * down, _GAP + columns * across, 3), 255, np.uint8)
    for number, (name, cell) in enumerate(cells):
        top, left = _GAP + number // columns * down, _GAP + number % columns * across
        sheet[top : top + size[1], left : left + size[0]] = cell
        origin = (left, top + size[1] + _LINE - 8)
        cv2.putText(sheet, name, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet
