"""Compute the color map of differences, and write it into the page of restore compare.

    python scripts/make_color_map.py            # or --check, to compare only

From nearly black through violet, red and orange to nearly white. Every step adds the same lightness and is the same
total difference, both by CIEDE2000: an uneven map invents edges where it is steep and hides differences where it is
flat (Kovesi, "Good colour maps: how to design them", 2015). tests/utils/test_color_maps.py checks it.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.imaging.color.conversions import from_linear
from restore.metrics.ciede2000 import delta_e

PAGE = Path(__file__).resolve().parents[1] / "restore/compare/web/heat.js"
STEPS = 65
# Points of the way, and how many of them one step passes at most.
_POINTS, _WINDOW = 4001, 500
# L* of the ends: dark, but not so dark that the first step cannot be told from black on a usual screen.
DARKEST, BRIGHTEST = 2.0, 96.0
# Hue in degrees and chroma along the way, in L*a*b*. Red has less chroma than the display could show: without cones for
# long waves, saturated red is dark.
WAY = (
    *((300, 0), (303, 22), (308, 34), (325, 38), (350, 38), (375, 42)),
    *((400, 54), (420, 64), (440, 66), (455, 60), (460, 27)),
)
_LINE = re.compile(r'(?<=const MAP =\n)(?:  ".*\n)+')

Floats = NDArray[np.float64]


def color_map() -> Floats:
    """The map as sRGB (STEPS, 3), 0..1.

    Raises:
        ValueError: the way leaves the colors of the display.
    """
    lightness = _even_lightness()
    along = np.linspace(0, len(WAY) - 1, _POINTS)
    hue, chroma = (np.interp(along, np.arange(len(WAY)), [point[i] for point in WAY]) for i in (0, 1))
    way = np.stack([chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=1)
    low, high = 0.0, 20.0
    for _ in range(40):  # the total difference of a step whose last one reaches the end of the way
        step = (low + high) / 2
        low, high = (low, step) if _walk(lightness, way, step) is None else (step, high)
    colors = _walk(lightness, way, low)
    assert colors is not None
    return _srgb(np.column_stack([lightness, colors]))


def _even_lightness() -> Floats:
    """L* (STEPS,) with the same CIEDE2000 difference from each to the next."""
    fine = np.zeros((20001, 3))
    fine[:, 0] = np.linspace(DARKEST, BRIGHTEST, len(fine))
    reached = np.concatenate([[0.0], np.cumsum(delta_e(fine[:-1], fine[1:]))])
    return np.interp(np.linspace(0, reached[-1], STEPS), reached, fine[:, 0])


def _walk(lightness: Floats, way: Floats, step: float) -> Floats | None:
    """a* and b* (STEPS, 2) along the way, each color ``step`` from the one before; None if the way is too short."""
    place, colors = 0.0, [way[0]]
    for before, after in itertools.pairwise(lightness):
        places = place + np.arange(_WINDOW)
        ahead = np.stack([np.interp(places, np.arange(len(way)), way[:, i]) for i in (0, 1)], axis=1)
        here = np.broadcast_to(np.array([before, *colors[-1]]), (_WINDOW, 3))
        far = delta_e(here, np.column_stack([np.full(_WINDOW, after), ahead]))
        if far.max() < step:
            return None
        first = int(np.argmax(far >= step))
        place += first - (far[first] - step) / (far[first] - far[first - 1]) if first else 0.0
        colors.append(np.array([np.interp(place, np.arange(len(way)), way[:, i]) for i in (0, 1)]))
    return np.array(colors)


def _srgb(lab: Floats) -> Floats:
    """L*a*b* (n, 3) under D65 to sRGB, 0..1."""
    y = (lab[:, 0] + 16) / 116
    root = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    relative = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    light = relative @ np.linalg.inv(matrix / matrix.sum(axis=1, keepdims=True)).T
    if light.min() < -1e-3 or light.max() > 1.02:
        raise ValueError(f"the display lacks colors of the way: {light.min():.4f} to {light.max():.4f}")
    return from_linear(np.clip(light, 0, 1).astype(np.float32)).astype(np.float64)


def main() -> int:
    """Write the map, or with ``--check`` compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 if the page is out of date")
    check = parser.parse_args().check
    # Twelve bits: rounding to eight would make the steps as uneven as many a map is.
    colors = ["".join(f"{level:03x}" for level in np.round(4095 * color).astype(int)) for color in color_map()]
    rows = [f'  "{"".join(colors[start : start + 11])}"' for start in range(0, len(colors), 11)]
    text = PAGE.read_text("utf-8")
    made, count = _LINE.subn(" +\n".join(rows) + ";\n", text)
    if count != 1:
        print(f"{PAGE}: has no 'const MAP =' with lines of colors", file=sys.stderr)
        return 1
    if check:
        if made != text:
            print(f"{PAGE} is out of date: run python scripts/make_color_map.py", file=sys.stderr)
        return int(made != text)
    PAGE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
