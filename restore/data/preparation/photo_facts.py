"""What can be said about a single photograph as training data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.data.preparation.perceptual_hash import perceptual_hash
from restore.errors import ImageError
from restore.imaging.color.conversions import luma
from restore.imaging.decode import read_picture
from restore.imaging.picture import to8
from restore.runtime.cpu import usable_cores

# Side of the blocks whose flatness is judged, and the deviation in levels of 255 below which one is flat.
_BLOCK, _FLAT = 16, 2.0
_GRID = 8
# Photographs at a time, per core.
_AT_ONCE = 4


@dataclass(frozen=True)
class PhotoFacts:
    """Measurements of a photograph.

    Attributes:
        path: the file.
        height: in pixels; 0 if it cannot be read.
        width: in pixels; 0 if it cannot be read.
        problem: why it cannot be read, or what is damaged; empty if nothing is.
        content: SHA-256 of the decoded pixels.
        look: perceptual hash, 64 bits.
        blockiness: see :func:`blockiness`.
        flat: see :func:`flat_share`.
    """

    path: Path
    height: int = 0
    width: int = 0
    problem: str = ""
    content: str = ""
    look: int = 0
    blockiness: float = 1.0
    flat: float = 0.0

    @property
    def readable(self) -> bool:
        """Whether it can be read, if perhaps with damage."""
        return self.height > 0


def measure_photo(path: Path) -> PhotoFacts:
    """Decode and measure a photograph; problems are returned, not raised."""
    try:
        picture = read_picture(path)
    except (ImageError, MemoryError) as error:
        reason = "not enough memory for it" if isinstance(error, MemoryError) else str(error)
        return PhotoFacts(path, problem=reason.removeprefix(f"{path}: "))
    pixels = to8(picture.pixels)
    damage = next((note for note in picture.notes if note.startswith("damaged")), "")
    gray = luma(pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)).astype(np.float32)
    digest = hashlib.sha256(str(pixels.shape).encode() + np.ascontiguousarray(pixels).data).hexdigest()
    look, blocks, flat = perceptual_hash(gray), round(blockiness(gray), 3), round(flat_share(gray), 3)
    return PhotoFacts(path, *picture.size, damage, digest, look, blocks, flat)


def measure_photos(paths: Sequence[Path], done: Callable[[int], object] = lambda _: None) -> Iterator[PhotoFacts]:
    """Measure photographs in their order, with one thread per core.

    Args:
        paths: the photographs.
        done: called with the number of finished ones.
    """
    count = _AT_ONCE * usable_cores()
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(paths), count):
            some = paths[start : start + count]
            yield from pool.map(measure_photo, some)
            done(start + len(some))


def blockiness(gray: NDArray[np.float32]) -> float:
    """How much neighbors differ more across the borders of JPEG's 8 x 8 blocks than elsewhere.

    A picture that was cropped after compression has its borders elsewhere, so all eight positions of the grid are
    tried, and the one with the largest differences counts.

    Args:
        gray: luma (H, W), 0..255.

    Returns:
        About 1.1 without compression, 1.3 for a JPEG of quality 50 and 1.5 for one of 30; 1 for pictures under 32
        pixels.
    """
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(gray, axis=axis)).mean(axis=1 - axis, dtype=np.float64)
        if len(steps) < 4 * _GRID:
            return 1.0
        # Medians: a few strong edges of the subject must not count as borders.
        phases = np.array([np.median(steps[phase::_GRID]) for phase in range(_GRID)])
        most = int(phases.argmax())
        rest = float(np.delete(phases, most).mean())
        ratios.append((phases[most] + 0.1) / (rest + 0.1))  # smooth pictures: a tenth of a level is nothing
    return float(np.mean(ratios))


def flat_share(gray: NDArray[np.float32]) -> float:
    """Share of the 16 x 16 blocks without structure, 0..1: sky, walls, and backgrounds out of focus.

    Args:
        gray: luma (H, W), 0..255.
    """
    height, width = (n - n % _BLOCK for n in gray.shape)
    if not (height and width):
        return 0.0
    blocks = gray[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    deviation = blocks.std(axis=(1, 3))
    return float((deviation < _FLAT).mean())
