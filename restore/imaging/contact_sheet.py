"""Several small pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Space below a picture with a label: the text and the gap to the next row.
_LABEL_HEIGHT = 22


def contact_sheet(
    pictures: Sequence[NDArray[np.uint8]],
    columns: int,
    labels: Sequence[str] = (),
    gap: int = 8,
    background: int = 255,
) -> NDArray[np.uint8]:
    """Lay pictures out row by row, each at the top left of a cell as large as the largest of them.

    Args:
        pictures: uint8 RGB (H, W, 3) of any sizes; an empty one, such as (0, 0, 3), leaves its cell empty.
        columns: pictures per row.
        labels: ASCII text below each picture; none by default.
        gap: pixels between pictures, and above and to the left of the first.
        background: gray level of what no picture covers.

    Returns:
        uint8 RGB.
    """
    import cv2

    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    down, across = height + (_LABEL_HEIGHT if labels else gap), width + gap
    rows = -(-len(pictures) // columns)
    sheet = np.full((gap + rows * down, gap + columns * across, 3), background, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = gap + number // columns * down, gap + number % columns * across
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        if labels:
            origin = (left, top + height + _LABEL_HEIGHT - 8)
            cv2.putText(sheet, labels[number], origin, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet
