"""TGA files made by hand: runs across rows, 15 and 16 bits, alpha, color maps, corners."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.header import read_size
from tests.conftest import picture


def tga(
    raw: bytes,
    size: tuple[int, int],
    kind: int,
    depth: int,
    flags: int = 0x20,
    color_map: tuple[int, int, int, bytes] | None = None,
    behind: bytes = b"",
) -> bytes:
    """A file; ``color_map`` is the first index, the length, the depth and the entries."""
    first, length, map_depth, entries = color_map or (0, 0, 0, b"")
    header = struct.pack("<BBBHHB", 3, color_map is not None, kind, first, length, map_depth)
    header += struct.pack("<HHHHBB", 0, 0, size[1], size[0], depth, flags)
    return header + b"id!" + entries + raw + behind


def _read(tmp_path: Path, data: bytes) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    (tmp_path / "x.tga").write_bytes(data)
    read = read_picture(tmp_path / "x.tga")
    assert read.format == "TGA"
    assert read_size(tmp_path / "x.tga") == read.size
    return read.pixels, read.alpha, read.notes


def _footer(alpha_kind: int, before: int) -> bytes:
    extension = bytearray(495)
    struct.pack_into("<H", extension, 0, 495)
    extension[494] = alpha_kind
    return bytes(extension) + struct.pack("<II", before, 0) + b"TRUEVISION-XFILE.\0"


def test_runs_across_rows(tmp_path: Path) -> None:
    """5 x 3: a run of 7, pixels of their own that cross, and a run up to the end."""
    colors = [(255, 0, 0)] * 7 + [(n, 2 * n, 3 * n) for n in range(5)] + [(0, 0, 9)] * 3
    stored = [bytes(color[::-1]) for color in colors]
    raw = bytes([0x86]) + stored[0] + bytes([4]) + b"".join(stored[7:12]) + bytes([0x82]) + stored[12]
    pixels, alpha, notes = _read(tmp_path, tga(raw, (3, 5), 10, 24))
    assert pixels.reshape(-1, 3).tolist() == [list(color) for color in colors]
    assert alpha is None
    assert notes == ()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("flags", [0, 0x10, 0x20, 0x30])
@pytest.mark.parametrize(("mode", "kind", "depth"), [("L", 3, 8), ("RGB", 2, 24), ("RGBA", 2, 32)])
def test_corners(tmp_path: Path, mode: str, kind: int, depth: int, flags: int, compressed: bool) -> None:
    wanted = np.asarray(Image.fromarray(picture(6, 9, 4)).convert(mode)).reshape(6, 9, -1)
    stored = wanted[..., [2, 1, 0, 3][: wanted.shape[2]]] if mode != "L" else wanted
    stored = stored[:: 1 if flags & 0x20 else -1, :: -1 if flags & 0x10 else 1]
    flat = np.ascontiguousarray(stored).reshape(54, -1)
    raw = bytes([53]) + flat.tobytes() if compressed else flat.tobytes()
    alpha_bits = 8 if mode == "RGBA" else 0
    data = tga(raw, (6, 9), kind | (8 if compressed else 0), depth, flags | alpha_bits)
    pixels, alpha, _ = _read(tmp_path, data)
    got = pixels if alpha is None else np.dstack([pixels, alpha])
    np.testing.assert_array_equal(got, wanted)
    if not compressed and not flags & 0x10:  # Pillow turns only some
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.tga")).reshape(6, 9, -1), wanted)


@pytest.mark.parametrize(("depth", "alpha_bits"), [(15, 0), (16, 0), (16, 1)])
def test_five_bits(tmp_path: Path, depth: int, alpha_bits: int) -> None:
    rng = np.random.default_rng(0)
    values, bit = rng.integers(0, 32, (4, 5, 3)), rng.integers(0, 2, (4, 5))
    words = values[..., 0] << 10 | values[..., 1] << 5 | values[..., 2] | bit << 15
    data = tga(words.astype("<u2").tobytes(), (4, 5), 2, depth, 0x20 | alpha_bits)
    pixels, alpha, _ = _read(tmp_path, data)
    np.testing.assert_array_equal(pixels, np.floor(values * 255 / 31 + 0.5))
    assert (alpha is not None) == (alpha_bits == 1)
    if alpha is not None:
        np.testing.assert_array_equal(alpha, bit * 255)


def test_gray_with_alpha(tmp_path: Path) -> None:
    wanted = np.dstack([picture(4, 5, 1), picture(4, 5, 1, seed=2)])
    pixels, alpha, _ = _read(tmp_path, tga(wanted.astype(np.uint8).tobytes(), (4, 5), 3, 16, 0x28))
    np.testing.assert_array_equal(pixels[..., 0], wanted[..., 0])
    np.testing.assert_array_equal(alpha, wanted[..., 1])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.tga")), wanted)


@pytest.mark.parametrize(
    ("alpha_kind", "wanted"), [(0, None), (1, None), (2, None), (3, [10, 20, 30, 100]), (4, [26, 51, 77, 100])]
)
def test_the_extension_area_says_what_alpha_is(tmp_path: Path, alpha_kind: int, wanted: list[int] | None) -> None:
    raw = bytes([30, 20, 10, 100]) * 6
    data = tga(raw, (2, 3), 2, 32, 0x28)
    pixels, alpha, _ = _read(tmp_path, data + _footer(alpha_kind, len(data)))
    if wanted is None:
        assert alpha is None
        assert pixels[0, 0].tolist() == [10, 20, 30]
    else:
        assert alpha is not None
        assert [*pixels[0, 0].tolist(), int(alpha[0, 0])] == wanted


@pytest.mark.parametrize(("flags", "notes"), [(0x28, 1), (0x20, 0)])
def test_empty_alpha_is_none(tmp_path: Path, flags: int, notes: int) -> None:
    pixels, alpha, said = _read(tmp_path, tga(bytes([30, 20, 10, 0]) * 6, (2, 3), 2, 32, flags))
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert alpha is None
    assert len(said) == notes


def test_alpha_that_the_header_forgets(tmp_path: Path) -> None:
    _, alpha, _ = _read(tmp_path, tga(bytes([30, 20, 10, 0, 30, 20, 10, 99]) * 3, (2, 3), 2, 32, 0x20))
    assert alpha is not None
    assert sorted(set(alpha.ravel().tolist())) == [0, 99]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("map_depth", [15, 16, 24, 32])
@pytest.mark.parametrize("first", [0, 3])
def test_color_maps(tmp_path: Path, map_depth: int, first: int, compressed: bool) -> None:
    step = -(-map_depth // 8)
    entries = {2: struct.pack("<4H", 0, 0x7C00, 0x3E0, 0x1F), 3: bytes([0, 0, 0, 0, 0, 255, 0, 255, 0, 255, 0, 0])}
    entries[4] = bytes([0, 0, 0, 255, 0, 0, 255, 255, 0, 255, 0, 255, 255, 0, 0, 255])
    indices = np.array([[0, 1, 2], [3, 2, 1]], np.uint8)
    raw = (indices + np.uint8(first)).tobytes()
    data = tga(
        (b"\x05" if compressed else b"") + raw,
        (2, 3),
        9 if compressed else 1,
        8,
        color_map=(first, 4, map_depth, entries[step]),
    )
    pixels, _, _ = _read(tmp_path, data)
    colors = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    np.testing.assert_array_equal(pixels, colors[indices])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tga(bytes(50), (3, 6), 2, 24), "the file ends before the picture does"),
        (tga(bytes([0x83, 1, 2, 3]), (3, 6), 10, 24), "the file ends before the picture does"),
        (tga(bytes([17]) + bytes(53), (3, 6), 10, 24), "the file ends before the picture does"),
        (tga(bytes([9] * 6), (2, 3), 1, 8, color_map=(0, 4, 24, bytes(12))), "colors that its color map lacks"),
        (tga(b"", (2, 3), 1, 8, color_map=(0, 40, 24, bytes(12))), "the file ends before the picture does"),
        (tga(bytes(54), (3, 6), 2, 24, 0xE0), "interleaved"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "x.tga").write_bytes(data)
    with pytest.raises(ImageError, match=says):
        read_picture(tmp_path / "x.tga")


def test_a_last_run_that_is_too_long(tmp_path: Path) -> None:
    pixels, alpha, notes = _read(tmp_path, tga(bytes([0x8F, 1, 2, 3, 0x8F, 4, 5, 6]), (3, 6), 10, 24))
    np.testing.assert_array_equal(pixels.reshape(-1, 3), [(3, 2, 1)] * 16 + [(6, 5, 4)] * 2)
    assert alpha is None
    assert notes == ("damaged: its last run is longer than the picture, parts of which may be wrong",)


def test_too_large(tmp_path: Path) -> None:
    (tmp_path / "x.tga").write_bytes(tga(b"", (60_000, 60_000), 10, 24))
    with pytest.raises(ImageError, match="60000 x 60000 pixels are more"):
        read_picture(tmp_path / "x.tga")
