"""What files hold besides the pixels, whatever their format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from restore.imaging.metadata import resolution


class FileMetadata(NamedTuple):
    """What a file holds besides the pixels: profile, EXIF, XMP, dots per inch, IPTC, a comment, other PNG chunks."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dots: resolution.Density | None
    iptc: bytes | None = None
    comment: bytes | None = None
    chunks: Sequence[tuple[bytes, bytes]] = ()


class Extra(NamedTuple):
    """What a file holds that Pillow does not report.

    Attributes:
        info: what Pillow's ``info`` lacks: ``icc_profile``, ``exif``, ``xmp``.
        iptc: the IPTC records.
        comment: the comment.
        notes: on what is dropped.
        gain_map: a second JPEG picture, as in the file.
    """

    info: Mapping[str, bytes] = {}
    iptc: bytes | None = None
    comment: bytes | None = None
    notes: tuple[str, ...] = ()
    gain_map: bytes | None = None
