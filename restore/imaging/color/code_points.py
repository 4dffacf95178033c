"""Color spaces that files declare by numbers: the primaries and transfer functions of Rec. ITU-T H.273."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.imaging.color import matrix_profile
from restore.imaging.color.conversions import to_linear

UNSPECIFIED = 2
SRGB_TRANSFER = 13
_D65 = (0.3127, 0.3290)
SRGB_POINTS = (_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
# White, red, green, blue.
POINTS: dict[int, matrix_profile.Chromaticities] = {
    1: SRGB_POINTS,
    4: ((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


def decoding(transfer: int) -> float | matrix_profile.Decoding | None:
    """The transfer function of a code point; None for HDR and those that stills do not use."""
    if transfer in (1, 6, 14, 15):
        return _bt709
    return srgb if transfer == SRGB_TRANSFER else {4: 2.2, 5: 2.8, 8: 1.0}.get(transfer)


def srgb(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of sRGB's transfer function (IEC 61966-2-1)."""
    return to_linear(values).astype(np.float64)


def _bt709(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of Rec. ITU-R BT.709's opto-electronic transfer function."""
    return np.where(values < 0.081, values / 4.5, ((values + 0.099) / 1.099) ** (1 / 0.45))
