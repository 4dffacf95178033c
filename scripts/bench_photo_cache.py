"""Measure what a patch costs by where the photographs are: decoded in memory, in files, in LMDB.

    pip install lmdb
    python scripts/bench_photo_cache.py --photos PHOTOGRAPHS [--count 24] [--patch 96]

Tiles are cut as ``restore dataset tile`` does by default, without overlap. Prints processor time per patch, the least
of three rounds, with everything in the cache of the file system.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import lmdb
import numpy as np
from numpy.typing import NDArray

from restore.data.folder import PhotoStore, list_photos

Pixels = NDArray[np.uint8]
Get = Callable[[int], Pixels]

_SIDE = 480
_SPACE = 2**34


def main() -> None:
    """Measure each place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, type=Path, help="folder of photographs")
    parser.add_argument("--count", default=24, type=int, help="photographs to use")
    parser.add_argument("--patch", default=96, type=int, help="pixels")
    options = parser.parse_args()
    photos = list_photos([options.photos])[: options.count]
    decoded = PhotoStore(photos)
    pictures = [decoded[number] for number in range(len(decoded))]
    tiles = [tile for pixels in pictures for tile in cut_tiles(pixels)]
    megapixels = sum(pixels.size for pixels in pictures) / 3e6 / len(pictures)
    print(f"{len(pictures)} photographs of {megapixels:.1f} megapixels, {len(tiles)} tiles of {_SIDE} x {_SIDE}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / "tiles" / f"{number}.png" for number in range(len(tiles))]
        files[0].parent.mkdir()
        for tile, file in zip(tiles, files, strict=True):
            file.write_bytes(encoded(tile))
        in_png = stored(folder / "png", [encoded(tile) for tile in tiles])
        in_raw = stored(folder / "raw", [tile.tobytes() for tile in tiles])
        ways: dict[str, tuple[Get, int, int]] = {
            "decoded in memory": (decoded.__getitem__, len(photos), 3000),
            "files": (PhotoStore(photos, budget=0).__getitem__, len(photos), 60),
            "PNG tiles": (PhotoStore(files, budget=0).__getitem__, len(files), 200),
            "PNG tiles in LMDB": (from_png(in_png), len(files), 200),
            "decoded tiles in LMDB": (from_raw(in_raw), len(files), 3000),
        }
        for way, (get, count, patches) in ways.items():
            print(f"{way:22} {min(milliseconds(get, count, patches, options.patch) for _ in range(3)):7.3f} ms")
        for kind in ("tiles", "png", "raw"):
            size = sum(file.stat().st_blocks * 512 for file in (folder / kind).iterdir())
            print(f"{kind:22} {size / 2**20:7.0f} MiB")


def cut_tiles(pixels: Pixels) -> list[Pixels]:
    """Whole tiles of a picture (H, W, 3)."""
    height, width = pixels.shape[:2]
    corners = [(y, x) for y in range(0, height - _SIDE + 1, _SIDE) for x in range(0, width - _SIDE + 1, _SIDE)]
    return [np.ascontiguousarray(pixels[y : y + _SIDE, x : x + _SIDE]) for y, x in corners]


def encoded(tile: Pixels) -> bytes:
    """A tile as PNG."""
    return bytes(cv2.imencode(".png", tile[..., ::-1])[1])


def stored(folder: Path, values: list[bytes]) -> lmdb.Environment:
    """A database of values by number."""
    made = lmdb.open(str(folder), map_size=_SPACE)
    with made.begin(write=True) as transaction:
        for number, value in enumerate(values):
            transaction.put(str(number).encode(), value)
    return made


def from_png(values: lmdb.Environment) -> Get:
    """Decodes a tile of a database."""

    def get(number: int) -> Pixels:
        with values.begin(buffers=True) as transaction:
            data = np.frombuffer(transaction.get(str(number).encode()), np.uint8)
            return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]

    return get


def from_raw(values: lmdb.Environment) -> Get:
    """Looks at the pixels of a tile in a database, which are not copied."""

    def get(number: int) -> Pixels:
        with values.begin(buffers=True) as transaction:
            return np.frombuffer(transaction.get(str(number).encode()), np.uint8).reshape(_SIDE, _SIDE, 3)

    return get


def milliseconds(get: Get, count: int, patches: int, side: int) -> float:
    """Processor time of a patch."""
    draw = np.random.default_rng(0)
    numbers = draw.integers(0, count, patches).tolist()
    before = time.process_time()
    for number in numbers:
        pixels = get(number)
        top, left = (int(draw.integers(0, length - side + 1)) for length in pixels.shape[:2])
        np.ascontiguousarray(pixels[top : top + side, left : left + side])
    return (time.process_time() - before) / patches * 1000


if __name__ == "__main__":
    main()
