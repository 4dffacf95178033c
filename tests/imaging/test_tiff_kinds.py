"""Samples of every kind in TIFF files, with tifffile or the standard's text as the other side."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from tests.conftest import picture
from tests.imaging.samples import any_picture, cmyk_profile
from tests.imaging.tiff_files import FLOAT, LONG, SHORT, HandmadePage, plain_tags, tiff_file

DEEP = any_picture(bits=16).pixels


def _bits_packed(values: np.ndarray, bits: int) -> bytes:
    """(H, N) numbers, most significant bit first, each row filled up to a byte."""
    rows = ["".join(format(int(v), f"0{bits}b") for v in row) for row in values]
    return b"".join(int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big") for row in rows)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
def test_bits_that_do_not_fill_bytes(tmp_path: Path, bits: int, channels: int) -> None:
    most = 2**bits - 1
    values = np.random.default_rng(bits).integers(0, most + 1, (5, 7, channels))
    values[0, 0] = most
    raw = _bits_packed(values.reshape(5, -1), bits)
    photometric = 2 if channels == 3 else 1
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(plain_tags(5, 7, [bits] * channels, photometric), [raw])))
    read = read_picture(tmp_path / "x.tif")
    full = 255 if bits < 8 else 65_535
    assert read.pixels.dtype == (np.uint8 if bits < 8 else np.uint16)
    np.testing.assert_array_equal(read.pixels, np.floor(values * full / most + 0.5))
    assert read.notes == ()


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": 3}], ids=str)
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_floating_point(tmp_path: Path, kind: str, byteorder: str, options: dict[str, object]) -> None:
    if options:  # tifffile needs another package for this predictor
        values = (DEEP / 65_535).astype(byteorder + kind)
        big = values.astype(">" + kind).view(np.uint8).reshape(24, 90, -1).transpose(0, 2, 1).reshape(24, -1, 3)
        differences = np.diff(big, axis=1, prepend=np.zeros((24, 1, 3), np.uint8)).astype(np.uint8)
        tags = plain_tags(24, 30, [8 * values.itemsize] * 3, 2, compression=8)
        tags |= {339: (SHORT, [3] * 3), 317: (SHORT, [3])}
        page = HandmadePage(tags, [zlib.compress(differences.tobytes())])
        (tmp_path / "x.tif").write_bytes(tiff_file(page, order=byteorder))
    else:
        values = (DEEP / 65_535).astype(kind)
        tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb", byteorder=byteorder)
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.pixels, np.rint(values.astype("f8") * 65_535))
    assert read.notes == (f"{8 * values.itemsize}-bit floating-point samples read as 16 bits",)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("size", [2, 4, 8])
def test_floating_point_by_differences_of_its_bits(tmp_path: Path, size: int, byteorder: str) -> None:
    """Predictor 2, meant for integers, as libtiff applies it to floating-point samples."""
    values = (DEEP / 65_535).astype(f"f{size}")
    words = values.view(f"u{size}")
    differences = np.diff(words, axis=1, prepend=np.zeros((24, 1, 3), words.dtype)).astype(f"{byteorder}u{size}")
    tags = plain_tags(24, 30, [8 * size] * 3, 2, compression=8)
    tags |= {339: (SHORT, [3] * 3), 317: (SHORT, [2])}
    page = HandmadePage(tags, [zlib.compress(differences.tobytes())])
    (tmp_path / "x.tif").write_bytes(tiff_file(page, order=byteorder))
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, np.rint(values.astype("f8") * 65_535))
    if size > 2:
        found = cv2.imread(str(tmp_path / "x.tif"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(found[..., ::-1], values)


def _declared(low: float, high: float) -> dict[int, tuple[int, list[float]]]:
    return {340: (FLOAT, [low] * 3), 341: (FLOAT, [high] * 3)}


def _float_file(values: np.ndarray, more: dict[int, tuple[int, list[float]]] | None = None) -> bytes:
    tags = {**plain_tags(*values.shape[:2], [32] * 3, 2), 339: (SHORT, [3] * 3), **(more or {})}
    return tiff_file(HandmadePage(tags, [values.astype("<f4").tobytes()]))


def test_floating_point_of_a_declared_range(tmp_path: Path) -> None:
    values = np.linspace(-2, 6, 60).reshape(4, 5, 3)
    (tmp_path / "x.tif").write_bytes(_float_file(values, _declared(-2, 6)))
    read = read_picture(tmp_path / "x.tif")
    assert np.abs(read.pixels - (values + 2) / 8 * 65_535).max() <= 1
    assert "-2..6" in read.notes[1]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (4.5, r"reach 4.5, where 1 is white \(HDR\)"),
        (-0.5, "reach -0.5, below black"),
        (np.nan, "not finite"),
        (np.inf, "not finite"),
    ],
)
def test_floating_point_beyond_black_and_white(tmp_path: Path, value: float, says: str) -> None:
    values = np.full((4, 5, 3), 0.5)
    values[1, 2, 0] = value
    (tmp_path / "x.tif").write_bytes(_float_file(values))
    with pytest.raises(ImageError, match=says):
        read_picture(tmp_path / "x.tif")


def test_32_bit_integers(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", DEEP.astype(np.uint32) * 65_537, photometric="rgb")
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.pixels, DEEP)
    assert read.notes == ("32-bit samples read as 16 bits",)


def test_32_bit_integers_of_a_small_range(tmp_path: Path) -> None:
    """They would be black, unless the file says what is white."""
    values = DEEP[..., 0].astype(np.uint32)
    tifffile.imwrite(tmp_path / "x.tif", values)
    with pytest.raises(ImageError, match="would be black"):
        read_picture(tmp_path / "x.tif")
    tifffile.imwrite(tmp_path / "x.tif", values, extratags=[(340, "I", 1, 0, True), (341, "I", 1, 65_535, True)])
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels[..., 0], DEEP[..., 0])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_premultiplied(tmp_path: Path, channels: int, kind: type) -> None:
    most = np.iinfo(kind).max
    given = picture(12, 20, channels).astype(kind) * (most // 255)
    alpha = np.random.default_rng(0).integers(most // 4, most, (12, 20)).astype(kind)
    multiplied = np.rint(given * (alpha[..., None] / most)).astype(kind)
    photometric = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(
        tmp_path / "x.tif", np.dstack([multiplied, alpha]), photometric=photometric, extrasamples=["assocalpha"]
    )
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.alpha, alpha)
    assert np.abs(read.pixels.astype(int) - given).max() <= 3


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_cmyk_with_alpha(tmp_path: Path, kind: type) -> None:
    inks = picture(12, 20, 4)
    alpha = picture(12, 20, 1)
    stored = np.dstack([inks, alpha]).astype(kind) * (np.iinfo(kind).max // 255)
    profile = cmyk_profile((60, 40, -20))
    for icc in (None, profile):
        tifffile.imwrite(
            tmp_path / "x.tif",
            stored,
            photometric="separated",
            extrasamples=["unassalpha"],
            iccprofile=icc,
        )
        read = read_picture(tmp_path / "x.tif")
        np.testing.assert_array_equal(read.alpha, alpha[..., 0])
        Image.fromarray(inks, "CMYK").save(tmp_path / "without.tif", icc_profile=icc)
        np.testing.assert_array_equal(read.pixels, read_picture(tmp_path / "without.tif").pixels)
        assert read.icc is None
        assert "CMYK colors converted to sRGB" in read.notes


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_big_tiff(tmp_path: Path, kind: type, byteorder: str) -> None:
    values = (DEEP >> 8 if kind is np.uint8 else DEEP).astype(kind)
    tifffile.imwrite(
        tmp_path / "x.tif",
        values,
        photometric="rgb",
        bigtiff=True,
        byteorder=byteorder,
        resolution=(300, 300),
        resolutionunit="inch",
        software="Program",
        extratags=[(274, "H", 1, 6, True)],
    )
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.pixels, np.rot90(values, -1))
    assert read.density == (300, 300)
    assert read.exif is not None
    assert b"Program" in read.exif


@pytest.mark.parametrize(("extra", "alpha_at"), [([0], None), ([0, 2], 1), ([2, 0], 0), ([0, 0, 0, 0], None)])
@pytest.mark.parametrize("planes", [False, True])
def test_channels_of_unknown_meaning(tmp_path: Path, extra: list[int], alpha_at: int | None, planes: bool) -> None:
    values = (
        picture(12, 20, 3 + len(extra)) if len(extra) < 2 else np.dstack([picture(12, 20), picture(12, 20, len(extra))])
    )
    stored = values.transpose(2, 0, 1) if planes else values
    tifffile.imwrite(
        tmp_path / "x.tif",
        np.ascontiguousarray(stored),
        photometric="rgb",
        extrasamples=extra,
        planarconfig="separate" if planes else "contig",
    )
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.pixels, values[..., :3])
    assert (read.alpha is None) == (alpha_at is None)
    if alpha_at is not None:
        np.testing.assert_array_equal(read.alpha, values[..., 3 + alpha_at])
    dropped = len(extra) - (alpha_at is not None)
    assert read.notes == (f"extra channels dropped, since the file does not say what they mean: {dropped}",)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", [{"rowsperstrip": 5}, {"tile": (16, 16)}], ids=str)
def test_planes(tmp_path: Path, options: dict[str, object], kind: type) -> None:
    values = (DEEP >> 8 if kind is np.uint8 else DEEP).astype(kind)
    tifffile.imwrite(
        tmp_path / "x.tif", values.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", **options
    )
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, values)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "lzma", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK"])
def test_what_libtiff_compresses(tmp_path: Path, mode: str, compression: str) -> None:
    """By Pillow, in several strips."""
    image = Image.fromarray(picture(70, 90, 4)).convert(mode)
    image.save(tmp_path / "x.tif", compression=compression, strip_size=5000)
    read = read_picture(tmp_path / "x.tif")
    wanted = np.asarray(image.convert("RGB" if mode in ("P", "CMYK") else mode)).reshape(70, 90, -1)
    got = read.pixels if read.alpha is None else np.dstack([read.pixels, read.alpha])
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw", None])
def test_one_bit(tmp_path: Path, compression: str | None, order: int) -> None:
    """Both orders of bits in a byte; the second is made by turning all bytes of the strips."""
    image = Image.fromarray(picture(70, 90)).convert("1")
    image.save(tmp_path / "x.tif", compression=compression)
    if order == 2:
        with tifffile.TiffFile(tmp_path / "x.tif") as file:
            page = file.pages[0]
            spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
            tags = {
                tag.code: (SHORT, [tag.value])
                for tag in page.tags
                if tag.code in (258, 259, 262, 277, 292, 293) and isinstance(tag.value, int)
            }
        data = (tmp_path / "x.tif").read_bytes()
        turned = [bytes(int(f"{b:08b}"[::-1], 2) for b in data[at : at + count]) for at, count in spans]
        tags |= {256: (SHORT, [90]), 257: (SHORT, [70]), 278: (SHORT, [page.rowsperstrip]), 266: (SHORT, [2])}
        (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(tags, turned)))
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.pixels[..., 0], np.asarray(image) * np.uint8(255))


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr", "CMYK"])
def test_jpeg_strips(tmp_path: Path, mode: str) -> None:
    """OpenCV's libtiff is the other side, which converts CMYK by complements as Pillow does."""
    smooth = np.asarray(Image.fromarray(picture(8, 10)).resize((90, 70), Image.Resampling.BICUBIC))
    image = Image.fromarray(smooth).convert(mode)
    image.save(tmp_path / "x.tif", compression="jpeg", quality=95, strip_size=5000)
    read = read_picture(tmp_path / "x.tif")
    wanted = (
        cv2.imread(str(tmp_path / "x.tif"), cv2.IMREAD_COLOR)[..., ::-1]
        if mode != "CMYK"
        else np.asarray(image.convert("RGB"))
    )
    wanted = wanted[..., :1] if mode == "L" else wanted
    assert np.abs(read.pixels.astype(int) - wanted).max() <= (12 if mode == "CMYK" else 2)
    assert read.pixels.shape[2] == (1 if mode == "L" else 3)


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 2)])
@pytest.mark.parametrize("compression", [1, 8])
def test_ycbcr_with_shared_colors(tmp_path: Path, across: int, down: int, compression: int) -> None:
    """TIFF 6.0, page 93: of each block first all Y, then Cb and Cr."""
    rng = np.random.default_rng(0)
    height, width = 8, 10  # the last block of four is not complete
    blocks_down, blocks_across = -(-height // down), -(-width // across)
    blocks = rng.integers(0, 256, (blocks_down, blocks_across, across * down + 2)).astype(np.uint8)
    wanted = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            block = blocks[y // down, x // across]
            wanted[y, x] = block[y % down * across + x % across], block[-2], block[-1]
    half = blocks_down // 2
    strips = [blocks[:half].tobytes(), blocks[half:].tobytes()]
    strips = [zlib.compress(strip) for strip in strips] if compression == 8 else strips
    tags = plain_tags(height, width, [8, 8, 8], 6, compression=compression, rows=half * down)
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage({**tags, 530: (SHORT, [across, down])}, strips)))
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(
        read.pixels, np.asarray(Image.frombytes("YCbCr", (width, height), wanted.tobytes()).convert("RGB"))
    )


@pytest.mark.parametrize(
    ("kind", "compression", "mode"),
    [
        *(("WEBP", 50001, mode) for mode in ("RGB", "RGBA")),  # which has no gray
        *(("JPEG2000", number, mode) for number in (34712, 33005) for mode in ("L", "RGB", "RGBA")),
    ],
)
def test_strips_that_are_pictures(tmp_path: Path, kind: str, compression: int, mode: str) -> None:
    image = Image.fromarray(picture(70, 90, 4)).convert(mode)
    strips = []
    for top in (0, 40):
        buffer = io.BytesIO()
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {"irreversible": False}
        image.crop((0, top, 90, min(top + 40, 70))).save(buffer, kind, **options)
        strips.append(buffer.getvalue())
    photometric = 1 if mode == "L" else 2
    tags = plain_tags(70, 90, [8] * len(mode), photometric, compression=compression, rows=40)
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(tags, strips)))
    read = read_picture(tmp_path / "x.tif")
    got = read.pixels if read.alpha is None else np.dstack([read.pixels, read.alpha])
    np.testing.assert_array_equal(got, np.asarray(image).reshape(70, 90, -1))


def test_16_bit_jpeg_2000(tmp_path: Path) -> None:
    values = np.kron(DEEP, np.ones((3, 3, 1), np.uint16))  # OpenCV writes none that are smaller than 64 pixels
    ok, code = cv2.imencode(".jp2", values[..., ::-1], [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    assert ok
    page = HandmadePage(plain_tags(72, 90, [16] * 3, 2, compression=34712), [code.tobytes()])
    (tmp_path / "x.tif").write_bytes(tiff_file(page))
    read = read_picture(tmp_path / "x.tif")
    assert read.pixels.dtype == np.uint16
    assert np.abs(read.pixels.astype(int) - values).max() <= 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({262: (SHORT, [32803])}, "raw camera data.*raw converter"),
        ({262: (SHORT, [32845])}, "LogLuv"),
        ({262: (SHORT, [77])}, "colors of kind 77"),
        ({259: (SHORT, [34887])}, "LERC compression.*LZW"),
        ({259: (SHORT, [999])}, "number 999 compression"),
        ({258: (SHORT, [5, 6, 5])}, "samples of 5, 6, 5 bits"),
        ({339: (SHORT, [2, 2, 2])}, "signed"),
        ({339: (SHORT, [6, 6, 6])}, "complex"),
        ({256: (SHORT, [0])}, "no size"),
        ({32997: (LONG, [9])}, "a volume of 9 slices"),
        ({322: (SHORT, [0]), 323: (SHORT, [16])}, "tiles have no size"),
        ({277: (SHORT, [200])}, "200 channels"),
    ],
    ids=str,
)
def test_what_is_not_supported_is_said(tmp_path: Path, changed: dict[int, tuple[int, list[int]]], says: str) -> None:
    tags = {**plain_tags(4, 5, [8, 8, 8], 2), **changed}
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(tags, [bytes(60)])))
    with pytest.raises(ImageError, match=says) as error:
        read_picture(tmp_path / "x.tif")
    assert any(cure in str(error.value) for cure in ("save", "convert", "develop", "get the file"))


def test_deflate_by_its_old_number(tmp_path: Path) -> None:
    values = picture(6, 7)
    page = HandmadePage(plain_tags(6, 7, [8, 8, 8], 2, compression=32946), [zlib.compress(values.tobytes())])
    (tmp_path / "x.tif").write_bytes(tiff_file(page))
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, values)


def test_values_in_the_other_byte_order(tmp_path: Path) -> None:
    raw = struct.pack(">3H", 1, 256, 65_535)
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(plain_tags(1, 1, [16] * 3, 2), [raw]), order=">"))
    assert read_picture(tmp_path / "x.tif").pixels.ravel().tolist() == [1, 256, 65_535]


@pytest.mark.parametrize("lengths", [[0, 0, 0, 0], None])
def test_strips_without_lengths(tmp_path: Path, lengths: list[int] | None) -> None:
    """By some old programs; the directory comes first here, so that the last strip ends with the file."""
    values = picture(8, 7)
    tags = {**plain_tags(8, 7, [8, 8, 8], 2, rows=2), 279: (LONG, lengths or [0, 0, 0, 0]), 273: (LONG, [0, 0, 0, 0])}
    head = len(tiff_file(HandmadePage(tags, [])))
    tags[273] = (LONG, [head + 42 * n for n in range(4)])
    data = tiff_file(HandmadePage(tags, []))
    if lengths is None:  # another tag in its place
        data = data.replace(struct.pack("<HH", 279, LONG), struct.pack("<HH", 280, LONG))
    (tmp_path / "x.tif").write_bytes(data + values.tobytes())
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, values)


@pytest.mark.parametrize("left_out", [258, 262, 277])
def test_tags_that_writers_forget(tmp_path: Path, left_out: int) -> None:
    tags = plain_tags(3, 4, [8, 8, 8, 8] if left_out == 258 else [8, 8, 8], 2)
    if left_out == 258:
        tags[277] = (SHORT, [3])  # four depths for three channels
    else:
        del tags[left_out]
    values = picture(3, 4)
    (tmp_path / "x.tif").write_bytes(tiff_file(HandmadePage(tags, [values.tobytes()])))
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, values)
