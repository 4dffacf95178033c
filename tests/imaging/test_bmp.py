"""BMP files made by hand: headers of every version, any layout of the bits, alpha."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.header import read_size
from tests.conftest import picture
from tests.imaging.samples import SRGB

RED_GREEN_BLUE = {16: (0x7C00, 0x3E0, 0x1F), 32: (0xFF0000, 0xFF00, 0xFF)}


def bmp(
    words: np.ndarray,
    masks: tuple[int, ...] = (),
    header: int = 40,
    compression: int | None = None,
    down: bool = False,
    profile: bytes = b"",
    dots: int = 0,
) -> bytes:
    """A file of pixels that are words (H, W) of 2 or 4 bytes."""
    height, width = words.shape
    bits = 8 * words.itemsize
    compression = (3 if masks else 0) if compression is None else compression
    stored = words if down else words[::-1]
    rows = b"".join(row.tobytes() + bytes(-row.nbytes % 4) for row in np.ascontiguousarray(stored))
    info = struct.pack(
        "<IiiHHIIiiII", header, width, -height if down else height, 1, bits, compression, 0, dots, dots, 0, 0
    )
    more = b"".join(struct.pack("<I", mask) for mask in masks)
    body = info + more
    if header > 40:
        body = body.ljust(header, b"\0")
    if profile:
        assert header == 124
        body = body[:56] + b"DEBM" + body[60:112] + struct.pack("<II", header + len(rows), len(profile)) + body[120:]
    start = 14 + len(body)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + body + rows + profile


def _words(channels: list[np.ndarray], masks: tuple[int, ...], kind: type) -> np.ndarray:
    """Channel values in their bits."""
    out = np.zeros(channels[0].shape, np.uint64)
    for values, mask in zip(channels, masks, strict=True):
        out |= values.astype(np.uint64) * np.uint64(mask & -mask)
    return out.astype(kind)


MASKS = [
    (np.uint16, (0xF00, 0xF0, 0xF)),
    (np.uint16, (0xF00, 0xF0, 0xF, 0xF000)),
    (np.uint16, (0xF800, 0x7E0, 0x1F)),
    (np.uint16, (0x7C00, 0x3E0, 0x1F)),
    (np.uint16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    (np.uint16, (0x1F, 0x7E0, 0xF800)),
    (np.uint16, (0xE0, 0x1C, 0x3)),
    (np.uint32, (0xFF0000, 0xFF00, 0xFF)),
    (np.uint32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    (np.uint32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    (np.uint32, (0xFF, 0xFF00, 0xFF0000)),
    (np.uint32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    (np.uint32, (0xFFE00000, 0x1FFC00, 0x3FF)),
    (np.uint32, (0x7C000000, 0x3E00, 0x1F)),
]


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(
    ("header", "kind", "masks"),
    # A header of 52 bytes has no mask for alpha.
    [(header, *one) for header in (40, 52, 56, 108, 124) for one in MASKS if header != 52 or len(one[1]) == 3],
    ids=str,
)
def test_any_bits(tmp_path: Path, kind: type, masks: tuple[int, ...], header: int, down: bool) -> None:
    rng = np.random.default_rng(0)
    widths = [mask.bit_count() for mask in masks]
    channels = [rng.integers(0, 2**width, (5, 7)) for width in widths]
    compression = 6 if header == 40 and len(masks) == 4 else 3
    data = bmp(_words(channels, masks, kind), masks, header, compression, down)
    (tmp_path / "x.bmp").write_bytes(data)
    read = read_picture(tmp_path / "x.bmp")
    full = 65_535 if max(widths) > 8 else 255
    wanted = [np.floor(c * full / (2**w - 1) + 0.5) for c, w in zip(channels, widths, strict=True)]
    np.testing.assert_array_equal(read.pixels, np.dstack(wanted[:3]))
    assert read.pixels.dtype == (np.uint16 if full > 255 else np.uint8)
    assert (read.alpha is not None) == (len(masks) == 4)
    if len(masks) == 4:
        np.testing.assert_array_equal(read.alpha, wanted[3])
    assert read_size(tmp_path / "x.bmp") == (5, 7)
    assert read.notes == ()


@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
def test_without_masks(tmp_path: Path, kind: type) -> None:
    """OpenCV is the other side; its 5 bits are shifted, not scaled."""
    words = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (6, 5)).astype(kind)
    (tmp_path / "x.bmp").write_bytes(bmp(words))
    read = read_picture(tmp_path / "x.bmp")
    assert read.alpha is None
    theirs = cv2.imread(str(tmp_path / "x.bmp"), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(read.pixels.astype(int) - theirs).max() <= (7 if kind is np.uint16 else 0)


@pytest.mark.parametrize("header", [108, 124])
def test_alpha_that_pillow_reads_too(tmp_path: Path, header: int) -> None:
    words = np.random.default_rng(0).integers(0, 2**32, (6, 5)).astype(np.uint32)
    (tmp_path / "x.bmp").write_bytes(bmp(words, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), header))
    read = read_picture(tmp_path / "x.bmp")
    assert read.alpha is not None
    wanted = np.asarray(Image.open(tmp_path / "x.bmp"))
    np.testing.assert_array_equal(np.dstack([read.pixels, read.alpha]), wanted)


def test_empty_alpha_is_none(tmp_path: Path) -> None:
    words = np.full((4, 4), 0x123456, np.uint32)
    (tmp_path / "x.bmp").write_bytes(bmp(words, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 108))
    read = read_picture(tmp_path / "x.bmp")
    assert read.alpha is None
    assert read.pixels[0, 0].tolist() == [0x12, 0x34, 0x56]
    assert read.notes == ("its alpha channel is empty; the picture is taken as opaque",)


@pytest.mark.parametrize("bits", [24, 32])
def test_profile_of_version_5(tmp_path: Path, bits: int) -> None:
    data = bytearray(bmp(np.full((3, 4), 0x123456, np.uint32), header=124, profile=SRGB))
    struct.pack_into("<H", data, 28, bits)  # rows of 24 bits need fewer bytes than are there
    (tmp_path / "x.bmp").write_bytes(data)
    assert read_picture(tmp_path / "x.bmp").icc == SRGB


def test_dots_per_inch(tmp_path: Path) -> None:
    (tmp_path / "x.bmp").write_bytes(bmp(np.zeros((3, 4), np.uint16), dots=11_811))
    density = read_picture(tmp_path / "x.bmp").density
    assert density is not None
    assert np.allclose(density, 300, atol=0.01)


@pytest.mark.parametrize(
    ("masks", "says"),
    [
        ((0xF0F, 0xF0, 0xF000), "which bits"),
        ((0xFF, 0xFF, 0xFF00), "which bits"),
        ((0xFF0000, 0xFF, 0xFF00), "which bits"),
    ],
)
def test_masks_that_make_no_sense(tmp_path: Path, masks: tuple[int, ...], says: str) -> None:
    (tmp_path / "x.bmp").write_bytes(bmp(np.zeros((3, 4), np.uint16), masks))
    with pytest.raises(ImageError, match=says):
        read_picture(tmp_path / "x.bmp")


@pytest.mark.parametrize("lost", [1, 8, 30])
def test_a_file_that_ends_early(tmp_path: Path, lost: int) -> None:
    (tmp_path / "x.bmp").write_bytes(bmp(np.zeros((4, 4), np.uint16), (0xF00, 0xF0, 0xF))[:-lost])
    with pytest.raises(ImageError, match="the file ends before the picture does"):
        read_picture(tmp_path / "x.bmp")


def test_too_large(tmp_path: Path) -> None:
    (tmp_path / "x.bmp").write_bytes(bmp(np.zeros((40, 40), np.uint16)))
    with pytest.raises(ImageError, match="40 x 40 pixels are more"):
        read_picture(tmp_path / "x.bmp", 1000)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_what_pillow_writes(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(picture(12, 15, 4)).convert(mode)
    image.save(tmp_path / "x.bmp")
    read = read_picture(tmp_path / "x.bmp")
    got = read.pixels if read.alpha is None else np.dstack([read.pixels, read.alpha])
    wanted = image.convert("L" if mode in ("1", "L") else "RGB")  # it declares no alpha
    np.testing.assert_array_equal(got, np.asarray(wanted).reshape(got.shape))


@pytest.mark.parametrize(("field", "value"), [(18, -127), (18, 0), (22, 0)])
@pytest.mark.parametrize("read", [read_size, read_picture])
def test_a_header_without_a_size(tmp_path: Path, field: int, value: int, read: Callable[[Path], object]) -> None:
    """Pillow takes the width as unsigned, and 4,294,967,169 pixels as more than an output format can hold."""
    data = bytearray(bmp(np.zeros((4, 5), np.uint32)))
    struct.pack_into("<i", data, field, value)
    (tmp_path / "x.bmp").write_bytes(data)
    with pytest.raises(ImageError, match=r"x\.bmp: damaged picture: its header gives no size"):
        read(tmp_path / "x.bmp")
