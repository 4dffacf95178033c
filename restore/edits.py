"""Run ``restore edits``: write the edits that a model makes, as files for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from restore.data.filters.cube import cube_grid, write_cube
from restore.errors import ModelError
from restore.imaging.metadata.camera_raw import Point, camera_raw_preset
from restore.jobs.codec import decode, to_arrays
from restore.jobs.map_folder import process_all, write_new
from restore.jobs.naming import Naming, PlanError
from restore.jobs.options import PictureOptions
from restore.jobs.plan import Item, make_plan
from restore.runtime.edit import Edit
from restore.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from restore.zoo.precision import Precision

# Sides of lookup tables: the largest that all programs read, and one for steep edits, which most read.
CUBE_SIZES = (33, 65)
# Levels that interpolation in a table may cost. Programs that cut off the rest in place of rounding add one.
CUBE_ERROR = 1.0
# Rounds of fitting its curves, and what keeps a weight above zero.
_ROUNDS, _SLIGHT = 20, 1e-6


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore edits --help`` explains them."""

    source: Path
    target: Path
    model: str
    strength: float | None = None
    device: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    max_pixels: float = 256
    spec: dict[str, str] = field(default_factory=dict)


def start(request: Request, screen: Console, say: Callable[[str], None], as_json: bool = False) -> int:
    """Write ``NAME.cube`` and ``NAME.xmp`` for every picture.

    Args:
        request: the options.
        screen: console for messages.
        say: prints a line about each edit on standard output.
        as_json: whether these lines are JSON.

    Returns:
        The exit code: 0 on success, 1 if some pictures failed.

    Raises:
        RestoreError: usage error, or the model's change is no such edit; nothing was written.
        OSError: a result cannot be written.
    """
    from restore.zoo.open import open_named

    if request.target.suffix and not request.target.is_dir() and not request.source.is_dir():
        raise PlanError(f"{request.target}: give a folder, because each picture gets a .cube and an .xmp file")
    plans = [make_plan(request.source, request.target, Naming(suffix=end), "skip") for end in (".cube", ".xmp")]
    model = open_named(request.model, request.device, request.precision, request.threads, request.spec)
    if not model.spec.edit:
        raise ModelError(
            f"{request.model}: its change is no edit in numbers; train one with the recipe unfilter-edits, or a recipe "
            "of yours with network: {kind: edits}"
        )
    if request.strength is not None and not model.spec.strength:
        raise ModelError(f"--strength: {request.model} has no adjustable strength; remove --strength")
    options = PictureOptions(pixel_limit=round(request.max_pixels * 1e6))

    def convert(versions: Sequence[Item]) -> str:
        table, preset = versions
        picture = decode(table.source, options)
        edit = model.edit_of(to_arrays(picture, 1)[0], 1.0 if request.strength is None else request.strength)
        assert edit is not None
        cube, error = edit_cube(edit, table.source.stem)
        write_new(table.target, cube)
        write_new(preset.target, edit_preset(edit, table.source.stem))
        name = table.source_name
        say(json.dumps({"source": name, **edit.record()}) if as_json else f"{printable(name)}: {edit.text()}")
        far = [f"the edit is so steep that its table can be {error:.1f} levels off"] if error > CUBE_ERROR else []
        return "; ".join([*picture.notes, *far])

    return process_all(plans, convert, ("Reading edits", "edits written"), request.target, screen)


def edit_cube(edit: Edit, title: str) -> tuple[bytes, float]:
    """An edit as a lookup table in Adobe's .cube format, and how far its results can be from the edit's, in levels.

    Before saturation, which is linear, a result depends on its own channel alone, so interpolation in the table is that
    of three curves, trilinear or tetrahedral alike. Points on the curves would cut every bend short; these come closest
    to all of the 256 levels. The table is the smallest of :data:`CUBE_SIZES` that is within :data:`CUBE_ERROR`; if none
    is, the largest.
    """
    levels = np.linspace(0, 1, 256)
    wanted = edit.channels(np.repeat(levels[:, None], 3, axis=1))
    shares = np.abs(edit.saturated(np.eye(3)))  # of each channel's error in each result
    for size in CUBE_SIZES:
        fitted = [_closest(levels * (size - 1), wanted[:, i], size) for i in range(3)]
        error = 255 * float((np.array([one for _, one in fitted]) @ shares).max())
        if error <= CUBE_ERROR:
            break
    places = np.round(cube_grid(size) * (size - 1)).astype(int)
    table = np.stack([points[places[..., i]] for i, (points, _) in enumerate(fitted)], axis=-1)
    return write_cube(edit.saturated(table), title), error


def _closest(places: NDArray[np.float64], values: NDArray[np.float64], size: int) -> tuple[NDArray[np.float64], float]:
    """Points whose linear interpolation has the least largest error, by Lawson's reweighting (1961), and that error.

    Args:
        places: (N,), on 0..size - 1.
        values: (N,), there.
        size: number of points.
    """
    hats = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(size)))
    weights = np.ones(len(places))
    best, least = np.zeros(size), np.inf
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)[:, None]
        points = np.linalg.lstsq(root * hats, root[:, 0] * values, rcond=None)[0]
        error = np.abs(hats @ points - values)
        if error.max() < least:
            best, least = points, float(error.max())
        weights *= error + _SLIGHT
        weights /= weights.sum()
    return best, least


def edit_preset(edit: Edit, name: str) -> bytes:
    """An edit as a preset of Camera Raw and Lightroom.

    White balance, exposure and tone curves become one curve for each channel, which says the same for grays;
    Lightroom's own sliders for white balance and exposure work on the light of a raw file. Lightroom applies curves in
    a wider color space, so saturated colors differ a little.
    """
    levels = np.arange(256)
    made = 255 * edit.channels(np.repeat(levels[:, None] / 255, 3, axis=1))
    curves = {channel: _points(edit, made, i) for i, channel in enumerate(("Red", "Green", "Blue"))}
    return camera_raw_preset(name, int(np.clip(round(100 * (edit.saturation - 1)), -100, 100)), curves)


def _points(edit: Edit, made: NDArray[np.float64], channel: int) -> list[Point]:
    """The ends of a channel's curve and where it bends or clips.

    Args:
        edit: the edit.
        made: what it makes of the levels 0..255 before saturation, (256, 3), in levels and not clipped.
        channel: 0..2.
    """
    values = made[:, channel]
    count = len(edit.curves[channel]) - 1
    bends = np.arange(1, count) / count / edit.gains[channel] * 255
    clips = np.flatnonzero(np.diff((values > 0).astype(int) + (values > 255)))  # the last level before each clipping
    inputs = sorted({0, 255, *np.round(bends[bends < 255]).astype(int).tolist(), *clips.tolist()})
    return [(level, round(float(np.clip(values[level], 0, 255)))) for level in inputs]
