"""Palettes of JPEG 2000 files are applied as the standard says, or the file is refused."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging import boxes
from restore.imaging.decode import decode_picture
from tests.imaging.test_boxes import box

INDICES = (np.add.outer(np.arange(16), np.arange(24)) % 5).astype(np.uint8)
# The third color is the first once more.
RGB = np.array([[255, 0, 0], [0, 255, 0], [255, 0, 0], [10, 20, 30], [200, 100, 50]], np.uint8)
ALPHA = np.array([255, 128, 0, 255, 7], np.uint8)


def file(*columns: np.ndarray, space: int = 16, cmap: bytes = b"", cdef: bytes = b"", bits: int = 8) -> bytes:
    """Indices as Pillow writes them, with a palette."""
    buffer = io.BytesIO()
    # A file of fewer bits is one of 8 bits that says so, after what the decoder adds: half the range.
    Image.fromarray(INDICES + np.uint8(128 - 2 ** (bits - 1))).save(buffer, "JPEG2000")
    data = buffer.getvalue()
    size = data.index(b"\xff\x4f\xff\x51")
    data = data[: size + 42] + bytes([bits - 1]) + data[size + 43 :]
    depths = bytes(8 * column.itemsize - 1 for column in columns)
    rows = [
        b"".join(column.astype(column.dtype.newbyteorder(">"))[n : n + 1].tobytes() for column in columns)
        for n in range(5)
    ]
    head = boxes.inside(data, b"jp2h")
    assert head is not None
    inner = data[head.start : head.start + 18] + bytes([bits - 1]) + data[head.start + 19 : head.start + 22]
    inner += box(b"colr", b"\1\0\0" + struct.pack(">I", space))
    inner += box(b"pclr", struct.pack(">HB", 5, len(columns)) + depths + b"".join(rows))
    inner += box(b"cmap", cmap or b"".join(struct.pack(">HBB", 0, 1, n) for n in range(len(columns))))
    inner += box(b"cdef", cdef) if cdef else b""
    return data[: head.start - 8] + box(b"jp2h", inner) + data[head.stop :]


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_colors_that_occur_twice_keep_their_places(bits: int) -> None:
    got = decode_picture(file(*RGB.T, bits=bits), Path("x.jp2"))
    np.testing.assert_array_equal(got.pixels, RGB[INDICES])
    assert (got.alpha, got.notes) == (None, ())


def test_alpha_and_the_order_of_channels() -> None:
    kinds = [(0, 1, 0), (1, 0, 3), (2, 0, 2), (3, 0, 1)]  # alpha, blue, green, red
    cdef = struct.pack(">H", 4) + b"".join(struct.pack(">HHH", *kind) for kind in kinds)
    got = decode_picture(file(ALPHA, *RGB.T[::-1], cdef=cdef), Path("x.jp2"))
    np.testing.assert_array_equal(got.pixels, RGB[INDICES])
    np.testing.assert_array_equal(got.alpha, ALPHA[INDICES])


def test_channels_may_use_a_column_twice() -> None:
    cmap = b"".join(struct.pack(">HBB", 0, 1, n) for n in (1, 0, 0))
    got = decode_picture(file(*RGB.T[:2], cmap=cmap), Path("x.jp2"))
    np.testing.assert_array_equal(got.pixels, RGB[:, [1, 0, 0]][INDICES])


def test_gray_of_16_bits() -> None:
    gray = np.array([0, 1000, 30_000, 65_535, 257], np.uint16)
    got = decode_picture(file(gray, space=17), Path("x.jp2"))
    np.testing.assert_array_equal(got.pixels, gray[INDICES][..., None])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (file(*RGB.T, ALPHA, space=12), "only RGB and gray are"),
        (file(*RGB.T).replace(b"cmap", b"free"), "palette cannot be read"),
        (file(*RGB.T).replace(b"\0\5\3\7\7\7", b"\0\4\3\7\7\7"), "colors that its palette lacks"),
        # OpenJPEG refuses these itself: one channel as is, and a column that is missing.
        (file(*RGB.T, cmap=struct.pack(">HBB", 0, 0, 0)), "cannot be decoded"),
        (file(*RGB.T, cmap=struct.pack(">HBB", 0, 1, 9)), "cannot be decoded"),
    ],
)
def test_what_cannot_be_applied_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ImageError, match=f"^x.jp2: .*{says}.*: [a-z]+ .*"):
        decode_picture(data, Path("x.jp2"))
