"""Detect how far a network looks by running it, for networks without metadata."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from restore.verify.contrast import is_bearable, less_and_less
from restore.verify.pictures import noise, scene
from restore.verify.sizes import Floats, Run, Sizes, rounded_up

# Tolerance for the effect of changes outside the reach: rounding, as a share of the range.
_NOTHING = 2e-5
# Half a level of 255.
_UNSEEN = 0.5 / 255

# Lengths in input pixels of the strips for measuring reach, which are as narrow as the network allows.
_SHORTEST = 128
_LONGEST = 1024
# Strips by which an effect without end is recognized.
_ENOUGH = 3

# A larger halo makes tiles several times as slow as the whole picture.
_LARGE = 64

# Halo of a network with global reach: tiles will differ from the whole picture, less so with a larger halo.
_GLOBAL_HALO = 32


@dataclass(frozen=True)
class Reach:
    """A network's receptive field.

    Attributes:
        halo: input pixels around a tile that affect its result.
        exact: whether nothing beyond the halo affects the result.
        multiple: shifting the input by this shifts the result, exactly or as well as any shift does.
        visible: the halo beyond which pixels affect the result by less than half a level of 255.
    """

    halo: int
    exact: bool
    multiple: int
    visible: int


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
    # Where one axis has no end, the other only tells how far a change is visible.
    tall, _ = _along(run, sizes, low, high, 2, shape, _LONGEST if wide.exact else 2 * _SHORTEST)
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
    run: Run,
    sizes: Sizes,
    low: float,
    high: float,
    axis: int,
    shape: tuple[int, int] | None,
    longest: int = _LONGEST,
) -> tuple[Reach, int]:
    """The reach along one axis, and the length of the strip that confirmed it."""
    found: Reach | None = None
    tried: list[_Strip] = []
    length = _SHORTEST
    while length <= longest:
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
        if shape is not None or (found is None and _goes_on(tried)):
            break
        length *= 2
    if shape is not None and found is not None and 4 * found.halo <= shape[axis - 2]:
        return found, length
    halos = (strip.halo(sizes.multiple, _UNSEEN) for strip in tried)
    halo = next((halo for halo in halos if halo is not None), _GLOBAL_HALO)
    return Reach(halo, False, tried[-1].alignment(), halo), length


def _goes_on(tried: list[_Strip]) -> bool:
    """Whether three strips, each twice as long as the one before, show an effect that distance does not weaken.

    That of an average over the whole picture is the same at any distance; longer strips would show it again, and take
    minutes for large attention networks.
    """
    if len(tried) < _ENOUGH:
        return False
    first, *_, last = (strip.at_its_end() for strip in tried)
    return first > _NOTHING and last > first / 2


def _strip(
    run: Run, sizes: Sizes, low: float, high: float, axis: int, length: int, shape: tuple[int, int] | None
) -> _Strip:
    if shape is not None:
        return _Strip(run, sizes, low, high, axis, shape[axis - 2], shape[3 - axis])
    across = rounded_up(max(sizes.minimum, 16), sizes.multiple)
    along = rounded_up(max(length, 2 * sizes.minimum), 4 * sizes.multiple)
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
        self._moved: dict[int, float] = {}

    def step(self) -> int | None:
        """The smallest shift that the middle of the result follows; None if there is none."""
        return next((step for step in self._steps() if self.moved(step) <= _NOTHING), None)

    def alignment(self) -> int:
        """The smallest shift that the result follows about as well as any, where it follows none exactly.

        Besides what it sees everywhere, a network may work in windows or strides: tiles that begin elsewhere than these
        would differ from the whole picture even more.
        """
        if (step := self.step()) is not None:
            return step
        least = min(map(self.moved, self._steps()))
        return next(step for step in self._steps() if self.moved(step) <= 2 * least)

    def _steps(self) -> list[int]:
        steps = [self._sizes.multiple]
        while 2 * steps[-1] <= self._along // 8:
            steps.append(2 * steps[-1])
        return steps

    def moved(self, step: int) -> float:
        """How much the middle changes when the picture is shifted left and filled with other pixels."""
        if step in self._moved:
            return self._moved[step]
        worst, width = 0.0, self._block(step)
        for picture, other, result in zip(self._pictures, self._others, self._results, strict=True):
            moved = np.concatenate([self._cut(picture, step, self._along), self._cut(other, 0, step)], self._axis)
            at = self._middle
            got = self._kept(self._run(moved), at - step, at - step + width)
            worst = max(worst, self._apart(got, self._kept(result, at, at + width)))
        self._moved[step] = worst
        return worst

    def halo(self, step: int, limit: float) -> int | None:
        """The smallest multiple of a step beyond which nothing has an effect; None if it exceeds the strip."""
        (affected,) = np.nonzero(self._effect() > limit)
        halo = rounded_up(int(affected[-1]) + 1, step) if len(affected) else 0
        return halo if halo + self._block(step) <= len(self._effect()) else None

    def at_its_end(self) -> float:
        """The effect at the last eighth of the distances."""
        effect = self._effect()
        return float(effect[-len(effect) // 8 :].max())

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
        return rounded_up(min(16, self._along // 8), step)

    def _cut(self, values: Floats, start: int, stop: int) -> Floats:
        return values[..., start:stop] if self._axis == 3 else values[..., start:stop, :]

    def _kept(self, result: Floats, start: int, stop: int) -> Floats:
        return self._cut(result, start * self._sizes.scale, stop * self._sizes.scale)

    def _apart(self, a: Floats, b: Floats) -> float:
        return float(np.abs(a - b).max()) / self._span
