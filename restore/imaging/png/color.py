"""Color spaces that PNG files declare in other chunks than iCCP, as chunks and as an ICC profile.

Of several declarations cICP counts before iCCP, that before sRGB, and that before gAMA and cHRM (PNG specification,
third edition, clause 4.3). Code points of cICP are those of Rec. ITU-T H.273.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from restore.imaging.color import code_points, matrix_profile
from restore.imaging.png.chunks import Chunk, Chunks
from restore.imaging.png.text import inflated

_SRGB_GAMMA = 45_455
# Writers round 1 / 2.2 and the primaries in several ways.
_SAME_GAMMA, _SAME_POINT = 460, 0.002
_GAMMAS = (10_000, 1_000_000)  # exponents from 10 to 0.1


@dataclass(frozen=True)
class PngColor:
    """What a PNG file declares about its colors.

    Attributes:
        chunks: the declaration, to be written into PNG again.
        icc: a profile that says the same, or the nearest that the file has; None means sRGB or unknown.
        inexact: whether only PNG can say it: HDR and values of video range have no profile.
    """

    chunks: tuple[Chunk, ...]
    icc: bytes | None
    inexact: bool = False


class Found(NamedTuple):
    """A declaration unless a profile is all that there is; the profile to go by; notes for the user."""

    color: PngColor | None
    icc: bytes | None
    notes: tuple[str, ...]


def read(file: Chunks, icc: bytes | None = None) -> Found:
    """Read the color space of a PNG file.

    Args:
        file: its chunks.
        icc: a profile that was found elsewhere in it; iCCP counts before.
    """
    notes: list[str] = []
    profile = _profile(file, icc, notes)
    for declared in (_cicp, None if profile else _older):
        try:
            color = declared(file, profile) if declared else None
        except ValueError as error:
            notes.append(f"{error} ignored")
            continue
        if color is not None:
            return Found(color, color.icc, tuple(notes))
    return Found(None, profile, tuple(notes))


def _profile(file: Chunks, other: bytes | None, notes: list[str]) -> bytes | None:
    from restore.imaging.color import profiles

    chunk = file.ancillary.get(b"iCCP")
    if chunk is not None:
        try:
            icc = inflated(chunk.partition(b"\0")[2][1:])
            if profiles.fits(icc, 1 if file.is_gray else 3):
                return icc
            notes.append("color profile dropped: it does not fit the pixels")
        except ValueError as error:
            notes.append(f"color profile dropped: {error}")
    return other


def _cicp(file: Chunks, profile: bytes | None) -> PngColor | None:
    """The color space of a cICP chunk.

    Raises:
        ValueError: it is invalid.
    """
    content = file.ancillary.get(b"cICP")
    if content is None:
        return None
    primaries, transfer, matrix, full_range = content
    if matrix != 0 or full_range > 1:
        raise ValueError("invalid cICP chunk")
    chunks = _kept(file, b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
    if profile and b"iCCP" not in file.ancillary:
        profile = None  # a raw profile is not written again
    if code_points.UNSPECIFIED in (primaries, transfer):
        return PngColor(chunks, profile)
    points, decoding = code_points.POINTS.get(primaries), code_points.decoding(transfer)
    if not full_range or decoding is None or (points is None and not file.is_gray):
        return PngColor(chunks, profile, inexact=True)
    if transfer == code_points.SRGB_TRANSFER and (file.is_gray or points is code_points.SRGB_POINTS):
        return PngColor(chunks, None)
    name = f"cICP {primaries}/{transfer}"
    if file.is_gray:
        return PngColor(chunks, matrix_profile.gray_profile(name, decoding))
    assert points is not None
    return PngColor(chunks, matrix_profile.rgb_profile(name, points, decoding))


def _older(file: Chunks, _: bytes | None) -> PngColor | None:
    """The color space of sRGB, gAMA and cHRM chunks.

    Raises:
        ValueError: the values are implausible.
    """
    found = file.ancillary
    chunks = _kept(file, b"sRGB", b"gAMA", b"cHRM")
    if not chunks or b"sRGB" in found:
        return PngColor(chunks, None) if chunks else None
    gamma, points = found.get(b"gAMA"), found.get(b"cHRM")
    decoding: float | matrix_profile.Decoding = code_points.srgb
    name = "PNG"
    if gamma is not None:
        (value,) = struct.unpack(">I", gamma)
        if not _GAMMAS[0] <= value <= _GAMMAS[1]:
            raise ValueError(f"gamma of {value / 100_000:g}")
        if abs(value - _SRGB_GAMMA) > _SAME_GAMMA:
            decoding = 100_000 / value
            name += f" gamma {value / 100_000:g}"
    if file.is_gray:
        same = decoding is code_points.srgb
        return PngColor(chunks, None if same else matrix_profile.gray_profile(name, decoding))
    xy: matrix_profile.Chromaticities = code_points.SRGB_POINTS
    if points is not None:
        numbers = [n / 100_000 for n in struct.unpack(">8I", points)]
        xy = list(zip(numbers[::2], numbers[1::2], strict=True))
        if np.abs(np.subtract(xy, code_points.SRGB_POINTS)).max() <= _SAME_POINT:
            xy = code_points.SRGB_POINTS
        else:
            name += " primaries"
    if decoding is code_points.srgb and xy is code_points.SRGB_POINTS:
        return PngColor(chunks, None)
    return PngColor(chunks, matrix_profile.rgb_profile(name, xy, decoding))


def _kept(file: Chunks, *names: bytes) -> tuple[Chunk, ...]:
    return tuple(Chunk(name, file.ancillary[name]) for name in names if name in file.ancillary)
