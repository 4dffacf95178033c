"""Which page of a TIFF file is the picture."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from restore.imaging.decode import read_picture
from restore.imaging.header import read_size
from tests.conftest import picture
from tests.imaging.samples import read_exif
from tests.imaging.tiff_files import LONG, SHORT, HandmadePage, plain_tags, tiff_file


def _page(pixels: np.ndarray, *below: HandmadePage, **kinds: int) -> HandmadePage:
    height, width, _ = pixels.shape
    tags = plain_tags(height, width, [8, 8, 8], 2)
    if "new" in kinds:
        tags[254] = (LONG, [kinds["new"]])
    if "old" in kinds:
        tags[255] = (SHORT, [kinds["old"]])
    if "turn" in kinds:
        tags[274] = (SHORT, [kinds["turn"]])
    return HandmadePage(tags, [pixels.tobytes()], below)


FULL, LARGER, SMALL = picture(20, 30, seed=1), picture(40, 50, seed=2), picture(4, 6, seed=3)
MASK = HandmadePage({**plain_tags(60, 70, [8], 4), 254: (LONG, [4])}, [bytes(4200)])


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("pages", "wanted", "says"),
    [
        ([_page(SMALL, new=1), _page(FULL)], FULL, "the largest"),
        ([_page(SMALL, old=2), _page(FULL, old=1)], FULL, "the largest"),
        ([_page(SMALL, _page(FULL), new=1)], FULL, "the largest"),
        ([_page(SMALL, _page(FULL), _page(LARGER), new=1)], LARGER, "the largest"),
        ([_page(SMALL, new=1), MASK, _page(FULL), _page(LARGER, new=1)], FULL, "the largest"),
        ([_page(SMALL, new=1)], SMALL, None),
        ([_page(FULL, new=1), _page(SMALL, new=1)], FULL, "the first"),
        ([_page(FULL), _page(LARGER)], FULL, "the first"),
        ([_page(FULL, _page(SMALL, new=1))], FULL, None),
    ],
)
def test_the_picture_is_found(
    tmp_path: Path, pages: list[HandmadePage], wanted: np.ndarray, says: str | None, order: str, big: bool
) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(tiff_file(*pages, order=order, big=big))
    with tifffile.TiffFile(path) as file:  # the file is what the test means
        assert len(file.pages) == len(pages)
        np.testing.assert_array_equal(
            file.pages[0].asarray(), np.frombuffer(pages[0].strips[0], np.uint8).reshape(file.pages[0].shape)
        )
    read = read_picture(path)
    np.testing.assert_array_equal(read.pixels, wanted)
    assert read_size(path) == wanted.shape[:2]
    assert [says in note for note in read.notes] == ([True] if says else [])


def test_the_picture_has_its_own_orientation(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    thumbnail = _page(SMALL, new=1, turn=3)
    thumbnail.tags[271] = (2, b"Maker\0")
    path.write_bytes(tiff_file(thumbnail, _page(FULL, turn=6)))
    read = read_picture(path)
    np.testing.assert_array_equal(read.pixels, np.rot90(FULL, -1))
    assert read_size(path) == (30, 20)
    assert read.exif is not None
    assert read_exif(read.exif)[271] == "Maker"
    assert read_exif(read.exif).get(274, 1) == 1


def test_pages_that_go_in_circles(tmp_path: Path) -> None:
    data = bytearray(tiff_file(_page(SMALL, new=1), _page(FULL)))
    (first,) = struct.unpack_from("<I", data, 4)
    struct.pack_into("<I", data, len(data) - 4, first)
    (tmp_path / "x.tif").write_bytes(data)
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, FULL)


def test_overlapping_directories_cost_no_time(tmp_path: Path) -> None:
    """A thousand directories of 65,535 entries each, in a file of less than a megabyte."""
    table = bytearray(2**20)
    offsets = range(4096, 4096 + 2000, 2)
    for at in offsets:
        struct.pack_into("<H", table, at, 0xFFFF)
    thumbnail = _page(SMALL, new=1)
    thumbnail.tags[330] = (LONG, list(offsets))
    data = tiff_file(thumbnail)
    (tmp_path / "x.tif").write_bytes(data + bytes(table[len(data) :]))
    began = time.process_time()
    assert read_picture(tmp_path / "x.tif").size[0] == 4
    assert time.process_time() - began < 15, "each of 65 million entries was read"
