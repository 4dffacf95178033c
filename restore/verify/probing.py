"""Detect a network's requirements by running it, for networks without metadata.

Works on functions from batch to batch, float32 (N, 3, H, W), and so on torch modules and ONNX files alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from restore.errors import ModelError, TimeLimitError
from restore.verify.contrast import is_bearable, less_and_less
from restore.verify.pictures import noise, scene

Floats = NDArray[np.float32]
Run = Callable[[Floats], Floats]

# Sides to try first: multiples of most common factors.
_FIRST = (64, 48, 32, 128, 192, 256, 512)

# Tolerance for the effect of changes outside the reach: rounding, as a share of the range.
_NOTHING = 2e-5
# Half a level of 255.
_UNSEEN = 0.5 / 255

# Lengths in input pixels of the strips for measuring reach, which are as narrow as the network allows.
_SHORTEST = 128
_LONGEST = 1024

# A larger halo makes tiles several times as slow as the whole picture.
_LARGE = 64

# Halo of a network with global reach: tiles will differ from the whole picture, less so with a larger halo.
_GLOBAL_HALO = 32


@dataclass(frozen=True)
class Sizes:
    """The input sizes that a network accepts, and its scale."""

    scale: int
    multiple: int
    minimum: int
    batch: bool


@dataclass(frozen=True)
class Reach:
    """A network's receptive field.

    Attributes:
        halo: input pixels around a tile that affect its result.
        exact: whether nothing beyond the halo affects the result.
        multiple: shifting the input by this shifts the result.
        visible: the halo beyond which pixels affect the result by less than half a level of 255.
    """

    halo: int
    exact: bool
    multiple: int
    visible: int


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
    step = next((m for m in steps if takes(_up(base, m) + m, _up(base, m) + 3 * m)), None)
    if step is None:
        raise ModelError(f"it accepts {base}x{base} but no similar size: fix the shape with --shape {base}")
    shortest = next(n for n in (*range(step, base, step), _up(base, step)) if n >= least and takes(n, n))
    return Sizes(scale, step, shortest, takes(_up(base, step), _up(base, step) + step, count=2))


def _first(run: Run, least: int, multiple: int) -> tuple[int, int]:
    """A side that works, and the scale."""
    for side in (_up(max(side, least), multiple) for side in _FIRST):
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


def find_reach(run: Run, sizes: Sizes, low: float, high: float, shape: tuple[int, int] | None = None) -> Reach:
    """Measure how far away a change of the input still affects the result, along both axes.

    A strip is run unchanged, and again with everything beyond a distance replaced. Shifted strips show whether tiling
    is possible at all: they reveal windows, strides and global dependencies.

    Args:
        run: the network.
        sizes: from :func:`find_sizes`.
        low: value of black.
        high: value of white.
        shape: the height and width, if fixed.
    """
    wide, length = _along(run, sizes, low, high, 3, shape)
    if wide.exact:
        # Most networks look as far along one axis as along the other, which is quick to confirm.
        strip = _strip(run, sizes, low, high, 2, length, shape)
        if strip.moved(wide.multiple) <= _NOTHING and strip.without(wide.halo, wide.multiple) <= _NOTHING:
            return wide
    tall, _ = _along(run, sizes, low, high, 2, shape)
    return Reach(
        max(wide.halo, tall.halo),
        wide.exact and tall.exact,
        max(wide.multiple, tall.multiple),
        max(wide.visible, tall.visible),
    )


def affordable(reach: Reach) -> Reach:
    """The reach, cut to what is visible if it is large and most of it is not; tiles are then not exact."""
    if reach.exact and reach.halo > _LARGE and 2 * reach.visible <= reach.halo:
        return replace(reach, halo=reach.visible, exact=False)
    return reach


def _along(
    run: Run, sizes: Sizes, low: float, high: float, axis: int, shape: tuple[int, int] | None
) -> tuple[Reach, int]:
    """The reach along one axis, and the length of the strip that confirmed it."""
    found: Reach | None = None
    tried: list[_Strip] = []
    length = _SHORTEST
    while length <= _LONGEST:
        strip = _strip(run, sizes, low, high, axis, length, shape)
        # On a longer strip more is replaced, which reveals global averages even if each pixel counts little.
        if found is not None and strip.without(found.halo, found.multiple) <= _NOTHING:
            return found, length
        found, step = None, strip.step()
        tried.append(strip)
        halo = None if step is None else strip.halo(step, _NOTHING)
        if step is not None and halo is not None:
            # Pixels without effect here may have one in another picture; a slightly larger halo costs little.
            visible = strip.halo(step, _UNSEEN)
            assert visible is not None, "a larger limit is exceeded no further away"
            found = Reach(halo + step, True, step, visible + step)
        if shape is not None:
            break
        length *= 2
    if shape is not None and found is not None and 4 * found.halo <= shape[axis - 2]:
        return found, length
    halos = (strip.halo(sizes.multiple, _UNSEEN) for strip in tried)
    halo = next((halo for halo in halos if halo is not None), _GLOBAL_HALO)
    return Reach(halo, False, sizes.multiple, halo), length


def _strip(
    run: Run, sizes: Sizes, low: float, high: float, axis: int, length: int, shape: tuple[int, int] | None
) -> _Strip:
    if shape is not None:
        return _Strip(run, sizes, low, high, axis, shape[axis - 2], shape[3 - axis])
    across = _up(max(sizes.minimum, 16), sizes.multiple)
    along = _up(max(length, 2 * sizes.minimum), 4 * sizes.multiple)
    return _Strip(run, sizes, low, high, axis, along, across)


class _Strip:
    """Two long pictures, and the network's results for them."""

    _pictures: list[Floats]
    _results: list[Floats]

    def __init__(self, run: Run, sizes: Sizes, low: float, high: float, axis: int, along: int, across: int) -> None:
        self._run, self._sizes, self._axis = run, sizes, axis
        self._span = high - low
        self._along = along
        size = (across, along) if axis == 3 else (along, across)
        floats = [p.transpose(2, 0, 1)[None] / 255 for p in (noise(*size), scene(*size))]
        self._pictures, self._results = [], []
        for values in floats:
            for picture in less_and_less(np.ascontiguousarray(values * self._span + low, np.float32), low, high):
                if is_bearable(result := run(picture), low, high):
                    break
            self._pictures.append(picture)
            self._results.append(result)
        self._others = self._pictures[::-1]
        # Networks with faint results, for example untrained ones, are judged relative to those.
        self._span = min(self._span, *(float(np.ptp(result)) or self._span for result in self._results))
        self._middle = along // 2 // sizes.multiple * sizes.multiple
        self._effects: Floats | None = None

    def step(self) -> int | None:
        """The smallest shift that the middle of the result follows; None if there is none."""
        return next((step for step in self._steps() if self.moved(step) <= _NOTHING), None)

    def _steps(self) -> list[int]:
        steps = [self._sizes.multiple]
        while 2 * steps[-1] <= self._along // 8:
            steps.append(2 * steps[-1])
        return steps

    def moved(self, step: int) -> float:
        """How much the middle changes when the picture is shifted left and filled with other pixels."""
        worst, width = 0.0, self._block(step)
        for picture, other, result in zip(self._pictures, self._others, self._results, strict=True):
            moved = np.concatenate([self._cut(picture, step, self._along), self._cut(other, 0, step)], self._axis)
            at = self._middle
            got = self._kept(self._run(moved), at - step, at - step + width)
            worst = max(worst, self._apart(got, self._kept(result, at, at + width)))
        return worst

    def halo(self, step: int, limit: float) -> int | None:
        """The smallest multiple of a step beyond which nothing has an effect; None if it exceeds the strip."""
        (affected,) = np.nonzero(self._effect() > limit)
        halo = _up(int(affected[-1]) + 1, step) if len(affected) else 0
        return halo if halo + self._block(step) <= len(self._effect()) else None

    def _effect(self) -> Floats:
        """By distance from a replaced end of the strip, how much the result changes, as a share of the range.

        One end after the other is replaced, a quarter of the strip, so that the distances reach far.
        """
        if self._effects is None:
            # Both ends are multiples of each possible step, so that windows begin there.
            step = self._steps()[-1]
            edge = self._along // 4 // step * step
            length = (self._along - edge) // step * step
            ends = [(0, edge, (edge, edge + length), 1), (length, self._along, (0, length), -1)]
            worst = np.zeros(length, np.float32)
            for picture, other, result in zip(self._pictures, self._others, self._results, strict=True):
                for start, stop, kept, order in ends:
                    parts = [self._cut(picture, 0, start), self._cut(other, start, stop)]
                    got = self._run(np.concatenate([*parts, self._cut(picture, stop, self._along)], self._axis))
                    change = np.abs(self._kept(got, *kept) - self._kept(result, *kept)) / self._span
                    pixels = np.moveaxis(change, self._axis, 0).reshape(length, -1).max(axis=1)
                    worst = np.maximum(worst, pixels[::order])
            self._effects = worst
        return self._effects

    def without(self, reach: int, step: int) -> float:
        """How much the middle changes when everything further away is replaced."""
        worst, start = 0.0, self._middle
        stop = start + self._block(step)
        for picture, other, result in zip(self._pictures, self._others, self._results, strict=True):
            parts = [
                self._cut(other, 0, start - reach),
                self._cut(picture, start - reach, stop + reach),
                self._cut(other, stop + reach, self._along),
            ]
            got = self._run(np.concatenate(parts, self._axis))
            worst = max(worst, self._apart(self._kept(got, start, stop), self._kept(result, start, stop)))
        return worst

    def _block(self, step: int) -> int:
        """Length of the compared middle: a multiple of the step, to cover each phase."""
        return _up(min(16, self._along // 8), step)

    def _cut(self, values: Floats, start: int, stop: int) -> Floats:
        return values[..., start:stop] if self._axis == 3 else values[..., start:stop, :]

    def _kept(self, result: Floats, start: int, stop: int) -> Floats:
        return self._cut(result, start * self._sizes.scale, stop * self._sizes.scale)

    def _apart(self, a: Floats, b: Floats) -> float:
        return float(np.abs(a - b).max()) / self._span


def find_range(
    run: Run, sizes: Sizes, shape: tuple[int, int] | None = None, gray: bool = False
) -> tuple[float, float] | None:
    """The values of black and white, 0..1 or 0..255, by which is restored better; None if unclear.

    A restored and downscaled picture is close to the original; on the wrong range it is further away, especially for
    faithful networks. Networks without offsets work alike on any range. The range -1..1 is never detected: with small
    values, errors are small too.
    """
    size = shape or (_up(max(sizes.minimum, 64), sizes.multiple),) * 2
    pixels = scene(*size)
    if gray:
        pixels = np.repeat(pixels[..., 1:2], 3, axis=2)
    picture = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] / np.float32(255), np.float32)
    errors = {}
    for low, high in ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)):
        given = picture * np.float32(high - low) + np.float32(low)
        result = run(given)
        small = result.reshape(1, 3, size[0], sizes.scale, size[1], sizes.scale).mean((3, 5))
        errors[low, high] = float(np.abs(small - given).mean()) / (high - low)
    signed = errors.pop((-1.0, 1.0))
    best, second = sorted(errors, key=lambda pair: errors[pair])
    clear = errors[best] < 0.1 and errors[second] > 2 * errors[best] and errors[best] <= signed
    return best if clear else None


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
