"""Small ICC profiles made from primaries, white point and transfer function.

ICC.1:2001-04 (version 2.4), since not every program reads version 4.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

# CIE xy of white, red, green and blue.
Chromaticities = Sequence[tuple[float, float]]
# From stored values to linear light, both 0..1.
Decoding = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_SAMPLES = 1024
_LARGEST = 4.0


def rgb_profile(name: str, points: Chromaticities, decoding: float | Decoding) -> bytes:
    """A display profile for RGB.

    Args:
        name: its description, ASCII.
        points: white, red, green, blue.
        decoding: the exponent of a power, or a function, which is stored as a table.

    Raises:
        ValueError: the primaries span no color space, or an implausible one.
    """
    curve = _curve(decoding)
    columns = [_xyz(*column) for column in _colorants(points).T]
    tags = [(b"wtpt", _xyz(*_D50)), *zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)]
    return _profile(name, b"RGB ", [*tags, (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)])


def gray_profile(name: str, decoding: float | Decoding) -> bytes:
    """A display profile for gray levels; see :func:`rgb_profile`."""
    return _profile(name, b"GRAY", [(b"wtpt", _xyz(*_D50)), (b"kTRC", _curve(decoding))])


def _colorants(points: Chromaticities) -> NDArray[np.float64]:
    """XYZ of the primaries in columns, adapted from their white to D50 by the Bradford transform."""
    xy = np.array(points, np.float64)
    if not (np.isfinite(xy).all() and (xy >= 0).all() and (xy.sum(1) <= 1.001).all() and xy[0, 1] > 0):
        raise ValueError("implausible primaries")
    xyz = np.stack([xy[:, 0], xy[:, 1], 1 - xy.sum(1)])
    try:
        white = xyz[:, 0] / xyz[1, 0]
        scaled = xyz[:, 1:] * np.linalg.solve(xyz[:, 1:], white)
        cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
        adapted = np.linalg.solve(_BRADFORD, cones[:, None] * (_BRADFORD @ scaled))
    except np.linalg.LinAlgError as error:
        raise ValueError("implausible primaries") from error
    if not (np.isfinite(adapted).all() and (np.abs(adapted) < _LARGEST).all()):
        raise ValueError("implausible primaries")
    return np.asarray(adapted, np.float64)


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65_536 * float(value)) for value in values))


def _curve(decoding: float | Decoding) -> bytes:
    if callable(decoding):
        values = np.clip(decoding(np.linspace(0, 1, _SAMPLES)), 0, 1)
        return b"curv" + struct.pack(">II", 0, _SAMPLES) + np.rint(65_535 * values).astype(">u2").tobytes()
    return b"curv" + struct.pack(">IIH", 0, 1, round(256 * decoding))


def _profile(name: str, space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    text = name.encode("ascii") + b"\0"
    description = b"desc" + struct.pack(">II", 0, len(text)) + text + bytes(78)
    tags = [(b"desc", description), (b"cprt", b"text" + bytes(4) + b"No copyright\0"), *tags]
    index, body, placed = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    start = 128 + 4 + 12 * len(tags)
    for tag, content in tags:
        if content not in placed:  # the three curves are one
            placed[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        index += tag + struct.pack(">II", placed[content], len(content))
    header = struct.pack(">I4xI", start + len(body), 0x02400000) + b"mntr" + space + b"XYZ "
    header += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)  # the D50 white
    return header.ljust(128, b"\0") + index + body
