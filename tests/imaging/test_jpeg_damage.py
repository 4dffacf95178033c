"""JPEG files that hold only a part of their picture are refused or named, and no whole picture is."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from restore.errors import ImageError
from restore.imaging import native_messages
from restore.imaging.decode import read_picture
from restore.imaging.jpeg import damage as jpeg_damage
from restore.imaging.jpeg import segments as jpeg_segments
from tests.conftest import picture

EOI = b"\xff\xd9"
MODES = ["RGB", "L", "CMYK"]


def encoded(mode: str = "RGB", size: tuple[int, int] = (128, 96), **settings: Any) -> bytes:
    image = Image.fromarray(picture(*size)).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **{"quality": 90, **settings})
    return buffer.getvalue()


def scan_start(data: bytes) -> int:
    """Where the first scan's entropy-coded data begin."""
    at = data.index(b"\xff\xda") + 2
    return at + int.from_bytes(data[at : at + 2], "big")


def forged(data: bytes, height: int) -> bytes:
    frame = re.search(rb"\xff[\xc0\xc2]\x00.", data)
    assert frame is not None
    at = frame.start()
    return data[: at + 5] + struct.pack(">H", height) + data[at + 7 :]


def read(tmp_path: Path, data: bytes) -> tuple[str, ...]:
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    return read_picture(path).notes


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("more", [8, 1000])
def test_a_forged_height_is_refused(tmp_path: Path, mode: str, more: int) -> None:
    data = encoded(mode)
    with pytest.raises(ImageError, match="data end before the last row"):
        read(tmp_path, forged(data, 128 + more))


@pytest.mark.skipif(native_messages._log() is None, reason="libjpeg's lines cannot be read here")
def test_a_height_that_is_forged_to_be_lower_is_said(tmp_path: Path) -> None:
    data = encoded(size=(300, 300), quality=95)
    (note,) = read(tmp_path, forged(data, 100))
    assert note == "damaged: many data follow the last row; parts of the picture may be missing or wrong"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kept", [0.2, 0.9, 0.95])
@pytest.mark.parametrize("behind", [b"", b"\0\0\0\x18ftypmp42" + bytes(90)])
def test_an_early_end_is_refused(tmp_path: Path, mode: str, kept: float, behind: bytes) -> None:
    data = encoded(mode)
    start = scan_start(data)
    cut = data[: start + round(kept * (len(data) - start))].rstrip(b"\xff") + EOI
    with pytest.raises(ImageError, match="data end before the last row"):
        read(tmp_path, cut + behind)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_cut_in_the_middle_is_refused(tmp_path: Path, subsampling: int) -> None:
    data = encoded(subsampling=subsampling)
    start = scan_start(data)
    middle = (start + len(data)) // 2
    cut = data[: middle - 700].rstrip(b"\xff") + data[middle + 700 :]
    with pytest.raises(ImageError, match="data end before the last row"):
        read(tmp_path, cut)


@pytest.mark.skipif(native_messages._log() is None, reason="libjpeg's lines cannot be read here")
def test_inserted_bytes_that_push_the_end_of_the_data_out_are_said(tmp_path: Path) -> None:
    """The decoder has its last row before the data end, and finds a marker there that no file has."""
    data = encoded(size=(61, 83))
    inserted = np.random.default_rng(2).integers(0, 255, 150, dtype=np.uint8).tobytes()
    (tmp_path / "x.jpg").write_bytes(data[:-40] + inserted + b"\xff\xbd" + data[-40:])
    with Image.open(tmp_path / "x.jpg") as image, pytest.raises(OSError, match="broken data stream"):
        image.load()
    wrong = read_picture(tmp_path / "x.jpg")
    (tmp_path / "whole.jpg").write_bytes(data)
    assert (wrong.pixels != read_picture(tmp_path / "whole.jpg").pixels).any()
    assert wrong.notes == ("damaged: wrong codes in its JPEG data; parts of the picture may be wrong",)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_marker_that_no_file_has_is_said_wherever_the_last_row_ends(tmp_path: Path, mode: str) -> None:
    """Some of these the decoder reads without a word: the last row ends right where the marker is."""
    data = encoded(mode, (61, 83))
    inserted = np.random.default_rng(2).integers(0, 255, 400, dtype=np.uint8).tobytes()
    path, refused = tmp_path / "x.jpg", 0
    for length in range(20, 140):
        path.write_bytes(data[:-100] + inserted[:length] + b"\xff\x41" + data[-100:])
        try:
            notes = read_picture(path).notes
        except ImageError:
            refused += 1
        else:
            assert [note for note in notes if note.startswith("damaged")], length
    assert refused < 110


def test_reserved_markers_in_what_follows_a_picture_are_no_damage(tmp_path: Path) -> None:
    """A preview behind the picture, whose headers hold any bytes, and a picture of its own with such a comment."""
    data, preview = encoded(), encoded(size=(16, 16), comment=b"\xff\x41" * 300)
    assert read(tmp_path, data + preview) == ()
    assert read(tmp_path, data + b"\xff\x41" * 50_000 + preview) == ()
    assert read(tmp_path, data + encoded(size=(8, 8), comment=b"\xff\x41" * 32_000)) == ()
    assert read(tmp_path, encoded(comment=b"\xff\x41" * 300)) == ()
    assert read(tmp_path, data + encoded(size=(8, 8), comment=b"a" * 65_000)) == ()


@pytest.mark.parametrize("marker", [0xDB, 0xC0, 0xC4, 0xDA])
@pytest.mark.parametrize("kind", ["small", "large", "gray"])
def test_a_scan_that_goes_on_into_a_header_is_damaged(tmp_path: Path, marker: int, kind: str) -> None:
    """The decoder has all rows before it comes to the marker, and says nothing."""
    data = encoded("L", (512, 512) if kind == "large" else (64, 48), quality=100 if kind == "large" else 90)
    if kind == "gray":  # to its last pixel, as where data are missing
        buffer = io.BytesIO()
        Image.new("L", (64, 48), 128).save(buffer, "JPEG")
        data = buffer.getvalue()
    assert (len(data) > 1 << 17) == (kind == "large")
    assert read(tmp_path, data) == ()
    again = data[data.index(bytes([0xFF, marker])) : scan_start(data)]
    assert read(tmp_path, data[:-2] + again + data[scan_start(data) :][-200:]) == (
        "damaged: wrong codes in its JPEG data; parts of the picture may be wrong",
    )


@pytest.mark.parametrize("mode", MODES)
def test_odd_segments_are_no_reason_to_refuse_what_is_decoded_twice(tmp_path: Path, mode: str) -> None:
    """Pillow refuses these; CMYK is always decoded once more, the others where the last pixel is gray."""
    flat = Image.new(mode, (64, 48), {"RGB": (128, 128, 128), "L": 128, "CMYK": (9, 9, 9, 9)}[mode])
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG")
    odd = buffer.getvalue()[:2] + b"\xff\xe0\0\x08JFIF\0\1" + buffer.getvalue()[2:]
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(odd))
    notes = read(tmp_path, odd)
    assert not [note for note in notes if note.startswith("damaged")]
    with pytest.raises(ImageError, match="the data end before the last row"):
        read(tmp_path, odd[:-8] + EOI)


def test_a_lost_block_is_said(tmp_path: Path) -> None:
    data = encoded()
    middle = (scan_start(data) + len(data)) // 2
    note, *_ = read(tmp_path, data[:middle].rstrip(b"\xff") + bytes(512) + data[middle + 512 :])
    assert note == "damaged: some of the data is lost, and the picture is wrong from there on"


RESTART = re.compile(rb"\xff[\xd0-\xd7]")


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_missing_restart_intervals_are_counted(tmp_path: Path, mode: str) -> None:
    data = encoded(mode, restart_marker_rows=1)
    marks = [found.start() for found in RESTART.finditer(data, scan_start(data))]
    assert len(marks) > 5
    assert read(tmp_path, data) == ()
    for removed, missing in (((2, 3), 1), ((2, 4), 2), ((1, 2), 1)):
        first, last = (marks[i] for i in removed)
        note, *_ = read(tmp_path, data[:first] + data[last:])
        assert note == f"damaged: {missing} of its {len(marks) + 1} restart intervals are missing or misplaced"
    swapped = data[: marks[1] + 1] + b"\xd5" + data[marks[1] + 2 :]
    assert read(tmp_path, swapped)[0].startswith("damaged: 1 of")


def scans(data: bytes) -> list[int]:
    """Where the scans of a progressive file begin, with the Huffman tables before them."""
    return [
        found.start()
        for found in re.finditer(rb"\xff\xc4(?=..[\x00-\x11])|\xff\xda(?=\x00[\x08\x0c])", data, re.DOTALL)
    ]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_missing_scans_are_said(tmp_path: Path, mode: str) -> None:
    data = encoded(mode, progressive=True)
    assert read(tmp_path, data) == ()
    later = [at for at in scans(data) if at > scan_start(data)]
    assert len(later) > 5
    for at in later:
        note, *_ = read(tmp_path, data[:at] + EOI)
        assert note.startswith("damaged: ")


def test_a_missing_component_is_said(tmp_path: Path) -> None:
    """A sequential file with one scan for each component, without its last one."""
    data = encoded("L", subsampling=0)
    at = data.index(b"\xff\xc0")
    frame = data[at : at + 4] + data[at + 4 : at + 9]
    header = frame[:2] + struct.pack(">H", 17) + frame[4:9] + b"\x03\x01\x11\0\x02\x11\0\x03\x11\0"
    scan = data[scan_start(data) - 10 : -2]
    assert scan[:2] == b"\xff\xda"

    def of(component: int) -> bytes:
        return scan[:5] + bytes([component]) + scan[6:]

    begin = data[:at] + header + data[at + 13 : data.index(b"\xff\xda")]
    assert read(tmp_path, begin + of(1) + of(2) + of(3) + EOI) == ()
    assert read(tmp_path, begin + of(1) + of(2) + EOI)[0] == "damaged: the scan of a color is missing"


def test_gray_corners_and_flat_pictures_are_whole(tmp_path: Path) -> None:
    """What damage looks like at first sight, in pictures that are as they should be."""
    holes = 0
    for mode, color in (("RGB", (128, 128, 128)), ("L", 128), ("RGB", (255, 255, 255)), ("L", 0)):
        for settings in ({}, {"optimize": True}, {"progressive": True}, {"restart_marker_blocks": 3}):
            buffer = io.BytesIO()
            Image.new(mode, (640, 480), color).save(buffer, "JPEG", **settings)
            assert read(tmp_path, buffer.getvalue()) == ()
            holes += bytes(64) in buffer.getvalue()
    assert holes


@given(
    st.sampled_from(MODES),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.booleans(),
    st.sampled_from([0, 1, 2]),
    st.integers(0, 9),
    st.booleans(),
)
def test_no_whole_picture_is_called_damaged(
    mode: str, size: tuple[int, int], progressive: bool, subsampling: int, restarts: int, gray: bool
) -> None:
    settings = {"progressive": progressive, "restart_marker_blocks": restarts}
    if mode == "RGB":
        settings["subsampling"] = subsampling
    data = encoded(mode, size, **settings)
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image).reshape(*size, -1)
    if gray:
        pixels = np.full_like(pixels, 128)
    assert jpeg_damage.check(data, None if mode == "CMYK" else pixels, jpeg_segments.segments(data)) == []
    assert jpeg_damage.end(data + b"behind") == len(data)
