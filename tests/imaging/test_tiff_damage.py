"""Damage in TIFF files: whatever a strict decoder can see is an error that names the place."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from restore.errors import ImageError
from restore.imaging.damage import DamagedError
from restore.imaging.decode import read_picture
from restore.imaging.tiff import lzw
from tests.conftest import picture
from tests.imaging.tiff_files import LONG, HandmadePage, plain_tags, tiff_file

PIXELS = picture(40, 50)
ROWS = PIXELS.reshape(4, -1)


def _file(strips: list[bytes], compression: int, **more: tuple[int, list[int]]) -> bytes:
    tags = {
        **plain_tags(40, 50, [8, 8, 8], 2, compression=compression, rows=10),
        **{int(k): v for k, v in more.items()},
    }
    return tiff_file(HandmadePage(tags, strips))


def _packed(row: bytes) -> bytes:
    """PackBits of literals alone, in pieces of 100 bytes."""
    return b"".join(bytes([len(row[i : i + 100]) - 1]) + row[i : i + 100] for i in range(0, len(row), 100))


def _strips(compression: int) -> list[bytes]:
    if compression == 8:
        return [zlib.compress(row.tobytes()) for row in ROWS]
    if compression == 32773:
        return [b"".join(_packed(line.tobytes()) for line in row.reshape(10, -1)) for row in ROWS]
    return [row.tobytes() for row in ROWS]


def _refusal(path: Path, data: bytes) -> str:
    """What the refusal of a file says is damaged."""
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    found = re.fullmatch(r".*: damaged picture: (.*): get the file from its source again", str(caught.value))
    assert found is not None, caught.value
    return found[1]


@pytest.mark.parametrize("compression", [1, 8, 32773])
def test_strips_that_are_whole(tmp_path: Path, compression: int) -> None:
    (tmp_path / "x.tif").write_bytes(_file(_strips(compression), compression))
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, PIXELS)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif"), PIXELS)


@pytest.mark.parametrize("compression", [1, 8, 32773])
def test_a_short_strip(tmp_path: Path, compression: int) -> None:
    strips = _strips(compression)
    strips[2] = {
        1: strips[2][:-150],
        8: zlib.compress(ROWS[2].tobytes()[:-150]),
        32773: strips[2][: len(strips[2]) * 9 // 10],
    }[compression]
    assert "strip 3 of 4 ends after 9 of 10 rows" in _refusal(tmp_path / "x.tif", _file(strips, compression))


def test_a_wrong_checksum(tmp_path: Path) -> None:
    """libtiff stops when the strip is full, before the checksum."""
    strips = _strips(8)
    strips[1] = strips[1][:-1] + bytes([strips[1][-1] ^ 1])
    assert "strip 2 of 4 has a wrong checksum" in _refusal(tmp_path / "x.tif", _file(strips, 8))


@pytest.mark.parametrize("at", [30, 500, -3])
def test_a_stream_that_breaks_off(tmp_path: Path, at: int) -> None:
    strips = _strips(8)
    strips[3] = strips[3][:at]
    assert "strip 4 of 4 breaks off" in _refusal(tmp_path / "x.tif", _file(strips, 8))


@pytest.mark.parametrize("compression", [8, 32773])
def test_a_strip_that_is_too_long(tmp_path: Path, compression: int) -> None:
    longer = ROWS[0].tobytes() + bytes(70)
    strips = _strips(compression)
    strips[0] = zlib.compress(longer) if compression == 8 else strips[0] + _packed(bytes(70))
    assert "strip 1 of 4 contains more" in _refusal(tmp_path / "x.tif", _file(strips, compression))


@pytest.mark.parametrize("compression", [1, 8, 32773])
def test_a_last_strip_that_is_filled_up(tmp_path: Path, compression: int) -> None:
    """Some writers do it: 40 rows in strips of 10, of which the picture declares 37."""
    data = _file(_strips(compression), compression, **{"257": (LONG, [37])})
    (tmp_path / "x.tif").write_bytes(data)
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, PIXELS[:37])


def test_runs_of_wrong_length(tmp_path: Path) -> None:
    """The length of the whole is right, but a run goes on into the next row."""
    strips = _strips(32773)
    head = bytearray(strips[1])
    assert head[0] == 99
    assert head[101] == 49
    head[:152] = bytes([119]) + bytes(120) + bytes([29]) + bytes(30)
    assert len(head) == len(strips[1])
    (tmp_path / "x.tif").write_bytes(_file([strips[0], bytes(head), *strips[2:]], 32773))
    assert read_picture(tmp_path / "x.tif").size == (40, 50)  # within the row: another way to write it
    head[:152] = bytes([127]) + bytes(128) + bytes([21]) + bytes(22)
    head[152:303] = bytes([150 - 129]) + bytes(22) + bytes([127]) + bytes(128)
    strips[1] = bytes(head[:101]) + bytes([98]) + bytes(99) + bytes([0, 0]) + bytes(head[303:])
    assert "strip 2 of 4" in _refusal(tmp_path / "x.tif", _file(strips, 32773))


def test_runs_that_always_cross_rows(tmp_path: Path) -> None:
    """By programs that packed the whole strip at once; libtiff reads them too."""
    strips = [_packed(row.tobytes()) for row in ROWS]
    (tmp_path / "x.tif").write_bytes(_file(strips, 32773))
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, PIXELS)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.tif")), PIXELS)


@pytest.mark.parametrize("compression", [1, 8, 32773])
def test_missing_strips(tmp_path: Path, compression: int) -> None:
    strips = _strips(compression)
    path = tmp_path / "x.tif"
    assert "1 of 4 strips are missing" in _refusal(path, _file(strips[:3], compression))
    assert "strip 2 of 4 is missing" in _refusal(path, _file([strips[0], b"", *strips[2:]], compression))
    assert "strip 4 of 4 is missing" in _refusal(path, _file(strips, compression, **{"273": (LONG, [8, 8, 8, 0])}))
    assert "the file ends before strip 4 of 4" in _refusal(
        path, _file(strips, compression, **{"273": (LONG, [8, 8, 8, 10**6])})
    )


def _lzw_file(**options: object) -> bytes:
    buffer = io.BytesIO()
    rng = np.random.default_rng(3)
    noisy = np.clip(PIXELS.repeat(3, 0).repeat(3, 1) + rng.integers(-9, 9, (120, 150, 3)), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(buffer, "TIFF", compression="tiff_lzw", **options)
    return buffer.getvalue()


def test_wrong_lzw_codes_that_libtiff_overlooks(tmp_path: Path) -> None:
    """Of codes changed one at a time, it overlooks those that make a strip too long."""
    data = _lzw_file()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        start, count = page.dataoffsets[0], page.databytecounts[0]
        size = page.rowsperstrip * 150 * 3
    strip = data[start : start + count]
    lzw.check(strip, size, size)
    told = []
    for at in range(100, count - 10, max(1, count // 40)):
        changed = bytearray(data)
        changed[start + at] ^= 0x24
        try:
            Image.open(io.BytesIO(bytes(changed))).load()
            lzw.check(bytes(changed[start : start + count]), size, size)  # passes where a code has the same length
        except OSError:
            continue
        except DamagedError as error:
            told.append((str(error), bytes(changed)))
    assert len(told) > 3
    for error, damaged in told:
        assert _refusal(tmp_path / "x.tif", damaged).endswith(error)


def test_a_jpeg_strip_of_another_size(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture(40, 48)).save(buffer, "JPEG")
    page = HandmadePage(plain_tags(40, 50, [8, 8, 8], 6, compression=7), [buffer.getvalue()])
    assert "48 x 40 pixels instead of 50 x 40" in _refusal(tmp_path / "x.tif", tiff_file(page))


def test_a_small_file_does_not_become_a_large_picture(tmp_path: Path) -> None:
    """A thousand zeros in each byte: no more is decompressed than the picture needs."""
    bomb = zlib.compress(bytes(50_000_000))
    assert "strip 1 of 4 contains more" in _refusal(tmp_path / "x.tif", _file([bomb, *_strips(8)[1:]], 8))


def test_lzw_codes_behind_a_last_clear_code(tmp_path: Path) -> None:
    """GraphicConverter clears the table when the strip is full, and writes another code; libtiff stops before that."""

    def strip(row: list[int], *behind: int) -> bytes:
        bits = "".join(f"{code:09b}" for code in [256, *row, *behind, 257])
        return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")

    row = list(range(50, 90))
    tags = plain_tags(1, 40, [8], 1, compression=5)
    for whole in (strip(row), strip(row, 256), strip(row, 256, 0)):
        (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(tags, [whole])))
        np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels[0, :, 0], row)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.tif"))[0], row)
    for wrong in (strip(row, 0), strip([*row, 7], 256), strip(row[:20], 256, *row[:30])):
        assert "contains more" in _refusal(tmp_path / "x.tif", tiff_file(HandmadePage(tags, [wrong])))
