"""Validation samples, and functions that make them from pictures and pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.data.pairs import common_scale, refuse_turned
from restore.data.sampling import generator
from restore.errors import ImageError
from restore.imaging.decode import read_rgb8

# Validation uses sample numbers that training never reaches.
_FIRST = 2**62


@dataclass(frozen=True)
class Sample:
    """A validation sample.

    Attributes:
        name: name of the picture.
        low: the input, uint8 RGB (h, w, 3).
        high: the target, uint8 RGB (scale * h, scale * w, 3); None if the result is only for visual inspection.
    """

    name: str
    low: NDArray[np.uint8]
    high: NDArray[np.uint8] | None


def readable(paths: Sequence[Path], skipped: list[str] | None = None) -> Iterator[tuple[int, Path, NDArray[np.uint8]]]:
    """Decode pictures, with their numbers.

    Args:
        paths: the pictures.
        skipped: receives a message for each picture that cannot be read; it keeps its number, so that the others'
            random values do not change. None raises the error instead.

    Raises:
        ImageError: a picture cannot be read.
    """
    for number, path in enumerate(paths):
        try:
            pixels = read_rgb8(path)
        except ImageError as error:
            if skipped is None:
                raise
            skipped.append(str(error))
            continue
        yield number, path, pixels


def readable_pairs(
    pairs: Sequence[tuple[Path, Path]], skipped: list[str] | None = None
) -> Iterator[tuple[tuple[Path, Path], NDArray[np.uint8], NDArray[np.uint8]]]:
    """Decode pairs of pictures; see :func:`readable`."""
    for pair in pairs:
        pixels = [one for _, _, one in readable(pair, skipped)]
        if len(pixels) == 2:
            yield pair, pixels[0], pixels[1]


def validation_generator(seed: int, number: int) -> np.random.Generator:
    """The source of randomness for validation sample ``number``; independent of all training samples."""
    return generator(seed, _FIRST + number)


def middle(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The central ``side`` x ``side`` pixels of a picture (H, W, 3); shorter sides are kept whole."""
    top, left = (max(0, (n - side) // 2) for n in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def small(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) reduced by area averaging until its longer side is at most ``longest`` pixels."""
    height, width = pixels.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    reduced: NDArray[np.uint8] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return reduced


def pair_samples(
    pairs: Sequence[tuple[Path, Path]], scale: int, crop: int, skipped: list[str] | None = None
) -> list[Sample]:
    """Central crop of each pair, at most ``crop`` pixels per side of the target.

    Raises:
        DataError: the sizes of a pair do not fit the scale.
        ImageError: a picture cannot be read.
    """
    samples = []
    for pair, low, high in readable_pairs(pairs, skipped):
        common_scale([pair], np.array([low.shape[:2]]), np.array([high.shape[:2]]), scale)
        sides = [min(n, max(1, crop // scale)) for n in low.shape[:2]]
        top, left = ((n - side) // 2 for n, side in zip(low.shape[:2], sides, strict=True))
        low = low[top : top + sides[0], left : left + sides[1]]
        high = high[scale * top : scale * (top + sides[0]), scale * left : scale * (left + sides[1])]
        samples.append(Sample(pair[0].stem, low, high))
    return samples


def whole_pair_samples(pairs: Sequence[tuple[Path, Path]], crop: int, skipped: list[str] | None = None) -> list[Sample]:
    """Both pictures of each pair, whole, reduced to ``crop`` pixels on the longer side.

    Raises:
        DataError: the pictures of a pair differ in size.
        ImageError: a picture cannot be read.
    """
    samples = []
    for pair, low, high in readable_pairs(pairs, skipped):
        common_scale([pair], np.array([low.shape[:2]]), np.array([high.shape[:2]]), 1)
        refuse_turned(pair, low, high, 1)
        samples.append(Sample(pair[0].stem, small(low, crop), small(high, crop)))
    return samples
