"""Write animations: as GIF, PNG or WebP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from restore.imaging.animation.write_apng import ApngWriter
from restore.imaging.animation.write_gif import GifWriter
from restore.imaging.animation.write_webp import WebpWriter
from restore.imaging.encode import EncodeOptions, for_format
from restore.imaging.formats import ANIMATED
from restore.imaging.picture import Picture

# Compresses one frame; several may run at once, each in a thread of its own.
Packing = Callable[[], Any]


class FrameWriter(Protocol):
    """Writes one animation. Frames are added in order; what :meth:`add` and :meth:`finish` return is run by the caller,
    and its results are passed to :meth:`write` in the same order."""

    def add(self, picture: Picture, duration: Fraction | None) -> list[Packing]:
        """Take the next frame, of 8 bits; None for the duration of what programs without animation show."""
        ...

    def finish(self) -> list[Packing]:
        """Nothing follows."""
        ...

    def write(self, packed: Any) -> None:
        """Append a compressed frame to the file."""
        ...

    def close(self) -> memoryview:
        """The file's bytes."""
        ...

    def lost(self) -> list[str]:
        """What the format cannot hold of the frames, in words for the user."""
        ...


@dataclass(frozen=True)
class Whole:
    """What applies to all frames of an animation that is written.

    Attributes:
        picture: of the results' size, with the metadata.
        plays: how often it is shown; 0 for endlessly.
        transparent: whether frames may have transparent pixels.
        background: of WebP, see :class:`~restore.imaging.animation.stored.Stored`.
    """

    picture: Picture
    plays: int
    transparent: bool
    background: bytes | None


def open_writer(whole: Whole, suffix: str, options: EncodeOptions) -> FrameWriter:
    """A writer for a format.

    Args:
        whole: what applies to all frames.
        suffix: one of :data:`restore.imaging.formats.ANIMATED`.
        options: compression settings.
    """
    kind = ANIMATED[suffix.lower()]
    held = for_format(whole.picture, kind)
    if kind == "GIF":
        return GifWriter(held, whole.plays)
    if kind == "WEBP":
        return WebpWriter(held, whole.plays, options, whole.background)
    return ApngWriter(held, whole.plays, options, whole.transparent)
