"""Draw an animation's pieces onto its canvas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restore.imaging.animation.stored import Piece

Pixels = NDArray[np.uint8]


class Canvas:
    """The animation's full picture after each piece; transparent at first.

    Attributes:
        pixels: RGBA (H, W, 4), not premultiplied.
    """

    def __init__(self, height: int, width: int) -> None:
        self.pixels: Pixels = np.zeros((height, width, 4), np.uint8)
        self._after: tuple[tuple[slice, slice], Pixels | int] | None = None

    def draw(self, piece: Piece, color: Pixels, alpha: Pixels | None) -> None:
        """Dispose of the last piece and draw the next; what lies outside the canvas is cut off.

        Args:
            piece: where and how to draw.
            color: (h, w, 1 or 3).
            alpha: (h, w); None if opaque.
        """
        if self._after is not None:
            place, value = self._after
            self.pixels[place] = value
        height, width = self.pixels.shape[:2]
        place = np.s_[
            piece.top : min(piece.top + piece.height, height), piece.left : min(piece.left + piece.width, width)
        ]
        area = self.pixels[place]
        rows, columns = area.shape[:2]
        self._after = None
        if piece.disposal == "clear":
            self._after = place, 0
        elif piece.disposal == "restore":
            self._after = place, area.copy()
        drawn = np.empty_like(area)
        drawn[..., :3] = color[:rows, :columns]
        drawn[..., 3] = 255 if alpha is None else alpha[:rows, :columns]
        if not piece.over or alpha is None:
            area[...] = drawn
        else:
            _blend(area, drawn)


def _blend(below: Pixels, above: Pixels) -> None:
    """Blend RGBA over RGBA in place (PNG specification, third edition, clause 13.16)."""
    alpha = above[..., 3]
    opaque = (alpha == 255) | ((alpha > 0) & (below[..., 3] == 0))
    np.copyto(below, above, where=opaque[..., None])
    mixed = (alpha > 0) & ~opaque
    if not mixed.any():
        return
    top, under = above[mixed].astype(np.float32), below[mixed].astype(np.float32)
    share = top[:, 3:] * 255
    rest = under[:, 3:] * (255 - top[:, 3:])
    whole = share + rest
    color = (top[:, :3] * share + under[:, :3] * rest) / whole
    below[mixed] = np.rint(np.concatenate([color, whole / 255], axis=1)).astype(np.uint8)
