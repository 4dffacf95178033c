"""The files of shipped models, and what they make of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from restore.runtime.model import Model
from restore.runtime.stream import enhance_pixels
from restore.zoo.find import find
from restore.zoo.precision import family, precision_of


def files(name: str) -> list[Path]:
    """Of each precision."""
    return list(family(find(name)).values())


def kind(file: Path) -> str:
    """What a test is called by."""
    return f"{file.parent.name}-{precision_of(file)}"


def made_by(model: Model, pixels: np.ndarray, tile: int | None = None, strength: float = 1.0) -> np.ndarray:
    return enhance_pixels(pixels, model, model.spec, tile, strength)


def assert_flat(model: Model, color: tuple[int, int, int]) -> None:
    """A flat color stays within four levels, and the phases of 2 x 2 pixels within one of each other."""
    pixels = np.full((64, 64, 3), color, np.uint8)
    change = made_by(model, pixels).astype(float) - pixels
    assert np.abs(change).max() <= 4
    phases = [change[row::2, column::2].mean((0, 1)) for row in range(2) for column in range(2)]
    assert np.ptp(phases, axis=0).max() <= 0.95
