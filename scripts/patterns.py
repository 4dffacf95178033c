"""Measure what models that enlarge do with pictures that no photograph resembles: noise, checkerboards, dither.

    python scripts/patterns.py models/sr-x4/sr-x4.onnx models/sr-x4/sr-x4.int8.onnx

For each picture: how close the result, averaged down to the picture's size, is to the picture; and how close the
results of further files are to that of the first, such as the 8-bit twin's to the float32 file's. PSNR in dB, on RGB.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels

_Pixels = NDArray[np.uint8]
_SIDE = 32
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
_Y, _X = np.mgrid[:_SIDE, :_SIDE]


def _black_or_white(white: NDArray[np.bool_] | NDArray[np.int64]) -> _Pixels:
    return np.repeat((255 * (np.asarray(white) % 2)).astype(np.uint8)[..., None], 3, axis=2)


def _dither() -> _Pixels:
    """A ramp of grays by Bayer's matrix."""
    levels = np.linspace(0, 16, _SIDE)
    return _black_or_white(levels[_X] > _BAYER[_Y % 4, _X % 4] + 0.5)


PATTERNS: dict[str, Callable[[], _Pixels]] = {
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8),
    "black and white noise": lambda: _black_or_white(np.random.default_rng(0).integers(0, 2, (_SIDE, _SIDE))),
    "checkerboard 1": lambda: _black_or_white(_X + _Y),
    "checkerboard 2": lambda: _black_or_white(_X // 2 + _Y // 2),
    "stripes 1": lambda: _black_or_white(_X),
    "stripes 2": lambda: _black_or_white(_X // 2),
    "dither": _dither,
}


def main() -> None:
    """Print a line for each picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    files = parser.parse_args().models
    models = [open_model(file, "cpu") for file in files]
    for name, make in PATTERNS.items():
        results = [result(model, make()) for model in models]
        apart = ", ".join(
            f"{file.name} {psnr(one, results[0]):.1f}" for file, one in zip(files[1:], results[1:], strict=True)
        )
        print(f"{name}: {files[0].name} averaged {psnr(averaged(results[0]), make()):.1f}; {apart}".rstrip("; "))


def result(model: Model, pixels: _Pixels) -> _Pixels:
    """What a model makes of a picture."""
    made: _Pixels = enhance_pixels(pixels, model, model.spec)
    return made


def averaged(pixels: _Pixels) -> NDArray[np.float64]:
    """A result averaged down to the size of the pictures here."""
    scale = len(pixels) // _SIDE
    means: NDArray[np.float64] = pixels.reshape(_SIDE, scale, _SIDE, scale, 3).mean(axis=(1, 3))
    return means


def psnr(first: NDArray[np.float64] | _Pixels, second: NDArray[np.float64] | _Pixels) -> float:
    """PSNR of two pictures on 0..255, in dB; at most 99."""
    error = float(((first.astype(np.float64) - second) ** 2).mean())
    return 99.0 if error == 0 else min(99.0, 10 * np.log10(255**2 / error))


if __name__ == "__main__":
    main()
