"""``restore dataset tile``: cut large photographs into overlapping squares, which are faster to read in training."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from restore.errors import DataError, ImageError
from restore.imaging.decode import read_picture
from restore.imaging.encode import encode
from restore.imaging.header import read_size
from restore.imaging.metadata.exif import strip
from restore.runtime.cpu import usable_cores
from restore.utils.atomic_write import sweep, write_bytes

_AT_ONCE = 4
_NOTE = ".restore-tiles.json"


@dataclass(frozen=True)
class Tiled:
    """The result for a photograph.

    Attributes:
        source: the photograph.
        written: number of tiles written.
        there: number of tiles that existed.
        problem: why it has no tiles; empty if it has.
    """

    source: Path
    written: int = 0
    there: int = 0
    problem: str = ""


def positions(length: int, side: int, step: int) -> list[int]:
    """First pixels of the tiles along an axis: every ``step`` pixels, and one that ends with the axis.

    As DIV2K and similar sets are usually cut: 480 pixels every 240.

    Args:
        length: of the axis, at least ``side``.
        side: of a tile.
        step: between tiles, at most ``side``.
    """
    found = list(range(0, length - side + 1, step))
    return found if found[-1] + side == length else [*found, length - side]


def tile_photos(
    folder: Path,
    paths: Sequence[Path],
    target: Path,
    side: int,
    step: int,
    done: Callable[[Tiled], object] = lambda _: None,
) -> list[Tiled]:
    """Cut photographs into PNG tiles, in the same folders below ``target``; existing tiles are kept.

    A tile is complete or absent, so an interrupted job goes on where it was. Tiles keep the color profile and 16 bits.

    Args:
        folder: the folder of the photographs.
        paths: the photographs in it.
        target: folder of the tiles.
        side: of a tile, pixels.
        step: between tiles, pixels.
        done: called after each photograph, in order.

    Raises:
        DataError: two photographs would have tiles of the same names, the target lies in the folder, or it holds
            tiles of another side or step.
        OSError: a tile cannot be written.
    """
    if target.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{target} is inside {folder}, so the next run would cut the tiles too: choose another folder")
    _same_cut(target, side, step)
    stems: dict[Path, Path] = {}
    for path in paths:
        stem = target / path.relative_to(folder).with_suffix("")
        if stem in stems:
            raise DataError(f"{stems[stem]} and {path} would have tiles of the same names: rename one")
        stems[stem] = path
    for parent in {stem.parent for stem in stems}:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
    results: list[Tiled] = []
    jobs = list(stems.items())
    count = _AT_ONCE * usable_cores()
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(jobs), count):
            for one in pool.map(lambda job: _tile(job[1], job[0], side, step), jobs[start : start + count]):
                results.append(one)
                done(one)
    return results


def _same_cut(target: Path, side: int, step: int) -> None:
    """Check that the tiles in a folder are cut as these will be, by a note there, and leave one.

    The number of a tile tells where it lies only for one side and step.
    """
    note, cut = target / _NOTE, {"side": side, "step": step}
    try:
        before = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        target.mkdir(parents=True, exist_ok=True)
        write_bytes(note, json.dumps(cut).encode(), overwrite=True)
        return
    except ValueError:
        before = None
    if before != cut:
        how = (
            f"--side {before.get('side')} --step {before.get('step')}" if isinstance(before, dict) else "other options"
        )
        raise DataError(
            f"{target} has tiles that were cut with {how}, not --side {side} --step {step}: choose another folder, or "
            "remove it"
        )


def _tile(source: Path, stem: Path, side: int, step: int) -> Tiled:
    try:
        height, width = read_size(source)
        if min(height, width) < side:
            return Tiled(source, problem=f"{width} x {height} pixels are less than a tile of {side}")
        missing = [place for place in _places(stem, height, width, side, step) if not place[0].exists()]
        total = len(_places(stem, height, width, side, step))
        if not missing:
            return Tiled(source, there=total)
        picture = strip(replace(read_picture(source), alpha=None))
        if picture.size != (height, width):
            return Tiled(source, problem="its header gives another size than its pixels have")
        for path, top, left in missing:
            tile = replace(picture, pixels=picture.pixels[top : top + side, left : left + side])
            write_bytes(path, encode(tile, ".png"))
        return Tiled(source, len(missing), total - len(missing))
    except (ImageError, MemoryError) as error:
        reason = "not enough memory for it" if isinstance(error, MemoryError) else str(error)
        return Tiled(source, problem=reason.removeprefix(f"{source}: "))


def _places(stem: Path, height: int, width: int, side: int, step: int) -> list[tuple[Path, int, int]]:
    """File, row and column of each tile."""
    corners = [(top, left) for top in positions(height, side, step) for left in positions(width, side, step)]
    return [
        (stem.with_name(f"{stem.name}_s{number:03}.png"), top, left) for number, (top, left) in enumerate(corners, 1)
    ]
