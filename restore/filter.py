"""Run ``restore filter``: apply photo filters to pictures."""

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
from restore.imaging.contact_sheet import contact_sheet
from restore.imaging.decode import read_picture
from restore.imaging.encode import EncodeOptions, encode
from restore.imaging.formats import check_fits
from restore.imaging.metadata.exif import strip
from restore.imaging.picture import Picture, to8
from restore.jobs.codec import note
from restore.jobs.map_folder import process_all, write_new
from restore.jobs.naming import Naming
from restore.jobs.plan import Item, make_plan

if TYPE_CHECKING:
    from rich.console import Console

Pixels = NDArray[np.uint8]
# Longer side of a picture on the contact sheet.
_SIDE = 240


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore filter --help`` explains them."""

    source: Path
    target: Path
    names: tuple[str, ...]
    cubes: tuple[Path, ...]
    strength: float
    sheet: bool
    quality: int
    max_pixels: float


def start(request: Request, screen: Console) -> int:
    """Filter the pictures.

    Args:
        request: the options.
        screen: console for messages.

    Returns:
        The exit code: 0 on success, 1 if some pictures failed.

    Raises:
        RestoreError: usage error; nothing was written.
        OSError: a result cannot be written.
    """
    layers = [(name, find_filter(name)) for name in request.names]
    layers += [(path.name, read_cube(path)) for path in request.cubes]
    if request.sheet and not layers:
        layers = [(name, find_filter(name)) for name in FILTERS]

    def convert(versions: Sequence[Item]) -> str:
        (item,) = versions
        picture = _colored(read_picture(item.source, round(request.max_pixels * 1e6)))
        pixels = to8(picture.pixels)
        if request.sheet:
            made = strip(replace(picture, pixels=filter_sheet(pixels, layers, request.strength), alpha=None))
        else:
            made = replace(picture, pixels=_filtered(pixels, layers, request.strength), alpha=_alpha8(picture.alpha))
        check_fits(item.target.suffix, *made.size)
        write_new(item.target, encode(made, item.target.suffix, EncodeOptions(quality=request.quality)))
        return note(picture, item.target.suffix)

    plan = make_plan(request.source, request.target, Naming(), existing="skip")
    return process_all([plan], convert, ("Filtering", "filtered"), request.target, screen)


def _colored(picture: Picture) -> Picture:
    """A gray picture as RGB, since filters add color; its gray profile no longer fits."""
    if picture.pixels.shape[2] == 3:
        return picture
    notes = (*picture.notes, *(["gray color profile dropped"] if picture.icc else []))
    return replace(picture, pixels=np.repeat(picture.pixels, 3, axis=2), icc=None, notes=notes)


def _alpha8(alpha: NDArray[np.unsignedinteger] | None) -> Pixels | None:
    return None if alpha is None else to8(alpha)


def _filtered(pixels: Pixels, layers: Sequence[tuple[str, Callable[[Pixels], Pixels]]], strength: float) -> Pixels:
    """Apply the filters in order, each blended with ``strength``."""
    for _, function in layers:
        pixels = blend(pixels, function(pixels), strength)
    return pixels


def filter_sheet(pixels: Pixels, layers: Sequence[tuple[str, Callable[[Pixels], Pixels]]], strength: float) -> Pixels:
    """A contact sheet of the picture and its filtered versions, with the filters' names.

    Args:
        pixels: uint8 RGB (H, W, 3).
        layers: names and filters.
        strength: of each filter, 0..1.

    Returns:
        uint8 RGB, about square, on white.
    """
    factor = _SIDE / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    cells = [("original", small), *((name, blend(small, function(small), strength)) for name, function in layers)]
    columns = max(1, round(math.sqrt(len(cells) * size[1] / size[0])))
    names, pictures = zip(*cells, strict=True)
    return contact_sheet(pictures, columns, names)
