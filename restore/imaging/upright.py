"""Turn samples upright."""

from __future__ import annotations

import numpy as np

from restore.imaging.picture import Samples


def upright(values: Samples, turn: int) -> Samples:
    """Turn samples (H, W) or (H, W, C) upright, given their EXIF orientation, 1..8."""
    if turn == 1:
        return values
    if turn >= 5:
        values = values.swapaxes(0, 1)
    rows = -1 if turn in (3, 4, 7, 8) else 1
    columns = -1 if turn in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(values[::rows, ::columns])
