"""Read the frames of an animation, each composed to a full picture."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from restore.errors import ImageError
from restore.imaging import refusals
from restore.imaging.animation import read_apng, read_avif, read_gif, read_webp
from restore.imaging.animation.canvas import Canvas, Pixels
from restore.imaging.animation.stored import Decoded, Stored
from restore.imaging.picture import FIRST_PAGE, Picture, to8
from restore.imaging.png import chunks as png_chunks
from restore.imaging.upright import upright

# Decodes a still file to its pixels (H, W, 1 or 3) and alpha (H, W).
Decode = Callable[[bytes], Decoded]


@dataclass(frozen=True)
class Frame:
    """A frame as the viewer sees it.

    Attributes:
        pixels: (H, W, 1 or 3), upright.
        alpha: (H, W); None if all is opaque.
        duration: in seconds; None for the picture that programs without animation show.
        repeats: whether it looks like the frame before.
    """

    pixels: Pixels
    alpha: Pixels | None
    duration: Fraction | None
    repeats: bool = False


@dataclass
class Animation:
    """All frames of a picture.

    Attributes:
        stored: the frames as the file has them.
        decode: decodes one of them.
        turn: orientation, 1..8, by which they are turned upright.
        read: number of frames decoded so far.
        notes: for the user, on damage found while decoding.
    """

    stored: Stored
    decode: Decode
    turn: int = 1
    read: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of frames, if none is damaged."""
        return len(self.stored.pieces)

    def still(self, picture: Picture) -> Iterator[Frame]:
        """The picture that programs without animation show, if it is not a frame.

        Args:
            picture: as decoded from the same file.
        """
        if self.stored.still_apart:
            yield Frame(to8(picture.pixels), None if picture.alpha is None else to8(picture.alpha), None)

    def frames(self) -> Iterator[Frame]:
        """Decode and compose the frames one after another; the first that is damaged ends the animation with a note.

        Raises:
            ImageError: the first frame is damaged.
        """
        stored = self.stored
        canvas = Canvas(stored.height, stored.width)
        shown: Pixels | None = None
        for number, piece in enumerate(stored.pieces):
            try:
                pixels, alpha = stored.frame(number) if stored.frame else self.decode(piece.file())
                if pixels.shape[:2] != (piece.height, piece.width):
                    raise ImageError("damaged picture: a frame has another size than it should")
            except MemoryError:
                raise
            except Exception as error:  # decoders raise anything on a broken file
                if not self.read:
                    raise error if isinstance(error, ImageError) else ImageError(refusals.damaged(error)) from error
                break
            canvas.draw(piece, pixels, alpha)
            repeats = shown is not None and np.array_equal(canvas.pixels, shown)
            if not repeats:
                shown = canvas.pixels.copy()
            self.read += 1
            yield self._frame(canvas.pixels, piece.duration, repeats)
        self.notes += filter(None, [stored.damage(self.read)])

    def _frame(self, shown: Pixels, duration: Fraction, repeats: bool) -> Frame:
        alpha = None if (shown[..., 3] == 255).all() else np.ascontiguousarray(shown[..., 3])
        pixels = np.ascontiguousarray(shown[..., : 1 if self.stored.gray else 3])
        turned = None if alpha is None else to8(upright(alpha, self.turn))
        return Frame(to8(upright(pixels, self.turn)), turned, duration, repeats)


def find(data: bytes, pixel_limit: int) -> Stored | None:
    """The animation in a file's bytes; None if there is none of several frames, or if its header is damaged.

    Raises:
        ImageError: its frames have more pixels than the limit.
    """
    stored = None
    with suppress(ValueError, IndexError, struct.error):
        if data[:4] == b"GIF8":
            stored = read_gif.read(data, pixel_limit)
        elif png_chunks.is_png(data):
            stored = read_apng.read(data, pixel_limit)
        elif read_webp.is_webp(data):
            stored = read_webp.read(data, pixel_limit)
        elif read_avif.is_avif(data):
            stored = read_avif.read(data, pixel_limit)
    return stored if stored and len(stored.pieces) + stored.still_apart > 1 else None


def animated(picture: Picture, stored: Stored, decode: Decode) -> Picture:
    """A picture with all its frames.

    Args:
        picture: decoded from ``stored.data``.
        stored: the frames.
        decode: decodes a still file that holds one of them.
    """
    deep = ("more than 8 bits per channel; read as 8",) if stored.deep else ()
    notes = tuple(note for note in picture.notes if note != FIRST_PAGE)
    return replace(picture, notes=(*notes, *deep), animation=Animation(stored, decode, picture.turn))
