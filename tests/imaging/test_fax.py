"""Fax compression, with libtiff as the other side, and damage that libtiff passes over."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.tiff import fax_codes
from tests.conftest import picture
from tests.imaging.tiff_files import HandmadePage, plain_tags, tiff_file

KINDS = [("group3", 0), ("group3", 1), ("group3", 4), ("group3", 5), ("group4", 0), ("tiff_ccitt", 0)]


def _written(path: Path, black: np.ndarray, compression: str, options: int) -> None:
    info = {292: options} if options else {}
    Image.fromarray(black == 0).save(path, "TIFF", compression=compression, tiffinfo=info)


def _read(path: Path) -> np.ndarray:
    return read_picture(path).pixels[..., 0] == 0


@pytest.mark.parametrize(("compression", "options"), KINDS)
def test_runs_of_every_length(tmp_path: Path, compression: str, options: int) -> None:
    width = 2700
    lengths = np.r_[0:130, 130:2700:31, 64:2700:64]
    columns = np.arange(width)
    black = np.concatenate([columns >= lengths[:, None], columns < lengths[:, None]])
    _written(tmp_path / "x.tif", black, compression, options)
    np.testing.assert_array_equal(_read(tmp_path / "x.tif"), black)


@pytest.mark.parametrize("width", [1, 7, 8, 64, 90])
@pytest.mark.parametrize(("compression", "options"), KINDS)
def test_noise(tmp_path: Path, compression: str, options: int, width: int) -> None:
    black = np.random.default_rng(width).random((40, width)) < np.linspace(0, 1, 40)[:, None]
    black[5:9] = black[4]  # rows like the one above
    _written(tmp_path / "x.tif", black, compression, options)
    np.testing.assert_array_equal(_read(tmp_path / "x.tif"), black)


@pytest.mark.parametrize(("compression", "options"), KINDS)
def test_a_wrong_bit_is_seen(tmp_path: Path, compression: str, options: int) -> None:
    """Some wrong bits make another picture that is as sound; where rows have another length, it is refused.

    libtiff reads all of these files, and prints of a few that a code is wrong.
    """
    buffer = io.BytesIO()
    black = np.asarray(Image.fromarray(picture(70, 90)).convert("L")) < 128
    _written(buffer, black, compression, options)
    data = buffer.getvalue()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        start, count = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    refused = 0
    places = range(count // 10, count * 8 // 10, max(1, count // 30))
    for at in places:
        changed = bytearray(data)
        changed[start + at] ^= 0x10
        (tmp_path / "x.tif").write_bytes(changed)
        try:
            read_picture(tmp_path / "x.tif")
        except ImageError as error:
            refused += "damaged picture: strip 1 of 1 " in str(error)
    assert refused > len(places) * 0.7


@pytest.mark.parametrize(("compression", "options"), KINDS)
@pytest.mark.parametrize("share", [0.2, 0.7])
def test_missing_rows(tmp_path: Path, compression: str, options: int, share: float) -> None:
    buffer = io.BytesIO()
    black = np.asarray(Image.fromarray(picture(70, 90)).convert("L")) < 128
    _written(buffer, black, compression, options)
    with tifffile.TiffFile(io.BytesIO(buffer.getvalue())) as file:
        page = file.pages[0]
        strip = buffer.getvalue()[page.dataoffsets[0] :][: int(page.databytecounts[0] * share)]
        tags = plain_tags(70, 90, [1], 0, compression=int(page.compression))
    tags[292] = (4, [options])
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(tags, [strip])))
    with pytest.raises(ImageError, match=r"strip 1 of 1 (ends after \d+ of 70 rows|has wrong codes in row \d+ of 70)"):
        read_picture(tmp_path / "x.tif")


def test_no_code_word_begins_another() -> None:
    """As many numbers have a meaning as the words' lengths give room for, if none begins another."""
    for table, words in zip(
        (*fax_codes.runs(), fax_codes.modes()),
        (
            [*fax_codes._WHITE.split(), *fax_codes._MORE_WHITE.split(), *fax_codes._MOST.split()],
            [*fax_codes._BLACK.split(), *fax_codes._MORE_BLACK.split(), *fax_codes._MOST.split()],
            list(fax_codes._MODES),
        ),
        strict=True,
    ):
        assert sum(length > 0 for length, _ in table) == sum(2 ** (fax_codes.LONGEST - len(word)) for word in words)


def test_tall_strips_cost_no_time(tmp_path: Path) -> None:
    tags = plain_tags(200_000_000, 1, [1], 0, compression=4)
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(tags, [b"\xff" * 1000])))
    with pytest.raises(ImageError, match="more than 500,000 rows"):
        read_picture(tmp_path / "x.tif")


def test_runs_of_no_length_count_for_the_row_below(tmp_path: Path) -> None:
    """Some writers begin a row with two of them, and pass over these in the next row; so does libtiff."""
    first = "001 00110101 0000110111 001 1100 10 1"  # horizontal 0 0, horizontal 5 3, vertical 0
    second = "0001 001 1111 11 1"  # pass, horizontal 7 2, vertical 0
    bits = (first + second + "000000000001" * 2).replace(" ", "")
    strip = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(plain_tags(2, 32, [1], 0, compression=4), [strip])))
    black = np.zeros((2, 32), bool)
    black[0, 5:8] = black[1, 7:9] = True
    np.testing.assert_array_equal(_read(tmp_path / "x.tif"), black)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.tif")), ~black)
