"""Tags that decide how a picture looks: where one is there and cannot be read, a note says so."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from restore.imaging.decode import read_picture
from restore.imaging.picture import Picture
from restore.imaging.tiff import unreadable
from tests.conftest import picture
from tests.imaging.samples import SRGB
from tests.imaging.tiff_files import SHORT, HandmadePage, plain_tags, tiff_file

PIXELS = picture(6, 10)
ORIENTATION, ICC = 274, 34675
WHOLE = tiff_file(
    HandmadePage(
        {**plain_tags(6, 10, [8, 8, 8], 2), ORIENTATION: (SHORT, [6]), ICC: (1, list(SRGB))}, [PIXELS.tobytes()]
    )
)
TURNED = np.rot90(PIXELS, -1)


def read(data: bytes, folder: Path, suffix: str = ".tif") -> Picture:
    path = folder / f"a{suffix}"
    path.write_bytes(data)
    return read_picture(path)


def entry_at(data: bytes, tag: int, kind: int) -> int:
    at = data.rindex(struct.pack("<HH", tag, kind))
    assert data.count(struct.pack("<HH", tag, kind)) == 1
    return at


def overwritten(data: bytes, at: int, content: bytes) -> bytes:
    return data[:at] + content + data[at + len(content) :]


def test_a_whole_file_has_no_note(tmp_path: Path) -> None:
    found = read(WHOLE, tmp_path)
    np.testing.assert_array_equal(found.pixels, TURNED)
    assert (found.icc, found.notes) == (SRGB, ())


@pytest.mark.parametrize("content", [b"\x12\x01\x99\x99", b"\x12\x01\x02\0", b"\x12\x01\x03\0\0\0\0\0"])
def test_an_orientation_of_another_type_or_without_a_value(content: bytes, tmp_path: Path) -> None:
    found = read(overwritten(WHOLE, entry_at(WHOLE, ORIENTATION, SHORT), content), tmp_path)
    np.testing.assert_array_equal(found.pixels, PIXELS)
    assert found.notes == ("damaged: its orientation cannot be read, so what it shows may look different",)
    assert found.icc == SRGB


def test_a_profile_outside_the_file(tmp_path: Path) -> None:
    found = read(overwritten(WHOLE, entry_at(WHOLE, ICC, 1) + 8, b"\xff\xff\xff\x7f"), tmp_path)
    np.testing.assert_array_equal(found.pixels, TURNED)
    assert found.icc is None
    assert found.notes == ("damaged: its color profile cannot be read, so what it shows may look different",)


@pytest.mark.parametrize("tag", [ORIENTATION, ICC])
def test_an_entry_of_which_nobody_knows_the_tag(tag: int, tmp_path: Path) -> None:
    at = entry_at(WHOLE, tag, SHORT if tag == ORIENTATION else 1)
    found = read(overwritten(WHOLE, at, b"\xa5" * 12), tmp_path)
    assert found.notes == (
        "damaged: a part of its directory is overwritten; its orientation or its colors may be lost",
    )


@pytest.mark.parametrize("tag", unreadable._NAMES)
def test_every_tag_that_changes_the_look(tag: int, tmp_path: Path) -> None:
    """Given with a type that does not exist, and nothing else wrong."""
    tags = {**plain_tags(6, 10, [8, 8, 8], 2), tag: (SHORT, [1])}
    whole = tiff_file(HandmadePage(tags, [PIXELS.tobytes()]))
    data = overwritten(whole, entry_at(whole, tag, SHORT), struct.pack("<HH", tag, 0x3333))
    notes = read(data, tmp_path).notes
    assert any(note.startswith("damaged: its ") and unreadable._NAMES[tag] in note for note in notes)


@pytest.mark.parametrize(("value", "noted"), [(0, False), (1, False), (9, True), (700, True)])
def test_values_that_are_no_orientation(value: int, noted: bool, tmp_path: Path) -> None:
    """Some writers mean "upright" by 0."""
    at = entry_at(WHOLE, ORIENTATION, SHORT) + 8
    found = read(overwritten(WHOLE, at, struct.pack("<H", value)), tmp_path)
    np.testing.assert_array_equal(found.pixels, PIXELS)
    assert any("its orientation cannot be read" in note for note in found.notes) == noted


def jpeg_with(entry: bytes) -> bytes:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        (struct.pack("<HHIHH", 274, 3, 1, 9, 0), "the orientation in its EXIF data cannot be read"),
        (struct.pack("<HHI4s", 274, 2, 2, b"6\0"), "the orientation in its EXIF data cannot be read"),
        (b"\xa5" * 12, "a part of its EXIF data is overwritten; its orientation may be lost"),
        (struct.pack("<HHIHH", 274, 3, 1, 0, 0), ""),
        (struct.pack("<HHI4s", 305, 2, 2, b"x\0"), ""),
    ],
)
def test_the_orientation_in_exif_data(entry: bytes, note: str, tmp_path: Path) -> None:
    found = read(jpeg_with(entry), tmp_path, ".jpg")
    assert found.pixels.shape == PIXELS.shape
    assert [one for one in found.notes if one.startswith("damaged") and note in one] == (
        [f"damaged: {note}{', so it is not turned' if 'read' in note else ''}"] if note else []
    )


@pytest.mark.parametrize("kind", [3, 4, 8, 9])
def test_an_orientation_of_any_kind_of_integer(kind: int, tmp_path: Path) -> None:
    """gThumb stores a signed one."""
    values = {3: "HH", 8: "hh", 4: "I", 9: "i"}[kind]
    entry = struct.pack("<HHI" + values, 274, kind, 1, *([6, 0] if len(values) == 2 else [6]))
    data = jpeg_with(entry)
    with Image.open(io.BytesIO(data)) as image:
        wanted = ImageOps.exif_transpose(image).size
    found = read(data, tmp_path, ".jpg")
    assert found.pixels.shape[1::-1] == wanted == (6, 10)
    assert found.notes == ()
