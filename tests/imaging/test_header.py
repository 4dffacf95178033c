"""Sizes by headers are those of the decoded pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from restore.data.folder import photo_sizes
from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.header import header_size, read_size
from tests.conftest import picture, save
from tests.imaging.samples import XMP


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_turned_picture_has_its_size_upright(tmp_path: Path, suffix: str, turn: int) -> None:
    exif = Image.Exif()
    exif[274] = turn
    path = save(tmp_path / f"x{suffix}", picture(20, 30), exif=exif)
    assert read_size(path) == header_size(path) == read_picture(path).size == ((20, 30) if turn < 5 else (30, 20))


def test_a_packet_that_turns_counts_where_there_is_no_exif(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", picture(20, 30), xmp=XMP)
    assert read_size(path) == read_picture(path).size == (30, 20)


@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_file_that_pillow_does_not_know(tmp_path: Path, order: str, turn: int) -> None:
    """Gray with alpha, of 16 bits, is read by our own directory: so is its size."""
    path, values = tmp_path / "x.tif", np.zeros((20, 30, 2), np.uint16)
    options = {"photometric": "minisblack", "extrasamples": ["unassalpha"], "extratags": [(274, 3, 1, turn, True)]}
    tifffile.imwrite(path, values, byteorder=order, **options)
    with pytest.raises(OSError, match="identify"):
        Image.open(path)
    assert header_size(path) == read_picture(path).size == ((20, 30) if turn == 1 else (30, 20))


@pytest.mark.parametrize("data", [b"", b"II*\0", b"II*\0" + bytes(200), b"MM\0*\xff\xff\xff\xff" + bytes(9), b"no"])
def test_what_is_no_picture_has_no_size(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tif").write_bytes(data)
    assert header_size(tmp_path / "x.tif") is None
    assert header_size(tmp_path / "nowhere.tif") is None
    with pytest.raises(ImageError, match=r"x\.tif: "):
        read_size(tmp_path / "x.tif")


def test_a_header_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's readers meet damage with any exception: the size is then not known, and decoding says why."""
    path = save(tmp_path / "x.jpg", picture(20, 30))
    assert header_size(path) == (20, 30)
    assert header_size(tmp_path / "nowhere.jpg") is None

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Failed to decode image: Missing or empty image item")

    monkeypatch.setattr(Image, "open", broken)
    assert header_size(path) is None
    with pytest.raises(ImageError, match="damaged picture"):
        read_picture(path)
    with pytest.raises(ImageError, match=r"x\.jpg: cannot be used for training: damaged picture"):
        photo_sizes([path])
