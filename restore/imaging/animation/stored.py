"""An animation as its file stores it: pieces that are drawn onto a canvas one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from restore.errors import ImageError

# Pixels (H, W, 1 or 3) and alpha (H, W), None if opaque.
Decoded = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]

# What happens to a piece's area once it has been shown: it stays, becomes transparent, or is as it was before.
Disposal = Literal["keep", "clear", "restore"]

# Frames count against the limit on pixels with at least as many, so that their number is limited too.
_LEAST_PIXELS = 4096


@dataclass(frozen=True)
class Piece:
    """A frame as stored: a rectangle, which may be a small part of the picture.

    Attributes:
        left: of the rectangle, in pixels of the canvas.
        top: likewise.
        width: in pixels.
        height: in pixels.
        duration: in seconds.
        disposal: what happens to its area before the next piece is drawn.
        over: whether it is blended over what is there; otherwise it replaces it, transparency included.
        clear: whether some of its pixels may be transparent.
        file: makes a still file of its pixels; not used where :attr:`Stored.frame` is set.
    """

    left: int
    top: int
    width: int
    height: int
    duration: Fraction
    disposal: Disposal
    over: bool
    clear: bool
    file: Callable[[], bytes] = bytes


@dataclass
class Stored:
    """An animation's pieces and what applies to all of them.

    Attributes:
        data: a file that decoders accept, with the metadata and the picture for programs that show no animations.
        width: of the canvas, in pixels.
        height: of the canvas, in pixels.
        plays: how often it is shown; 0 for endlessly.
        pieces: the frames.
        gray: whether all colors are gray by the file's type.
        deep: whether samples have 16 bits.
        still_apart: whether the file has a picture for programs that show no animations, which is not a frame.
        background: of WebP: blue, green, red and alpha that a program may show behind the animation.
        declared: number of frames that the file says it has, or begins; 0 if unknown.
        cut: whether the file breaks off.
        frame: decodes a frame by its number, in formats whose frames depend on others; called in order.
    """

    data: bytes
    width: int
    height: int
    plays: int = 1
    pieces: list[Piece] = field(default_factory=list)
    gray: bool = False
    deep: bool = False
    still_apart: bool = False
    background: bytes | None = None
    declared: int = 0
    cut: bool = False
    frame: Callable[[int], Decoded] | None = None

    def damage(self, kept: int) -> str:
        """The note on an animation of which only the first ``kept`` frames can be decoded; empty if those are all."""
        count = max(self.declared, len(self.pieces))
        if kept == count and not self.cut:
            return ""
        used = "only its first frame is used" if kept == 1 else f"only its first {kept} frames are used"
        if self.cut and kept >= len(self.pieces) - 1:
            return f"damaged: the file breaks off; {used}"
        return f"damaged: frame {kept + 1} of {count} cannot be decoded; {used}"

    @property
    def may_be_transparent(self) -> bool:
        """Whether any frame may have transparent pixels."""
        if not self.pieces:
            return False
        first = self.pieces[0]
        covers = (first.left, first.top) == (0, 0) and first.width >= self.width and first.height >= self.height
        if first.clear or first.disposal == "restore" or not covers:
            return True
        return any(piece.disposal == "clear" or (piece.clear and not piece.over) for piece in self.pieces)


def within_limit(pieces: Iterable[Piece], pixels: Callable[[], int], limit: int) -> Iterator[Piece]:
    """Pass on an animation's pieces while they are within a limit, then count the rest.

    Args:
        pieces: of the file.
        pixels: of the canvas; called after the first piece is taken.
        limit: on the sum of the frames' pixels.

    Raises:
        ImageError: the frames have more pixels.
    """
    total = count = 0
    for piece in pieces:
        count += 1
        total += max(piece.width * piece.height, pixels(), _LEAST_PIXELS)
        if total <= limit:
            yield piece
    if total > limit:
        raise ImageError(
            f"its {count:,} frames have {total / 1e6:.3g} million pixels together, more than the limit of "
            f"{limit / 1e6:g} million: if you trust the file, raise it with --max-pixels {-(-total // 1_000_000)}, or "
            "use --frames first"
        )
