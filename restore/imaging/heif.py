"""Properties of the picture in an AVIF file that its decoder does not apply or report (ISO/IEC 23008-12, MIAF)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from restore.imaging.boxes import boxes, ends_early, inside
from restore.imaging.color import code_points, matrix_profile
from restore.imaging.metadata.xmp_update import DEPTH_MAP, GAIN_MAP
from restore.imaging.picture import Samples

_LIKE_SRGB = (1, frozenset({1, 6, 13, 14, 15}))  # the transfer function of video differs little
_PRIMARIES = {
    1: "BT.709",
    9: "BT.2020",
    12: "Display P3",
    11: "DCI-P3",
    4: "NTSC",
    5: "PAL",
    6: "SMPTE 170M",
    7: "SMPTE 240M",
}
_TRANSFERS = {13: "sRGB", 4: "gamma 2.2", 5: "gamma 2.8", 8: "linear light", 16: "HDR (PQ)", 18: "HDR (HLG)"}


_ENDS_EARLY = "damaged: the file ends early; parts of the picture, or pictures beside it, are missing"


class Crop(NamedTuple):
    """The rectangle that is to be shown, of the picture before it is turned."""

    left: int
    top: int
    width: int
    height: int

    def applied(self, values: Samples) -> Samples:
        """The samples in the rectangle."""
        return values[self.top : self.top + self.height, self.left : self.left + self.width]


class Properties(NamedTuple):
    """The crop, the bits per channel, and the code points of primaries and transfer function; None where absent."""

    crop: Crop | None = None
    bits: int | None = None
    colors: tuple[int, int] | None = None


def properties(data: bytes) -> Properties:
    """The properties of a file's primary item; files with broken boxes have none."""
    crop, bits, colors, size = None, None, None, (0, 0)
    try:
        for kind, content in _of_primary_item(data):
            if kind == b"ispe":
                size = struct.unpack_from(">II", content, 4)
            elif kind == b"clap":
                crop = _crop(content, *size)
            elif kind == b"pixi" and len(content) > 5:
                bits = content[5]
            elif kind == b"av1C":
                high, twelve = content[2] & 0x40, content[2] & 0x20
                bits = bits or ((12 if twelve else 10) if high else 8)
            elif kind == b"colr" and content[:4] == b"nclx":
                colors = struct.unpack_from(">HH", content, 4)
    except (struct.error, IndexError, ZeroDivisionError):
        return Properties()
    return Properties(crop, bits, colors)


def cropped(data: bytes, pixels: Samples, alpha: Samples | None) -> tuple[Samples, Samples | None]:
    """The part of a decoded picture that is to be shown."""
    crop = properties(data).crop
    if crop is None:
        return pixels, alpha
    return crop.applied(pixels), None if alpha is None else crop.applied(alpha)


def item_notes(data: bytes, info: Mapping[str, Any]) -> tuple[str, ...]:
    """Notes on what a file holds besides its picture.

    Args:
        data: the file.
        info: Pillow's ``info`` of it, in which its plugin for HEIF lists auxiliary pictures.
    """
    kinds = inside(data, b"meta", b"iinf")
    has_map = kinds is not None and b"tmap" in data[kinds.start : kinds.stop]  # ISO 21496-1
    maps = has_map or any("hdrgainmap" in str(name) for name in info.get("aux") or ())
    lost = (_ENDS_EARLY,) * ends_early(data)
    return lost + (GAIN_MAP,) * maps + (DEPTH_MAP,) * bool(info.get("depth_images"))


def color(data: bytes, icc: bytes | None, channels: int) -> tuple[bytes | None, list[str]]:
    """The color profile of a file, made from its code points (ITU-T H.273) if it has none.

    Args:
        data: the file.
        icc: the profile in it, which counts before the code points.
        channels: 1 for gray pixels, 3 for RGB.

    Returns:
        The profile, None for sRGB or unknown colors, and a note on colors that no profile here can describe.
    """
    primaries, transfer = properties(data).colors or (code_points.UNSPECIFIED, code_points.UNSPECIFIED)
    gray = channels == 1 and transfer in _LIKE_SRGB[1]
    if icc or code_points.UNSPECIFIED in (primaries, transfer) or gray:
        return icc, []
    if primaries == _LIKE_SRGB[0] and transfer in _LIKE_SRGB[1]:
        return None, []
    points, decoding = code_points.POINTS.get(primaries), code_points.decoding(transfer)
    name = f"{_PRIMARIES.get(primaries, f'primaries {primaries}')}, {_TRANSFERS.get(transfer, f'transfer {transfer}')}"
    if points is None or decoding is None:
        return None, [f"the file declares its colors as {name} without a profile; they are read as sRGB"]
    if channels == 1:
        return matrix_profile.gray_profile(name, decoding), []
    return matrix_profile.rgb_profile(name, points, decoding), []


def _of_primary_item(data: bytes) -> list[tuple[bytes, bytes]]:
    """Type and content of the primary item's properties, in the order in which they apply."""
    primary, holder, associations = (
        inside(data, *path) for path in ((b"meta", b"pitm"), (b"meta", b"iprp", b"ipco"), (b"meta", b"iprp", b"ipma"))
    )
    if primary is None or holder is None or associations is None:
        return []
    version = data[primary.start]
    (item,) = struct.unpack_from(">I" if version else ">H", data, primary.start + 4)
    known = list(boxes(data, holder.start, holder.stop))
    at = associations.start
    version, wide = data[at], data[at + 3] & 1
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(min(count, len(data))):
        owner, number = struct.unpack_from(">IB" if version else ">HB", data, at)
        at += 5 if version else 3
        index = struct.unpack_from(f">{number}{'H' if wide else 'B'}", data, at)
        at += number * (2 if wide else 1)
        if owner == item:
            numbers = [n & (0x7FFF if wide else 0x7F) for n in index]
            return [(b.kind, data[b.start : b.stop]) for b in (known[n - 1] for n in numbers if 0 < n <= len(known))]
    return []


def _crop(content: bytes, across: int, down: int) -> Crop | None:
    """The clean aperture (ISO/IEC 14496-12, 12.1.4) of a picture, if it lies in it and on whole pixels."""
    numbers = struct.unpack_from(">IIIIiIiI", content)
    width, height, right, below = (Fraction(n, d) for n, d in zip(numbers[::2], numbers[1::2], strict=True))
    left, top = right + Fraction(across) / 2 - width / 2, below + Fraction(down) / 2 - height / 2
    whole = all(value.denominator == 1 for value in (width, height, left, top))
    if not whole or min(left, top) < 0 or min(width, height) < 1 or left + width > across or top + height > down:
        return None
    return Crop(int(left), int(top), int(width), int(height))
