"""Detect which sizes of input a network accepts by running it, for networks without metadata.

Works on functions from batch to batch, float32 (N, 3, H, W), and so on torch modules and ONNX files alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restore.errors import ModelError, TimeLimitError

Floats = NDArray[np.float32]
Run = Callable[[Floats], Floats]

# Sides to try first: multiples of most common factors.
_FIRST = (64, 48, 32, 128, 192, 256, 512)


@dataclass(frozen=True)
class Sizes:
    """The input sizes that a network accepts, and its scale."""

    scale: int
    multiple: int
    minimum: int
    batch: bool


def find_sizes(run: Run, least: int = 1, multiple: int = 1) -> Sizes:
    """Detect the accepted sizes by trying.

    Args:
        run: raises on unsupported inputs.
        least: the shortest side to try.
        multiple: known divisor of all sides.

    Raises:
        ModelError: no size works, or the result is not an integer multiple of the input size.
    """
    base, scale = _first(run, least, multiple)

    def takes(height: int, width: int, count: int = 1) -> bool:
        return _gives(run, count, height, width) == (count, 3, height * scale, width * scale)

    steps = [multiple * 2**k for k in range(9)]
    step = next((m for m in steps if takes(rounded_up(base, m) + m, rounded_up(base, m) + 3 * m)), None)
    if step is None:
        raise ModelError(f"it accepts {base}x{base} but no similar size: fix the shape with --shape {base}")
    shortest = next(n for n in (*range(step, base, step), rounded_up(base, step)) if n >= least and takes(n, n))
    return Sizes(scale, step, shortest, takes(rounded_up(base, step), rounded_up(base, step) + step, count=2))


def _first(run: Run, least: int, multiple: int) -> tuple[int, int]:
    """A side that works, and the scale."""
    for side in (rounded_up(max(side, least), multiple) for side in _FIRST):
        got = _gives(run, 1, side, side)
        if got is None:
            continue
        scale = got[-1] // side if len(got) == 4 else 0
        if got != (1, 3, side * scale, side * scale) or scale < 1:
            raise ModelError(
                f"for {side}x{side} it returns {'x'.join(map(str, got))}, which is not an enlarged RGB picture"
            )
        return side, scale
    raise ModelError(
        f"it accepts no square picture with a side of {', '.join(map(str, _FIRST))}: if it needs a fixed shape, "
        "give it with --shape SIDE or --shape 1xHEIGHTxWIDTH"
    )


def sizes_at(run: Run, size: tuple[int, int]) -> Sizes:
    """The sizes of a network with a fixed height and width.

    Raises:
        ModelError: they do not work, or the result is not an integer multiple of their size.
    """
    got = run(np.random.default_rng(0).random((1, 3, *size), dtype=np.float32)).shape
    scale = got[-1] // size[1] if len(got) == 4 else 0
    if got != (1, 3, size[0] * scale, size[1] * scale) or scale < 1:
        raise ModelError(
            f"for {size[0]}x{size[1]} it returns {'x'.join(map(str, got))}, which is not an enlarged RGB picture"
        )
    return Sizes(scale, 1, 1, batch=False)


def _gives(run: Run, count: int, height: int, width: int) -> tuple[int, ...] | None:
    values = np.random.default_rng(0).random((count, 3, height, width), dtype=np.float32)
    try:
        result = run(values)
    except TimeLimitError:
        raise
    except Exception:  # unsupported input; torch and onnxruntime raise many kinds of errors
        return None
    return tuple(result.shape) if np.isfinite(result).all() else None


def rounded_up(length: int, multiple: int) -> int:
    """The next multiple that is not below a length."""
    return -(-length // multiple) * multiple
