"""JPEG 2000 files whose tiles have one more tile-part than they declare are read whole."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import decode_picture
from restore.imaging.jp2_tile_parts import counted
from tests.conftest import picture

_SOT, _SOD, _END = 0xFF90, b"\xff\x93", b"\xff\xd9"
PIXELS = picture(32, 64)


def whole(boxes: bool) -> bytes:
    """Two tiles of one part each."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "JPEG2000", tile_size=(32, 32), no_jp2=not boxes)
    return buffer.getvalue()


def in_two_parts(data: bytes, declared: int) -> bytes:
    """The second parts of all tiles stand behind the first ones."""
    start = data.index(struct.pack(">HH", _SOT, 10))
    length = struct.unpack_from(">I", data, start + 6)[0]
    tiles = data[start + 14 : start + length], data[start + length + 14 : -2]
    parts = []
    for number in (0, 1):
        for tile, packets in enumerate(tiles):
            half = len(packets) // 2
            content = _SOD + (packets[half:] if number else packets[:half])
            parts.append(struct.pack(">HHHIBB", _SOT, 10, tile, 12 + len(content), number, declared) + content)
    new = data[:start] + b"".join(parts) + _END
    if box := data.find(b"jp2c") + 1:
        new = new[: box - 5] + struct.pack(">I", len(new) - box + 5) + new[box - 1 :]
    return new


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("declared", [0, 1, 2])
def test_all_parts_are_read(boxes: bool, declared: int) -> None:
    found = decode_picture(in_two_parts(whole(boxes), declared), Path("x.jp2"))
    np.testing.assert_array_equal(found.pixels, PIXELS)
    assert found.notes == ()


def test_what_is_right_stays_as_it_is() -> None:
    for data in (whole(True), whole(False), in_two_parts(whole(True), 2), b"", b"\xff\x4f\xff\x51", whole(True)[:90]):
        assert counted(data) is data


def test_a_missing_part_is_still_refused() -> None:
    data = in_two_parts(whole(False), 1)
    with pytest.raises(ImageError, match="damaged picture"):
        decode_picture(data[: len(data) * 3 // 4], Path("x.j2k"))


def test_lengths_that_make_no_sense_end_the_search() -> None:
    data = bytearray(in_two_parts(whole(False), 1))
    at = data.index(struct.pack(">HH", _SOT, 10))
    for length in (0, 1, 11, 12, 2**32 - 1):
        struct.pack_into(">I", data, at + 6, length)
        assert counted(bytes(data)) == bytes(data)
