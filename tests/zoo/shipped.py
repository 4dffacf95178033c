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
