"""Find out by trying whether a network takes and returns RGB or BGR.

A network that restores or enlarges keeps the colors of its input: in the right order, its result is closest to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from restore.verify.pictures import scene
from restore.verify.sizes import Floats, Run, Sizes

Colors = Literal["auto", "rgb", "bgr"]

# Another order must be this much closer to the input to be believed, and this much for a hint.
_CLEAR, _HINT = 1.5, 1.02
# Colors of photographs, RGB on 0..1: sky, leaves, skin, earth, and a lamp.
_PALETTE = ((0.45, 0.65, 0.90), (0.25, 0.45, 0.15), (0.85, 0.62, 0.50), (0.42, 0.30, 0.20), (0.98, 0.85, 0.55))
_SIDE = 64


@dataclass(frozen=True)
class Order:
    """Order of the channels of a network.

    Attributes:
        input: whether it takes BGR.
        output: whether it returns BGR.
        note: what to tell the user; empty if the order is RGB beyond doubt.
        times: how many times as close to the colors of their inputs results are in this order as in RGB; 0 for RGB.
    """

    input: bool = False
    output: bool = False
    note: str = ""
    times: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether the network takes and returns RGB."""
        return not (self.input or self.output)


def find_order(
    run: Run, sizes: Sizes, low: float, high: float, size: tuple[int, int] | None = None, colors: Colors = "auto"
) -> Order:
    """The order of a network's channels.

    Args:
        run: the network.
        sizes: the sizes that it accepts.
        low: value of black.
        high: value of white.
        size: its only height and width, if fixed.
        colors: the order as the user knows it; ``auto`` tries.
    """
    if colors != "auto":
        return Order(colors == "bgr", colors == "bgr")
    side = -(-max(_SIDE, sizes.minimum) // sizes.multiple) * sizes.multiple
    picture = _photograph(*(size or (side, side)))
    errors = {
        (first, last): _error(run, picture, sizes.scale, low, high, first, last)
        for first in (False, True)
        for last in (False, True)
    }
    best = min(errors, key=lambda order: errors[order])
    usual, other = errors[False, False], errors[True, True]
    if best != (False, False) and usual > _CLEAR * errors[best]:
        names = ("RGB", "BGR")
        return Order(
            *best,
            f"it takes {names[best[0]]} and returns {names[best[1]]} (then its results are {usual / errors[best]:.1f} "
            "times as close to the colors of their inputs); the installed file takes and returns RGB",
            usual / errors[best],
        )
    if usual <= _HINT * other and not _alike(usual, other):
        return Order()
    return Order(
        note="it keeps colors about as well in RGB as in BGR, so RGB is assumed: if its publisher says BGR, import it "
        "with --colors bgr"
    )


def _alike(a: float, b: float) -> bool:
    return max(a, b) <= _HINT * min(a, b)


def _error(run: Run, picture: Floats, scale: int, low: float, high: float, first: bool, last: bool) -> float:
    """Mean difference of the reduced result from its input, as a share of the range."""
    given = picture * np.float32(high - low) + np.float32(low)
    result = run(np.ascontiguousarray(given[:, ::-1] if first else given))
    result = result[:, ::-1] if last else result
    height, width = picture.shape[2:]
    small = result.reshape(1, 3, height, scale, width, scale).mean((3, 5))
    return float(np.abs(small - given).mean()) / (high - low)


def _photograph(height: int, width: int) -> Floats:
    """Areas in the colors of photographs, with the structure of a synthetic scene: (1, 3, H, W) on 0..1."""
    structure = scene(height, width).mean(axis=2, keepdims=True) / 255 - 0.5
    stripes = np.array(_PALETTE)[np.arange(height) * len(_PALETTE) // height]
    mixed = np.clip(stripes[:, None, :] * (1 + 0.5 * structure), 0, 1)
    return np.ascontiguousarray(mixed.transpose(2, 0, 1)[None], np.float32)
