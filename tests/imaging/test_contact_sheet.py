"""Pictures of several sizes in one."""

from __future__ import annotations

import numpy as np

from restore.imaging.contact_sheet import contact_sheet


def test_each_lies_at_the_top_left_of_its_cell() -> None:
    sizes = ((4, 6), (5, 3), (0, 0), (2, 2))
    pictures = [np.full((*size, 3), 10 + n, np.uint8) for n, size in enumerate(sizes)]
    sheet = contact_sheet(pictures, 3, gap=2, background=7)
    assert sheet.shape == (2 + 2 * 7, 2 + 3 * 8, 3)
    for n, (top, left) in enumerate(((2, 2), (2, 10), (2, 18), (9, 2))):
        height, width = sizes[n]
        assert (sheet[top : top + height, left : left + width] == 10 + n).all()
    assert (sheet == 7).sum() == sheet.size - 3 * sum(h * w for h, w in sizes)


def test_labels_lie_below() -> None:
    sheet = contact_sheet([np.full((20, 60, 3), 200, np.uint8)] * 2, 1, gap=8, labels=("first", "second"))
    assert sheet.shape == (8 + 2 * (20 + 22), 76, 3)
    assert sheet[28:50].min() < 60  # OpenCV 4 draws thinner letters, without pure black
    assert (sheet[:8] == 255).all()
