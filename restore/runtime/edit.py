"""The edit that a model makes, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restore.spec import EDIT_GAMMA, EDIT_HEAD, EDIT_LUMA
from restore.utils.json_types import JsonObject

_CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class Edit:
    """A color change in numbers, applied in this order to RGB on 0..1, without clipping.

    Attributes:
        balance: gains of red, green and blue; their product is 1.
        exposure: in stops: every channel is multiplied by ``2 ** (exposure / 2.2)``.
        curves: the tone curves of red, green and blue (3, points): values at evenly spaced inputs from 0 to 1, straight
            in between and beyond.
        saturation: factor of each pixel's difference from its luma; 1 for none.
    """

    balance: tuple[float, ...]
    exposure: float
    saturation: float
    curves: tuple[tuple[float, ...], ...]

    @classmethod
    def of_numbers(cls, numbers: NDArray[np.float32]) -> Edit:
        """The edit that a model tells by its output ``edit``, one row of it, (5 + 3 * points,)."""
        red, green, blue, exposure, saturation = map(float, numbers[: len(EDIT_HEAD)])
        curves = tuple(tuple(map(float, curve)) for curve in numbers[len(EDIT_HEAD) :].reshape(3, -1))
        return cls((red, green, blue), exposure, saturation, curves)

    @property
    def gains(self) -> tuple[float, ...]:
        """The factors of red, green and blue by white balance and exposure together."""
        return tuple(gain * 2 ** (self.exposure / EDIT_GAMMA) for gain in self.balance)

    def channels(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Balance, exposure and curves of RGB values (..., 3)."""
        gained = np.asarray(values, np.float64) * np.array(self.gains)
        return np.stack([_curved(gained[..., i], np.array(self.curves[i])) for i in range(3)], axis=-1)

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The edited RGB values (..., 3), not clipped."""
        return self.saturated(self.channels(values))

    def saturated(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The last step, saturation, of RGB values (..., 3)."""
        luma = (values * np.array(EDIT_LUMA)).sum(-1, keepdims=True)
        made: NDArray[np.float64] = luma + self.saturation * (values - luma)
        return made

    def record(self) -> JsonObject:
        """The numbers as plain values, rounded to four decimals."""
        return {
            "balance": [round(gain, 4) for gain in self.balance],
            "exposure": round(self.exposure, 4),
            "saturation": round(self.saturation, 4),
            "curves": {
                name: [round(value, 4) for value in curve] for name, curve in zip(_CHANNELS, self.curves, strict=True)
            },
        }

    def text(self) -> str:
        """A line for people; the curves by their values at black, the middle and white."""
        balance = ", ".join(f"{name} {gain:.3f}" for name, gain in zip(_CHANNELS, self.balance, strict=True))
        curves = ", ".join(f"{name} {_thirds(curve)}" for name, curve in zip(_CHANNELS, self.curves, strict=True))
        return (
            f"white balance {balance}; exposure {self.exposure:+.2f} stops; saturation {self.saturation:.2f}; "
            f"curves at 0, 0.5 and 1: {curves}"
        )


def _curved(values: NDArray[np.float64], curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate a curve, and go on straight beyond its ends."""
    last = len(curve) - 1
    places = values * last
    below = np.clip(np.floor(places), 0, last - 1).astype(np.intp)
    made: NDArray[np.float64] = curve[below] + (places - below) * (curve[below + 1] - curve[below])
    return made


def _thirds(curve: tuple[float, ...]) -> str:
    middle = float(_curved(np.array(0.5), np.array(curve)))
    return " ".join(f"{value:.3f}" for value in (curve[0], middle, curve[-1]))
