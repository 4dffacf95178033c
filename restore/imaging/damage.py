"""Damage in a file: as decoders report it to each other, and what C libraries print, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from restore.errors import ImageError
from restore.imaging.picture import Picture
from restore.imaging.refusals import CURE


class DamagedError(Exception):
    """A part of a picture is damaged; the text names the part and says how. Callers add what the user can do."""


WRONG_JPEG = "damaged: wrong codes in its JPEG data; parts of the picture may be wrong"
_LONG_JPEG = "damaged: many data follow the last row; parts of the picture may be missing or wrong"
_SHORT_JPEG = "damaged: its JPEG data end early; a part of the picture is missing"
# What libraries print, and the note for the user; None where the picture is whole. The first match counts.
_SENTENCES: tuple[tuple[re.Pattern[str], str | None], ...] = tuple(
    (re.compile(pattern), note)
    for pattern, note in (
        # A lower height than the data have rows for.
        (r"Corrupt JPEG data: \d{5,} extraneous bytes before marker 0xd9", _LONG_JPEG),
        # A marker that no file has: the data went on after the decoder had its last row.
        (r"Corrupt JPEG data: \d+ extraneous bytes before marker 0x(0[2-9a-f]|[1-9ab][0-9a-f])", WRONG_JPEG),
        # Between segments, and by some phones behind the last row.
        (r"Corrupt JPEG data: \d+ extraneous bytes before marker 0x(?!d[0-7])", None),
        (r"Corrupt JPEG data: premature end", _SHORT_JPEG),
        (r"Premature end of JPEG file", _SHORT_JPEG),
        (r"Corrupt JPEG data: ", WRONG_JPEG),
        (r"(Inconsistent progression sequence|Corrupt data in arithmetic)", WRONG_JPEG),
        (r"(Warning: unknown JFIF revision|Unknown Adobe color transform|Invalid SOS parameters)", None),
        (r"libpng warning: IDAT: ", "damaged: its pixel data do not have the length that its header gives"),
        (r"libpng (warning|error): ", None),  # of other chunks; errors are refusals
        (
            r"(\w*(TIFF|Fax|LZW|ZIP|JPEG|PackBits|Thunder|ZSTD)\w*|tempfile\.tif): ",  # Pillow's name for all files
            "damaged: wrong codes in its TIFF data; parts of the picture may be wrong",
        ),
    )
)


def is_known(line: str) -> bool:
    """Whether a library that decodes pictures prints such lines."""
    return any(pattern.match(line) for pattern, _ in _SENTENCES)


def noted(picture: Picture, lines: Iterable[str]) -> Picture:
    """The picture with notes on what libraries printed about its file, unless a note on damage says more already."""
    if any(note.startswith("damaged") for note in picture.notes):
        return picture
    return replace(picture, notes=(*picture.notes, *notes_on(lines)))


def check_whole(notes: Iterable[str]) -> None:
    """Refuse a picture that was read only in part, or that may be wrong.

    Raises:
        ImageError: one of its notes says so.
    """
    for note in notes:
        if note.startswith("damaged:"):  # not of a chunk beside the picture
            raise ImageError(f"{note}: {CURE}, or leave out --strict to use what can be read")


def notes_on(lines: Iterable[str]) -> list[str]:
    """The notes for the user on what libraries printed about a file, each once."""
    found: dict[str, None] = {}
    for line in lines:
        note = next((note for pattern, note in _SENTENCES if pattern.match(line)), None)
        if note is not None:
            found[note] = None
    return list(found)
