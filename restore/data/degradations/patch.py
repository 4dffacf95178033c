"""Degraded patches of photographs, for training and the contact sheets of ``restore degrade``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import window

# Low-resolution pixels of context around a patch, for blurs and JPEG blocks. Real-ESRGAN has the same: it crops 256
# pixels out of 400 at scale 4.
MARGIN = 18


def degraded_patch(
    photo: NDArray[np.uint8],
    corner: tuple[int, int],
    patch: int,
    scale: int,
    options: SecondOrder,
    draw: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A patch of a photograph at both resolutions.

    Args:
        photo: uint8 RGB (H, W, 3).
        corner: row and column of the patch's top left, in units of ``scale`` pixels.
        patch: side of the low-resolution patch.
        scale: the factor.
        options: options of the degradation.
        draw: source of all randomness.

    Returns:
        Low (patch, patch, 3) and high resolution (patch * scale, patch * scale, 3).
    """
    # The patch has a random offset in the degraded area; otherwise, JPEG blocks would always start at the same pixel.
    down, right = (int(n) for n in draw.integers(0, 2 * MARGIN, 2, endpoint=True))
    side = patch + 2 * MARGIN
    top, left = (corner[0] - down) * scale, (corner[1] - right) * scale
    around = window(photo, top, left, side * scale, scale)
    low = second_order(around, scale, options, draw)[down : down + patch, right : right + patch]
    y, x = down * scale, right * scale
    return low, around[y : y + patch * scale, x : x + patch * scale]
