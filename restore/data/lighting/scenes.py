"""Splits a folder of exposure sequences into scenes, and finds which pictures of a scene are aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError
from restore.imaging.color.conversions import luma
from restore.imaging.decode import read_rgb8

# Side at which pictures are compared, and the correlation peak above which two show the same scene. Measured on 1,850
# pictures of the SICE sequences at 512 pixels: above 0.19 within a scene, including black and white pictures, and below
# 0.1 between scenes except for a few, which are recognized by their shift.
_SIDE = 256
_SAME = 0.13
# Largest shift between two exposures of a scene, as a fraction of the side; a larger shift means another scene.
_MOVED = 1 / 32
# Largest displacement of aligned pictures, in pixels.
_ALIKE = 1.0


@dataclass(frozen=True)
class Scene:
    """Pictures of one scene.

    Attributes:
        paths: pictures in the order of the sequence.
        means: mean luma of each picture, 0..255.
        alike: whether each picture is within a pixel of the scene's middle exposure.
    """

    paths: list[Path]
    means: list[float]
    alike: list[bool]

    def usable(self) -> list[Path]:
        """The aligned pictures, from dark to bright."""
        kept = [(mean, path) for path, mean, alike in zip(self.paths, self.means, self.alike, strict=True) if alike]
        return [path for _, path in sorted(kept)]


@dataclass(frozen=True)
class _Look:
    """A picture reduced to its local contrast, with its mean luma and the size of the file."""

    detail: NDArray[np.float32]
    mean: float
    size: tuple[int, int]


def find_scenes(paths: Sequence[Path]) -> list[Scene]:
    """Split a sequence of pictures where the scene changes.

    Two neighbors show the same scene if the phase correlation of their local contrast has a clear peak near zero. That
    is independent of brightness and of the order of exposures.

    Args:
        paths: pictures in the order in which they were taken.

    Raises:
        DataError: there are no pictures.
        ImageError: a picture cannot be read.
    """
    if not paths:
        raise DataError("no pictures to find scenes in")
    scenes: list[list[tuple[Path, _Look]]] = []
    for path in paths:
        look = _look(path)
        if scenes and same_scene(scenes[-1][-1][1], look):
            scenes[-1].append((path, look))
        else:
            scenes.append([(path, look)])
    return [_scene(pictures) for pictures in scenes]


def _look(path: Path) -> _Look:
    pixels = read_rgb8(path)
    gray = luma(pixels).astype(np.float32)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return _Look(local_contrast(small), float(gray.mean()), (pixels.shape[0], pixels.shape[1]))


def local_contrast(gray: NDArray[np.float32], sigma: float = 4.0) -> NDArray[np.float32]:
    """Luma minus its local mean, divided by its local deviation; nearly the same for every exposure.

    Args:
        gray: luma (H, W), 0..255.
        sigma: standard deviation of the local window, pixels.
    """
    mean = cv2.GaussianBlur(gray, (0, 0), sigma)
    variance = np.maximum(cv2.GaussianBlur(gray * gray, (0, 0), sigma) - mean * mean, 0)
    # The constant suppresses areas that vary by only a few levels, which is noise.
    contrast: NDArray[np.float32] = ((gray - mean) / (np.sqrt(variance) + 4)).astype(np.float32)
    return contrast


def displacement(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[float, float]:
    """Displacement between two results of :func:`local_contrast` in pixels, and its confidence, 0..1."""
    window = cv2.createHanningWindow((a.shape[1], a.shape[0]), cv2.CV_32F)
    shift, peak = cv2.phaseCorrelate(a, b, window)
    return float(np.hypot(*shift)), float(peak)


def same_scene(a: _Look, b: _Look) -> bool:
    """Whether two pictures show the same scene."""
    if a.size != b.size:
        return False
    distance, peak = displacement(a.detail, b.detail)
    return peak > _SAME and distance < _MOVED * _SIDE


def _scene(pictures: Sequence[tuple[Path, _Look]]) -> Scene:
    middle = sorted(pictures, key=lambda picture: picture[1].mean)[len(pictures) // 2][1]
    alike = []
    for _, look in pictures:
        distance, peak = displacement(middle.detail, look.detail)
        pixel = max(look.size) / _SIDE
        alike.append(look is middle or (peak > _SAME and distance * pixel <= _ALIKE))
    return Scene([path for path, _ in pictures], [look.mean for _, look in pictures], alike)
