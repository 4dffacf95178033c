"""Degraded patches of photographs, for training and the contact sheets of ``restore degrade``."""

from __future__ import annotations

import cv2
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


def shrink_around(
    photo: NDArray[np.uint8], patch: int, scale: int, most: float, draw: np.random.Generator
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A random part of a photograph, reduced: what was a texture becomes fine detail, and noise and JPEG blocks fade.

    Args:
        photo: uint8 RGB (H, W, 3), at least ``patch * scale`` pixels a side.
        patch: side of the low-resolution patch.
        scale: the factor from its size to that of the target.
        most: the photograph is reduced by a factor between 1 and this, or less if it would become smaller than a patch.
        draw: source of all randomness.

    Returns:
        The part, uint8 RGB, and the corner of a patch in it for :func:`degraded_patch`: around the patch, the part
        has all the surroundings that the degradation looks at, as far as the photograph goes.
    """
    side = patch * scale
    height, width = photo.shape[:2]
    factor = draw.uniform(1, max(1, min(most, height / side, width / side)))
    cells = [max(patch, int(n / factor) // scale) for n in (height, width)]
    corner = [int(draw.integers(0, n - patch + 1)) for n in cells]
    starts = [max(0, at - 2 * MARGIN) for at in corner]
    ends = [min(n, at + patch + 2 * MARGIN) for n, at in zip(cells, corner, strict=True)]
    rows, columns = (
        slice(round(start * scale * factor), min(limit, round(end * scale * factor)))
        for start, end, limit in zip(starts, ends, (height, width), strict=True)
    )
    size = [(end - start) * scale for start, end in zip(starts, ends, strict=True)]
    part = cv2.resize(photo[rows, columns], (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return part.astype(np.uint8, copy=False), (corner[0] - starts[0], corner[1] - starts[1])
