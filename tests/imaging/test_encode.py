"""What is written is read by another library: the pixels, and all that belongs to them."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from restore.errors import ImageError
from restore.imaging import encode as encode_module
from restore.imaging.decode import decode_picture
from restore.imaging.encode import EncodeOptions, encode, lost
from restore.imaging.formats import FORMATS, check_fits
from restore.imaging.picture import Picture, to8, to16
from tests.conftest import picture
from tests.imaging.samples import GRAY, MAKER_NOTE, SRGB, XMP, any_picture, exif_block, read_exif, read_png

KINDS = [(1, False), (3, False), (3, True), (1, True)]


def _all(channels: int, alpha: bool, bits: int, endian: str = ">") -> Picture:
    profile = SRGB if channels == 3 else GRAY
    return any_picture(channels, alpha, bits, icc=profile, exif=exif_block(endian=endian), xmp=XMP)


def _stacked(picture: Picture) -> np.ndarray:
    return picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])


def _check_exif(block: bytes) -> None:
    exif = read_exif(block)
    assert exif[0x010F] == "Maker"
    assert exif[0x0110] == "Model with a longer name"
    details = exif.get_ifd(0x8769)
    assert details[0x829A] == pytest.approx(1 / 250)
    assert details[0x927C] == MAKER_NOTE
    assert (details[0xA002], details[0xA003]) == (30, 24)  # the size that was written, not the one before
    assert tuple(exif.get_ifd(0x8825)[2]) == (48.0, 51.0, 30.25)


def _check_xmp(packet: bytes) -> None:
    assert b'tiff:ImageWidth="30"' in packet
    assert b"<exif:PixelYDimension>24</exif:PixelYDimension>" in packet
    assert b"<dc:creator>Somebody</dc:creator>" in packet


@pytest.fixture(params=["opencv", "rows"])
def _either_writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pictures written as large ones are, too."""
    if request.param == "rows":
        monkeypatch.setattr(encode_module, "_LARGE", -1)


def test_the_writer_by_rows_takes_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode_module, "_LARGE", -1)
    pixels = picture(600, 40)
    data = encode(Picture(pixels, None, None, None, "PNG"), ".png")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)


@pytest.mark.parametrize("level", [0, 1, 6])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("channels", "alpha"), KINDS)
@pytest.mark.usefixtures("_either_writer")
def test_png(channels: int, alpha: bool, bits: int, level: int) -> None:
    given = _all(channels, alpha, bits)
    values, chunks = read_png(encode(given, ".png", EncodeOptions(png_level=level)))
    assert values.dtype.itemsize * 8 == bits
    np.testing.assert_array_equal(values, _stacked(given))
    assert zlib.decompress(chunks[b"iCCP"].split(b"\0", 1)[1][1:]) == given.icc
    _check_exif(chunks[b"eXIf"])
    assert chunks[b"iTXt"].startswith(b"XML:com.adobe.xmp\0\0\0\0\0")
    _check_xmp(chunks[b"iTXt"])


@pytest.mark.parametrize("quality", [95, 80])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (64, 50), (65, 17), (700, 40)])
def test_a_large_jpeg_holds_the_pixels_that_a_small_one_would(
    size: tuple[int, int], channels: int, quality: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with more strips than there are restart markers."""
    given = Picture(picture(*size)[..., :channels], None, None, None, "PNG", comment=b"by strips")
    options = EncodeOptions(quality)
    at_once = encode(given, ".jpg", options)
    monkeypatch.setattr(encode_module, "_LARGE", -1)
    by_strips = encode(given, ".jpg", options)
    assert (b"\xff\xd0" in by_strips) == (size[0] > 64)
    for read in (_by_pillow, _by_opencv):
        np.testing.assert_array_equal(read(by_strips), read(at_once))
    again = decode_picture(by_strips, Path("by-strips.jpg"))
    assert (again.comment, again.notes) == (b"by strips", ())


def test_the_widest_jpeg_is_written_by_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of its blocks between two restart markers just fits into the 16 bits it has."""
    given = Picture(np.tile(picture(65, 100), (1, 655, 1)), None, None, None, "PNG")
    at_once = encode(given, ".jpg")
    monkeypatch.setattr(encode_module, "_LARGE", -1)
    np.testing.assert_array_equal(_by_pillow(encode(given, ".jpg")), _by_pillow(at_once))


def _by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def _by_opencv(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.usefixtures("_either_writer")
@pytest.mark.parametrize(("channels", "alpha"), KINDS)
def test_png_metadata_are_found_by_pillow(channels: int, alpha: bool) -> None:
    given = _all(channels, alpha, 8)
    image = Image.open(io.BytesIO(encode(given, ".png")))
    np.testing.assert_array_equal(np.asarray(image).reshape(24, 30, -1), _stacked(given))
    assert image.info["icc_profile"] == given.icc
    _check_exif(image.info["exif"])
    _check_xmp(image.info["xmp"])


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("channels", "alpha"), KINDS)
def test_tiff(channels: int, alpha: bool, bits: int, endian: str) -> None:
    given = _all(channels, alpha, bits, endian)
    data = encode(given, ".tif")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        np.testing.assert_array_equal(page.asarray().reshape(24, 30, -1), _stacked(given))
        assert page.dtype == f"uint{bits}"
        assert page.tags[34675].value == given.icc
        _check_xmp(page.tags[700].value)
        assert page.tags["Make"].value == "Maker"
        assert page.tags["ExifTag"].value["MakerNote"] == MAKER_NOTE
        assert page.tags["ExifTag"].value["PixelXDimension"] == 30
        assert page.tags["GPSTag"].value["GPSLatitude"] == (48, 1, 51, 1, 121, 4)
        assert page.tags["Compression"].value == 8
        assert (page.extrasamples == (2,)) == alpha


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_through_libtiff(bits: int) -> None:
    """Strips of several rows, many of them: OpenCV's reader has no code of ours nor of tifffile's."""
    rows = np.random.default_rng(0).integers(0, 2**bits, (700, 900, 3)).astype(f"uint{bits}")
    data = encode(Picture(rows, None, None, None, "PNG"), ".tif")
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., ::-1], rows)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("channels", "alpha"), KINDS)
@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_jpeg_and_webp(suffix: str, channels: int, alpha: bool, bits: int) -> None:
    given = _all(channels, alpha, bits)
    image = Image.open(io.BytesIO(encode(given, suffix)))
    shown = Image.fromarray(to8(_stacked(given)).squeeze())
    if alpha and suffix == ".jpg":
        white = Image.new("RGBA", shown.size, "white")
        shown = Image.alpha_composite(white, shown.convert("RGBA")).convert("RGB")
    assert image.mode == ("RGB" if suffix == ".webp" else "L" if channels == 1 else "RGB") + "A" * (
        alpha and suffix == ".webp"
    )
    difference = np.asarray(image.convert("RGBA")).astype(int) - np.asarray(shown.convert("RGBA"))
    seen = np.asarray(image.convert("RGBA"))[..., 3:] > 0
    assert np.abs(difference * seen).mean() < 7
    assert image.info.get("icc_profile") == (None if suffix == ".webp" and channels == 1 else given.icc)
    _check_exif(image.info["exif"])
    _check_xmp(image.info["xmp"])


@pytest.mark.parametrize(("channels", "alpha"), KINDS)
def test_webp_of_quality_100_is_lossless(channels: int, alpha: bool) -> None:
    given = any_picture(channels, alpha)
    read = np.asarray(Image.open(io.BytesIO(encode(given, ".webp", EncodeOptions(quality=100)))))
    np.testing.assert_array_equal(read[..., :channels], given.pixels)
    if alpha:
        np.testing.assert_array_equal(read[..., 3], given.alpha)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_bmp(channels: int, bits: int) -> None:
    given = _all(channels, False, bits)
    read = np.asarray(Image.open(io.BytesIO(encode(given, ".bmp")))).reshape(24, 30, -1)
    np.testing.assert_array_equal(read, to8(given.pixels))


def test_what_is_lost_is_said() -> None:
    full = _all(3, True, 16)
    everything = (
        "EXIF data",
        "XMP data",
        "color profile",
        "transparency (blended over white)",
        "16 bits per channel (rounded to 8)",
    )
    assert lost(full, ".bmp") == everything
    assert lost(full, ".png") == lost(full, ".TIFF") == ()
    assert lost(full, ".jpg") == everything[3:]
    assert lost(_all(1, False, 8), ".webp") == ("color profile",)
    assert lost(any_picture(), ".bmp") == ()


def test_blocks_too_long_for_a_jpeg_segment() -> None:
    """A profile is split over segments; EXIF and broken XMP cannot be, and go rather than spoil the file."""
    profile = SRGB + np.random.default_rng(0).bytes(150_000)
    picture = any_picture(icc=profile, exif=exif_block() + bytes(66_000), xmp=b"broken" * 11_000)
    image = Image.open(io.BytesIO(encode(picture, ".jpg")))
    image.load()
    assert image.info["icc_profile"] == profile
    assert "exif" not in image.info
    assert "xmp" not in image.info
    assert lost(picture, ".jpg") == ("EXIF data", "XMP data")
    assert lost(picture, ".png") == ()


def test_a_profile_that_does_not_fit_is_not_written() -> None:
    image = Image.open(io.BytesIO(encode(any_picture(1, icc=SRGB), ".png")))
    assert "icc_profile" not in image.info
    assert lost(any_picture(1, icc=SRGB), ".png") == ("color profile",)


def test_jpeg_keeps_full_chroma_at_high_quality() -> None:
    from PIL.JpegImagePlugin import get_sampling

    assert get_sampling(Image.open(io.BytesIO(encode(any_picture(), ".jpg", EncodeOptions(90))))) == 0
    assert get_sampling(Image.open(io.BytesIO(encode(any_picture(), ".jpg", EncodeOptions(89))))) == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_is_laid_over_white(dtype: type) -> None:
    most = np.iinfo(dtype).max
    alpha = np.full((8, 8), most, dtype)
    alpha[:4] = 0
    read = np.asarray(
        Image.open(io.BytesIO(encode(Picture(np.zeros((8, 8, 3), dtype), alpha, None, None, "PNG"), ".bmp")))
    )
    assert (read[:4] == 255).all()
    assert (read[4:] == 0).all()


@given(arrays(np.uint16, array_shapes(min_dims=1, max_dims=3, max_side=4)))
def test_16_bits_to_8_is_rounded_to_the_nearest(values: np.ndarray) -> None:
    np.testing.assert_array_equal(to8(values), np.floor(values * (255 / 65_535) + 0.5))


@given(arrays(np.uint8, array_shapes(max_side=4)))
def test_8_bits_survive_16(values: np.ndarray) -> None:
    assert to16(values).dtype == np.uint16
    np.testing.assert_array_equal(to8(to16(values)), values)
    np.testing.assert_array_equal(to16(to16(values)), to16(values))


@given(
    st.sampled_from(sorted(FORMATS.keys() - {".jxl"})),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(KINDS),
    st.sampled_from([8, 16]),
)
def test_every_size_can_be_written(suffix: str, height: int, width: int, kind: tuple[int, bool], bits: int) -> None:
    values = np.random.default_rng(height).integers(0, 2**bits, (height, width, kind[0])).astype(f"uint{bits}")
    picture = Picture(values, values[..., 0] if kind[1] else None, None, None, "PNG")
    data = io.BytesIO(encode(picture, suffix))
    if suffix in (".tif", ".tiff"):  # Pillow knows no gray-alpha TIFF of 16 bits
        assert tifffile.imread(data).shape[:2] == (height, width)
    else:
        assert Image.open(data).size == (width, height)


@pytest.mark.parametrize(
    ("suffix", "height", "width"),
    [
        (".webp", 1, 16_384),
        (".jpg", 65_501, 1),
        (".png", 1, 1_000_001),
        (".bmp", 30_000, 30_000),
        (".tif", 50_000, 50_000),
    ],
)
def test_too_large_for_the_format(suffix: str, height: int, width: int) -> None:
    with pytest.raises(ImageError, match=f"{width} x {height} .*can hold.*--format"):
        check_fits(suffix, height, width)


@pytest.mark.parametrize(("suffix", "longest"), [(".webp", 16_383), (".jpg", 65_500), (".png", 1_000_000)])
def test_the_longest_side_can_be_written(suffix: str, longest: int) -> None:
    check_fits(suffix, 1, longest)
    wide = Picture(np.zeros((1, longest, 1), np.uint8), None, None, None, "PNG")
    assert Image.open(io.BytesIO(encode(wide, suffix))).size == (longest, 1)


@pytest.mark.parametrize("options", [{"quality": 0}, {"quality": 101}, {"png_level": -1}, {"png_level": 10}])
def test_options_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        EncodeOptions(**options)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_memory_is_about_one_copy(suffix: str) -> None:
    """On top of the picture: what OpenCV is given, and the compressed file (small here)."""
    assert _peak(suffix) < 1.4


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_large_picture_is_not_copied(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode_module, "_LARGE", -1)
    assert _peak(suffix) < 0.6


def _peak(suffix: str) -> float:
    """Memory that it takes to encode a picture, in copies of its pixels."""
    pixels = np.zeros((2000, 3000, 3), np.uint8)
    pixels[::7] = 90
    encode(Picture(pixels[:10], None, None, None, "PNG"), suffix)  # imports
    tracemalloc.start()
    encode(Picture(pixels, None, None, None, "PNG"), suffix)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / pixels.nbytes
