"""Files of every kind, whole and broken."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.color
import tifffile
from PIL import Image, ImageCms, ImageOps

from restore.errors import ImageError
from restore.imaging import header
from restore.imaging.decode import read_picture, read_rgb8
from restore.imaging.encode import EncodeOptions, encode
from restore.imaging.header import read_size
from restore.imaging.metadata import ifd
from restore.imaging.picture import Picture
from tests.conftest import picture, save
from tests.imaging.samples import MAKER_NOTE, SRGB, XMP, any_picture, cmyk_profile, exif_block, read_exif, write_png


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "bmp"])
def test_lossless_formats_come_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    pixels = picture(20, 31)
    path = save(tmp_path / f"x.{suffix}", pixels, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(read_picture(path).pixels, pixels)


def test_gray_stays_one_channel(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", picture(9, 7, 1))
    assert read_picture(path).pixels.shape == (9, 7, 1)
    assert read_rgb8(path).shape == (9, 7, 3)


def test_alpha_is_apart(tmp_path: Path) -> None:
    pixels = picture(9, 7, 4)
    read = read_picture(save(tmp_path / "x.png", pixels))
    np.testing.assert_array_equal(read.alpha, pixels[..., 3])
    np.testing.assert_array_equal(read.pixels, pixels[..., :3])


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr", "LA", "HSV"])
def test_other_modes(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(picture(16, 12)).convert(mode)
    path = tmp_path / ("x.tif" if mode in ("CMYK", "YCbCr") else "x.png")
    (image.convert("RGB") if mode == "HSV" else image).save(path)
    read = read_picture(path)
    gray = mode in ("1", "LA")
    assert read.pixels.shape == (16, 12, 1 if gray else 3)
    assert (read.alpha is not None) == (mode == "LA")
    wanted = np.asarray(image.convert("L" if gray else "RGB")).reshape(read.pixels.shape)
    assert np.abs(wanted.astype(int) - read.pixels).max() <= 2


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(picture(16, 12)).convert("P")
    image.save(tmp_path / "x.png", transparency=int(np.asarray(image)[0, 0]))
    read = read_picture(tmp_path / "x.png")
    assert read.alpha is not None
    assert read.alpha[0, 0] == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, orientation: int) -> None:
    pixels = picture(12, 20)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    path = tmp_path / "x.png"
    Image.fromarray(pixels).save(path, exif=exif)
    read = read_picture(path)
    turned = {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1]}
    turned |= {5: pixels.transpose(1, 0, 2), 6: np.rot90(pixels, -1)}
    turned |= {7: np.rot90(pixels.transpose(1, 0, 2), 2), 8: np.rot90(pixels, 1)}
    np.testing.assert_array_equal(read.pixels, turned[orientation])
    assert read.exif is not None
    kept = Image.Exif()
    kept.load(read.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[0x010F] == "Maker"


def test_icc_is_kept(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = save(tmp_path / "x.png", picture(8, 8), icc_profile=profile)
    assert read_picture(path).icc == profile


def _deep(channels: int, alpha: bool, dark: bool = False) -> Picture:
    given = any_picture(channels, alpha, bits=16)
    # Guessed from its maximum, a dark picture would pass for one of 8 bits.
    return replace(given, pixels=given.pixels >> 8, alpha=given.alpha) if dark else given


def _written(path: Path, pixels: np.ndarray, alpha: np.ndarray | None, **options: object) -> Path:
    """By another library than the one that reads: PNG by the standard's text, TIFF by tifffile."""
    values = pixels if alpha is None else np.dstack([pixels, alpha])
    if path.suffix == ".png":
        path.write_bytes(write_png(values))
    else:
        photometric = "rgb" if pixels.shape[2] == 3 else "minisblack"
        extra = [] if alpha is None else [options.pop("extra", "unassalpha")]
        values = values[..., 0] if values.shape[2] == 1 else values
        tifffile.imwrite(path, values, photometric=photometric, extrasamples=extra, planarconfig="contig", **options)
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("channels", "alpha"), [(1, False), (3, False), (3, True), (1, True)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_read_to_the_last(tmp_path: Path, suffix: str, channels: int, alpha: bool, dark: bool) -> None:
    given = _deep(channels, alpha, dark)
    read = read_picture(_written(tmp_path / f"x{suffix}", given.pixels, given.alpha))
    assert read.pixels.dtype == np.uint16
    np.testing.assert_array_equal(read.pixels, given.pixels)
    assert (read.alpha is not None) == alpha
    if alpha:
        np.testing.assert_array_equal(read.alpha, given.alpha)
    rgb = read_rgb8(tmp_path / f"x{suffix}")
    assert rgb.dtype == np.uint8
    np.testing.assert_array_equal(rgb, np.broadcast_to(np.round(given.pixels / 257), (24, 30, 3)))


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
        {"rowsperstrip": 5},
        {"tile": (16, 16)},
        {"tile": (16, 16), "compression": "zlib", "predictor": True},
    ],
    ids=str,
)
@pytest.mark.parametrize(("channels", "alpha"), [(1, False), (3, False), (3, True), (1, True)])
def test_16_bit_tiff_however_it_is_stored(
    tmp_path: Path, channels: int, alpha: bool, options: dict[str, object]
) -> None:
    given = _deep(channels, alpha)
    read = read_picture(_written(tmp_path / "x.tif", given.pixels, given.alpha, **options))
    np.testing.assert_array_equal(read.pixels, given.pixels)
    if alpha:
        np.testing.assert_array_equal(read.alpha, given.alpha)


def test_16_bit_tiff_by_lzw(tmp_path: Path) -> None:
    """What Photoshop writes; OpenCV's libtiff writes it here."""
    given = _deep(3, False)
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW]
    settings += [cv2.IMWRITE_TIFF_PREDICTOR, cv2.IMWRITE_TIFF_PREDICTOR_HORIZONTAL]
    cv2.imwrite(str(tmp_path / "x.tif"), given.pixels[..., ::-1], settings)
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, given.pixels)


def test_16_bit_tiff_with_white_as_zero(tmp_path: Path) -> None:
    given = _deep(1, False)
    tifffile.imwrite(tmp_path / "x.tif", given.pixels[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, 65_535 - given.pixels)


def test_16_bit_tiff_premultiplied(tmp_path: Path) -> None:
    given = _deep(3, True)
    assert given.alpha is not None
    alpha = np.maximum(given.alpha, 4000)
    multiplied = np.round(given.pixels * (alpha[..., None] / 65_535)).astype(np.uint16)
    read = read_picture(_written(tmp_path / "x.tif", multiplied, alpha, extra="assocalpha"))
    np.testing.assert_array_equal(read.alpha, alpha)
    assert np.abs(read.pixels.astype(int) - given.pixels).max() <= 65_535 / 4000 / 2 + 1


def test_16_bit_tiff_in_planes(tmp_path: Path) -> None:
    given = _deep(3, False).pixels
    tifffile.imwrite(tmp_path / "x.tif", given.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_picture(tmp_path / "x.tif").pixels, given)


@pytest.mark.parametrize(("channels", "key"), [(1, (300,)), (3, (300, 70, 65_000))])
def test_16_bit_png_with_one_color_transparent(tmp_path: Path, channels: int, key: tuple[int, ...]) -> None:
    pixels = _deep(channels, False).pixels.copy()
    pixels[3, 4] = key
    pixels[3, 5] = np.array(key) + 1  # the same in its upper 8 bits
    (tmp_path / "x.png").write_bytes(write_png(pixels, {b"tRNS": struct.pack(f">{channels}H", *key)}))
    read = read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(read.pixels, pixels)
    assert read.alpha is not None
    assert read.alpha[3, 4] == 0
    assert read.alpha[3, 5] == 65_535


@pytest.mark.parametrize("kind", [b"P5", b"P6"])
@pytest.mark.parametrize("most", [256, 1023, 65_535])
def test_deep_ppm(tmp_path: Path, kind: bytes, most: int) -> None:
    channels = 3 if kind == b"P6" else 1
    values = np.random.default_rng(0).integers(0, most + 1, (6, 5, channels))
    (tmp_path / "x.ppm").write_bytes(kind + b" # note\n5 6\n%d\n" % most + values.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_picture(tmp_path / "x.ppm").pixels, np.floor(values * 65_535 / most + 0.5))


def test_deep_ppm_as_text(tmp_path: Path) -> None:
    (tmp_path / "x.pgm").write_bytes(b"P2 2 1 1023\n0 1023\n")
    assert read_picture(tmp_path / "x.pgm").pixels.ravel().tolist() == [0, 65_535]
    (tmp_path / "x.ppm").write_bytes(b"P3 1 1 1023\n0 1023 512\n")
    read = read_picture(tmp_path / "x.ppm")
    assert read.pixels.ravel().tolist() == [0, 255, 128]
    assert read.notes == ("more than 8 bits per channel; read as 8",)


def test_12_bit_tiff_is_stretched(tmp_path: Path) -> None:
    """Two samples in three bytes: 0xFFF and 0x800."""
    tags = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 3}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = b"II*\0" + struct.pack("<I", 12) + b"\xff\xf8\x00\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    (tmp_path / "x.tif").write_bytes(data)
    assert read_picture(tmp_path / "x.tif").pixels.ravel().tolist() == [65_535, 32_776]


@pytest.mark.parametrize("separate", [False, True])
def test_16_bit_big_tiff(tmp_path: Path, separate: bool) -> None:
    given = _deep(3, False).pixels
    values = given.transpose(2, 0, 1) if separate else given
    config = "separate" if separate else "contig"
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb", planarconfig=config, bigtiff=True)
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.pixels, given)
    assert read.notes == ()


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_signed_samples_are_refused(tmp_path: Path, kind: type) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((8, 9), kind))
    with pytest.raises(ImageError, match="convert the file to 8 or 16 bits"):
        read_picture(tmp_path / "x.tif")


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_pixels_and_alpha_are_turned_alike(tmp_path: Path, suffix: str, bits: int, turn: int) -> None:
    """Pillow's own turning is the reference; of 16 bits with color it knows the upper half."""
    alpha = suffix != ".jpg"
    given = any_picture(3, alpha, bits, exif=exif_block(turn))
    path = tmp_path / f"x{suffix}"
    data = encode(given, suffix, EncodeOptions(quality=100))
    path.write_bytes(data)
    with Image.open(path) as image:
        image.load()  # which turns a TIFF, and forgets its orientation
        wanted = np.asarray(ImageOps.exif_transpose(image))
    read = read_picture(path)
    got = read.pixels if read.alpha is None else np.dstack([read.pixels, read.alpha])
    np.testing.assert_array_equal(got >> 8 if got.dtype == np.uint16 else got, wanted)
    assert read.exif is not None
    assert read_exif(read.exif)[0x0112] == 1


def test_orientation_in_xmp_alone(tmp_path: Path) -> None:
    given = any_picture(xmp=XMP)
    (tmp_path / "x.png").write_bytes(encode(given, ".png"))
    read = read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(read.pixels, np.rot90(given.pixels, -1))
    assert read.xmp is not None
    assert b'tiff:Orientation="1"' in read.xmp
    assert b"Thumbnails" not in read.xmp


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_metadata_come_through_two_generations(tmp_path: Path, suffix: str, endian: str) -> None:
    given = any_picture(icc=SRGB, exif=exif_block(endian=endian), xmp=XMP.replace(b'"6"', b'"1"'))
    path = tmp_path / f"x{suffix}"
    path.write_bytes(encode(given, suffix))
    read = read_picture(path)
    path.write_bytes(encode(read, suffix))
    read = read_picture(path)
    assert read.icc == SRGB
    assert read.exif is not None
    exif = read_exif(read.exif)
    assert exif[0x010F] == "Maker"
    assert exif.get_ifd(0x8769)[0x927C] == MAKER_NOTE
    assert exif.get_ifd(0x8825)[1] == "N"
    assert read.xmp is not None
    assert b"Somebody" in read.xmp
    assert read.notes == ()


def test_broken_exif_costs_the_exif_alone(tmp_path: Path) -> None:
    given = any_picture(exif=exif_block()[:30])
    (tmp_path / "x.png").write_bytes(encode(given, ".png"))
    read = read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(read.pixels, given.pixels)
    assert read.exif is None
    assert "EXIF" in read.notes[0]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pointer", [ifd.EXIF_POINTER, ifd.GPS_POINTER])
def test_broken_directories_in_a_tiff(tmp_path: Path, bits: int, pointer: int) -> None:
    given = any_picture(bits=bits, exif=exif_block(), icc=SRGB)
    data = bytearray(encode(given, ".tif"))
    entry = next(e for e in ifd.entries(data, ifd.first_directory(data))[0] if e.number == pointer)
    struct.pack_into(">I", data, entry.start, len(data) + 100)
    (tmp_path / "x.tif").write_bytes(data)
    read = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(read.pixels, given.pixels)
    assert read.exif is None
    assert read.icc == SRGB
    assert "EXIF" in read.notes[0]


def test_a_profile_of_other_pixels_is_dropped(tmp_path: Path) -> None:
    read = read_picture(save(tmp_path / "x.jpg", picture(8, 8, 1), icc_profile=SRGB))
    assert read.icc is None
    assert "profile" in read.notes[0]


def _saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".png", ".tif", ".webp"])
def test_first_of_several_pictures(tmp_path: Path, suffix: str) -> None:
    first, second = (Image.fromarray(picture(20, 30, seed=n)).quantize(32).convert("RGB") for n in (1, 2))
    more = {"lossless": True} if suffix == ".webp" else {}
    read = read_picture(_saved(first, tmp_path / f"x{suffix}", save_all=True, append_images=[second], **more))
    np.testing.assert_array_equal(read.pixels, np.asarray(first))
    assert "several pictures" in read.notes[0]


@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".avif", {"quality": 100, "subsampling": "4:4:4"}), (".jp2", {}), (".ppm", {}), (".tga", {})],
)
def test_what_else_pillow_reads(tmp_path: Path, suffix: str, options: dict[str, object]) -> None:
    pixels = picture(40, 30)
    read = read_picture(save(tmp_path / f"x{suffix}", pixels, **options))
    assert np.abs(read.pixels.astype(int) - pixels).max() <= (4 if suffix == ".avif" else 0)
    assert read.notes == ()


def test_a_cameras_second_picture_is_passed_over(tmp_path: Path) -> None:
    """MPO: a JPEG with a preview or a gain map behind it."""
    first, second = (Image.fromarray(picture(20, 30, seed=n)) for n in (1, 2))
    first.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[second])
    read = read_picture(tmp_path / "x.jpg")
    assert read.format == "MPO"
    np.testing.assert_array_equal(read.pixels, np.asarray(Image.open(tmp_path / "x.jpg")))
    assert read.notes == ()


def test_deep_jpeg_2000_is_told(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65_535, (64, 64, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "x.jp2"), deep)
    read = read_picture(tmp_path / "x.jp2")
    assert read.notes == ("more than 8 bits per channel; read as 8",)


def test_deep_avif_is_told(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 1023, (64, 64, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "x.avif"), deep, [cv2.IMWRITE_AVIF_DEPTH, 10])
    assert read_picture(tmp_path / "x.avif").notes == ("more than 8 bits per channel; read as 8",)


def test_heic_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    header._register_heif.cache_clear()  # another test may have read such a file
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64))
    with pytest.raises(ImageError, match="pip install pillow-heif"):
        read_picture(tmp_path / "x.heic")


def test_heic(tmp_path: Path) -> None:
    plugin = pytest.importorskip("pillow_heif")
    plugin.register_heif_opener()
    image = Image.fromarray(picture(40, 60))
    image.save(tmp_path / "x.heic", quality=95, exif=b"Exif\0\0" + exif_block(6), icc_profile=SRGB)
    image.save(tmp_path / "y.heic", quality=95, xmp=XMP)  # the plugin takes the orientation from there
    for name in ("x.heic", "y.heic"):
        read = read_picture(tmp_path / name)
        assert read.size == read_size(tmp_path / name) == (60, 40)
    read = read_picture(tmp_path / "x.heic")
    assert np.abs(read.pixels.astype(int) - np.rot90(np.asarray(image), -1)).mean() < 6
    assert read.icc == SRGB
    assert read.exif is not None
    assert read_exif(read.exif)[0x0112] == 1


def test_cmyk_goes_by_its_profile(tmp_path: Path) -> None:
    """Cyan ink of this profile is a color of L*a*b* 60, 40, -20; by complements it would be (0, 255, 255)."""
    inks = Image.new("CMYK", (16, 12), (255, 0, 0, 0))
    read = read_picture(_saved(inks, tmp_path / "x.tif", icc_profile=cmyk_profile((60, 40, -20))))
    assert np.abs(read.pixels.astype(int) - np.round(skimage.color.lab2rgb([60.0, 40.0, -20.0]) * 255)).max() <= 3
    assert read.icc is None
    assert "sRGB" in read.notes[0]


@pytest.mark.parametrize("profile", [None, b"no profile", SRGB])
def test_cmyk_without_a_profile_that_serves(tmp_path: Path, profile: bytes | None) -> None:
    inks = Image.fromarray(picture(16, 12, 4), "CMYK")
    read = read_picture(_saved(inks, tmp_path / "x.tif", icc_profile=profile))
    np.testing.assert_array_equal(read.pixels, np.asarray(inks.convert("RGB")))


def test_adobes_inverted_cmyk(tmp_path: Path) -> None:
    """Pillow writes CMYK JPEG as Adobe does, inverted; a yellow page must not come out blue."""
    yellow = Image.new("CMYK", (32, 32), (0, 0, 255, 0))
    read = read_picture(_saved(yellow, tmp_path / "x.jpg", quality=95))
    assert np.abs(read.pixels.reshape(-1, 3).mean(axis=0) - [255, 255, 0]).max() < 3


def test_lab_becomes_srgb(tmp_path: Path) -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    flat = Image.new("RGB", (16, 12), (180, 60, 90))
    stored = ImageCms.profileToProfile(flat, srgb, lab, outputMode="LAB")
    assert stored is not None
    read = read_picture(_saved(stored, tmp_path / "x.tif"))
    assert np.abs(read.pixels.astype(int) - [180, 60, 90]).max() <= 3


@pytest.mark.parametrize(
    "options",
    [{}, {"quality": 30}, {"subsampling": 2}, {"progressive": True}, {"keep_rgb": True}, {"restart_marker_rows": 1}],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_fast_jpeg_decoder_gives_pillows_pixels(tmp_path: Path, mode: str, options: dict[str, object]) -> None:
    image = Image.fromarray(picture(61, 83)).convert(mode)
    path = _saved(image, tmp_path / "x.jpg", **options)
    np.testing.assert_array_equal(read_picture(path).pixels.squeeze(), np.asarray(Image.open(path)))


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(64, 64)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("text.png", b"this is not a picture\n", "not a picture"),
        ("empty.jpg", b"", "the file is empty"),
        ("truncated.jpg", _jpeg()[:900], "damaged|truncated"),
        ("bomb.png", _png_header(60_000, 60_000), "pixels"),
        ("header.png", _png_header(64, 64), "damaged"),
        ("nothing.tif", b"II*\0", "cannot be read|not a picture"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ImageError, match=says) as error:
        read_picture(path)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", {}),
        (".jpg", {"progressive": True}),
        (".png", {}),
        (".webp", {}),
        (".webp", {"lossless": True}),
        (".tif", {}),
        (".tif", {"compression": "tiff_lzw"}),
        (".bmp", {}),
        (".gif", {}),
        (".avif", {}),
        (".jp2", {}),
        (".ppm", {}),
        (".tga", {}),
        (".tga", {"compression": "tga_rle"}),
    ],
    ids=str,
)
def test_a_file_that_breaks_off_is_an_error(
    tmp_path: Path, suffix: str, options: dict[str, object], share: float
) -> None:
    path = save(tmp_path / f"x{suffix}", picture(150, 200), **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match="x"):
        read_picture(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_16_bit_file_that_breaks_off_is_an_error(tmp_path: Path, suffix: str, share: float) -> None:
    data = encode(any_picture(bits=16), suffix)
    (tmp_path / f"x{suffix}").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match="x"):
        read_picture(tmp_path / f"x{suffix}")


def test_a_flipped_bit_in_a_png_is_an_error(tmp_path: Path) -> None:
    data = bytearray(encode(any_picture(bits=16), ".png"))
    data[len(data) // 2] ^= 16
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(ImageError, match="checksum"):
        read_picture(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".gif", ".avif", ".jp2", ".ppm", ".tga"])
def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"x{suffix}", picture(30, 40))
    with pytest.raises(ImageError, match=r"40 x 30 pixels are more than the limit of 0.001 million.*--max-pixels 1"):
        read_picture(path, 1000)
    assert read_picture(path, 1200).size == (30, 40)


def test_16_bit_tiff_with_too_many_pixels(tmp_path: Path) -> None:
    (tmp_path / "x.tif").write_bytes(encode(any_picture(bits=16), ".tif"))
    with pytest.raises(ImageError, match="30 x 24 pixels"):
        read_picture(tmp_path / "x.tif", 700)


def test_pillows_own_limit_is_not_in_the_way(tmp_path: Path) -> None:
    """It refuses 180 million pixels; ours is the user's to set. (This file has no pixels behind its header.)"""
    (tmp_path / "x.png").write_bytes(_png_header(15_000, 13_000))
    with pytest.raises(ImageError, match="damaged picture"):
        read_picture(tmp_path / "x.png")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tile_larger_than_the_limit_is_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((8, 9), dtype), tile=(4096, 4096), compression="zlib")
    with pytest.raises(ImageError, match="4096 x 4096 pixels"):
        read_picture(tmp_path / "x.tif", 10**6)


def test_a_folder_is_not_a_picture(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not a file"):
        read_picture(tmp_path)


def test_a_file_larger_than_any_picture_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.tif").open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no room
    with pytest.raises(ImageError, match=r"1099512 MB .*--max-pixels"):
        read_picture(tmp_path / "x.tif")


def test_broken_xmp_costs_the_xmp_alone(tmp_path: Path) -> None:
    given = any_picture(xmp=b"<x><xmp:Thumbnails>")
    (tmp_path / "x.png").write_bytes(encode(given, ".png"))
    read = read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(read.pixels, given.pixels)
    assert read.xmp is None
    assert "XMP" in read.notes[0]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        read_picture(tmp_path / "none.png")


def test_content_rules_not_the_name(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(_jpeg())
    assert read_picture(tmp_path / "x.png").format == "JPEG"


def test_opencv_without_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = cv2.error("Insufficient memory")
    error.code, error.err = cv2.Error.StsNoMem, "Failed to allocate"

    def fail(*_: object, **__: object) -> None:
        raise error

    read = read_picture(save(tmp_path / "x.jpg", picture(20, 30)))
    monkeypatch.setattr(cv2, "cvtColor", fail)
    with pytest.raises(MemoryError):
        encode(read, ".jpg")
    error.code = cv2.Error.StsBadArg
    with pytest.raises(ImageError, match="cannot be written as jpg: Failed to allocate"):
        encode(read, ".jpg")


def test_a_tiff_of_any_number_of_samples_costs_nothing(tmp_path: Path) -> None:
    """The number is the file's own word, and may be four thousand millions."""
    entries = [(0x0100, 4, 1, 1), (0x0101, 4, 1, 1), (0x0115, 4, 1, 0xFFFFFFFF), (0x0106, 3, 1, 2)]
    table = struct.pack("<H", 4) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    (tmp_path / "x.tif").write_bytes(ifd.header("<", 8) + table + bytes(4))
    with pytest.raises(ImageError, match="4294967295 channels per pixel, where its colors need 3"):
        read_picture(tmp_path / "x.tif")
