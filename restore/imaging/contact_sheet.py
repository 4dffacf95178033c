"""Several pictures of one size on a sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_GAP, _LINE = 8, 14


def contact_sheet(pictures: Sequence[NDArray[np.uint8]], columns: int, labels: Sequence[str] = ()) -> NDArray[np.uint8]:
    """Pictures in rows on white.

    Args:
        pictures: uint8 RGB (H, W, 3), all of the same shape.
        columns: pictures in a row.
        labels: what is written below each; nothing by default.

    Returns:
        uint8 RGB.
    """
    import cv2

    height, width = pictures[0].shape[:2]
    across, down = width + _GAP, height + (_GAP + _LINE if labels else _GAP)
    sheet = np.full((_GAP + math.ceil(len(pictures) / columns) * down, _GAP + columns * across, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = _GAP + number // columns * down, _GAP + number % columns * across
        sheet[top : top + height, left : left + width] = picture
        if labels:
            origin = (left, top + height + _LINE)
            cv2.putText(sheet, labels[number], origin, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet
