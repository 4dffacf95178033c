"""Measure what models that enlarge do with line art and flat colors, of which photographs have hardly any.

    python scripts/line_art.py models/sr-x2/sr-x2.onnx models/sr-x2/sr-x2.int8.onnx
    python scripts/line_art.py models/sr-x4/sr-x4.onnx --border 0

For each model: the darkest value, of 255, more than two pixels away from a black line of one pixel on white, where
echoes of the line appear; and the largest error of a flat color up to the corner of the picture, in levels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels

DIRECTIONS = ("vertical", "horizontal", "diagonal")
COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 30, 30), (255, 255, 255), (0, 0, 0))
_SIDE = 64


def main() -> None:
    """Print one line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--border", help="pixels to mirror around the picture (default: what the model asks for)")
    options = parser.parse_args()
    for file in options.models:
        model = open_model(file, "cpu", given={} if options.border is None else {"border": options.border})
        darkest = ", ".join(f"{direction} {beside_line(model, direction)[0]}" for direction in DIRECTIONS)
        print(f"{file}: beside a line {darkest}; flat colors off by {max(flat_error(model, c) for c in COLORS)}")


def beside_line(model: Model, direction: str) -> tuple[int, float]:
    """The darkest value more than two input pixels away from a thin black line on white, and the median on the line.

    Args:
        model: enlarges.
        direction: one of :data:`DIRECTIONS`.
    """
    page, i = np.full((_SIDE, _SIDE, 3), 255, np.uint8), np.arange(_SIDE)
    middle = _SIDE // 2
    page[{"vertical": (i, middle), "horizontal": (middle, i), "diagonal": (i, i)}[direction]] = 0
    made = enhance_pixels(page, model, model.spec).min(axis=2)
    y, x = (np.mgrid[: len(made), : len(made)] + 0.5) / model.spec.scale
    center = middle + 0.5
    away = {"vertical": abs(x - center), "horizontal": abs(y - center), "diagonal": abs(x - y) / np.sqrt(2)}[direction]
    return int(made[away > 2].min()), float(np.median(made[away < 0.4]))


def flat_error(model: Model, color: tuple[int, int, int]) -> int:
    """The largest error, in levels, of a picture of one color."""
    made = enhance_pixels(np.full((40, 48, 3), color, np.uint8), model, model.spec)
    return int(np.abs(made.astype(int) - color).max())


if __name__ == "__main__":
    main()
