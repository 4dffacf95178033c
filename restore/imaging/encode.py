"""Encode a picture with its metadata.

OpenCV compresses the pixels, several times as fast as Pillow. Metadata are added here, because OpenCV does not split
long profiles over JPEG segments, and other programs do not find the XMP that it writes into PNG. For TIFF see
:mod:`.tiff`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from restore.errors import ImageError
from restore.imaging import jxl
from restore.imaging.arrays import AnyArray
from restore.imaging.color import profiles
from restore.imaging.formats import check_fits, kind_of
from restore.imaging.jpeg import gain_map
from restore.imaging.jpeg import segments as jpeg_segments
from restore.imaging.metadata import exif as exif_metadata
from restore.imaging.metadata import ifd, iptc, resolution, xmp_update
from restore.imaging.metadata.file_metadata import FileMetadata
from restore.imaging.opencv_errors import opencv_errors
from restore.imaging.picture import Picture, Samples, to8
from restore.imaging.png import writer as png_writer

_NO_ALPHA = frozenset({"JPEG", "BMP"})
_DEEP = frozenset({"PNG", "TIFF"})
# Pixel bytes above which JPEG and PNG are written in parts: OpenCV's encoder needs a copy and grows its output by
# doubling.
_LARGE = 256_000_000


@dataclass(frozen=True)
class EncodeOptions:
    """Compression settings.

    Attributes:
        quality: for JPEG, WebP and JPEG XL, 1..100. JPEG keeps full color resolution from 90; the others are
            lossless at 100.
        png_level: compression effort for PNG, 0..9. 1 and 2 use only run lengths, which on photographs is both faster
            and smaller than levels 3 to 5; higher levels help on drawings and screenshots. 0 does not compress.
    """

    quality: int = 95
    png_level: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality must be 1..100, not {self.quality}")
        if not 0 <= self.png_level <= 9:
            raise ValueError(f"png_level must be 0..9, not {self.png_level}")


def encode(picture: Picture, suffix: str, options: EncodeOptions | None = None) -> bytes:
    """Encode a picture as the bytes of a file.

    Args:
        picture: pixels and metadata. It is blended over white if the format has no alpha, and 16 bits are rounded to 8
            if the format has no more; :func:`lost` lists the losses. Size tags are set to the picture's size.
        suffix: of the format, see :func:`~restore.imaging.formats.kind_of`.
        options: compression settings.

    Raises:
        ImageError: the format cannot hold the picture.
        MemoryError: not enough memory for the encoded bytes.
    """
    kind = kind_of(suffix)
    check_fits(suffix, *picture.size)
    held = for_format(picture, kind)
    if kind in _NO_ALPHA:
        held = over_white(held)
    if kind not in _DEEP and held.pixels.dtype != np.uint8:
        held = replace(held, pixels=to8(held.pixels), alpha=None if held.alpha is None else to8(held.alpha))
    with opencv_errors(f"cannot be written as {suffix[1:]}"):
        return _ENCODERS[kind](held, options or EncodeOptions())


def lost(picture: Picture, suffix: str) -> tuple[str, ...]:
    """What a file of this format will lose of a picture, in words for the user; empty if nothing."""
    kind = kind_of(suffix)
    held = for_format(picture, kind)
    blocks = (
        ("EXIF data", picture.exif, held.exif),
        ("XMP data", picture.xmp, held.xmp),
        ("IPTC data", picture.iptc, held.iptc),
        ("comment", picture.comment, held.comment),
        ("color profile", picture.icc, held.icc),
    )
    gone = [name for name, before, after in blocks if before and not after]
    if picture.gain_map and kind != "JPEG":
        gone.append("gain map (HDR)")
    if picture.alpha is not None and kind in _NO_ALPHA:
        gone.append("transparency (blended over white)")
    if picture.pixels.dtype == np.uint16 and kind not in _DEEP:
        gone.append("16 bits per channel (rounded to 8)")
    if kind != "PNG" and picture.png_text:
        from restore.imaging.png import text as png_text

        texts = tuple(one for one in picture.png_text if kind != "GIF" or one not in held.png_text)
        gone += png_text.lost(texts, as_xmp=held.xmp is not None and picture.xmp is None)
    if kind != "PNG" and picture.png_color is not None and picture.png_color.inexact:
        gone.append("the color space that its cICP chunk declares")
    if kind == "JXL" and held.icc and not profiles.is_srgb(held.icc):
        gone.append("color profile (converted to sRGB)")
    if kind == "GIF" and picture.animation is None:  # of an animation, its writer knows
        from restore.imaging.animation import write_gif

        gone += write_gif.lost_in_still(picture)
    return tuple(gone)


def for_format(picture: Picture, kind: str) -> Picture:
    """The picture with only the metadata that the format can hold, and size tags updated."""
    beside = (picture.icc, picture.exif, picture.xmp, picture.iptc, picture.comment, picture.gain_map)
    if kind != "GIF" and not picture.png_text and beside.count(None) == len(beside):
        return picture
    if kind == "BMP":
        return replace(picture, icc=None, exif=None, xmp=None, iptc=None, comment=None)
    exif = picture.exif.removeprefix(b"Exif\0\0") if picture.exif else None
    exif = exif_metadata.sized(exif, *picture.size) if exif else None
    xmp = xmp_update.sized(picture.xmp, *picture.size) if picture.xmp else None
    if xmp is None and kind != "PNG" and picture.png_text:
        from restore.imaging.png import text as png_text

        xmp = png_text.as_xmp(picture.png_text)
    # WebP and GIF have no gray mode.
    icc = picture.icc if picture.icc and profiles.fits(picture.icc, _channels(picture, kind)) else None
    if kind == "TIFF" and exif and not _readable(exif):  # its tags are copied into the file's own directory
        exif = None
    held = replace(picture, icc=icc, exif=exif, xmp=xmp)
    if kind == "GIF":
        from restore.imaging.animation import write_gif

        return write_gif.holdable(held)
    if kind == "JPEG":
        if picture.gain_map:
            held = replace(held, xmp=gain_map.announced(held.xmp, picture.gain_map))
        fits = jpeg_segments.holds(_file_metadata(held))
        return replace(held, icc=fits.icc, exif=fits.exif, xmp=fits.xmp, iptc=fits.iptc, comment=fits.comment)
    iptc_held = picture.iptc if kind in ("TIFF", "PNG") else None
    return replace(held, iptc=iptc_held, comment=picture.comment if kind == "PNG" else None)


def _readable(exif: bytes) -> bool:
    try:
        exif_metadata.tiff_tags(exif)
    except ifd.BrokenDirectoryError:
        return False
    return True


def _channels(picture: Picture, kind: str) -> int:
    return 3 if kind in ("WEBP", "GIF") else picture.pixels.shape[2]


def over_white(picture: Picture) -> Picture:
    """Blend the picture over white; unchanged if it has no alpha."""
    if picture.alpha is None:
        return picture
    most = int(np.iinfo(picture.pixels.dtype).max)
    mixed = np.empty_like(picture.pixels)
    for row in range(0, len(mixed), 256):  # in blocks: the products need 64 bits
        alpha = picture.alpha[row : row + 256, :, None].astype(np.uint64)
        color = picture.pixels[row : row + 256].astype(np.uint64)
        mixed[row : row + 256] = (color * alpha + most * (most - alpha) + most // 2) // most
    return replace(picture, pixels=mixed, alpha=None)


def _for_opencv(pixels: Samples, alpha: Samples | None) -> AnyArray:
    """Gray (H, W), BGR or BGRA, in OpenCV's channel order, with a single copy."""
    import cv2

    if alpha is None:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.shape[2] == 3 else pixels[..., 0]
    out = np.empty((*alpha.shape, 4), pixels.dtype)
    for place, channel in enumerate((2, 1, 0) if pixels.shape[2] == 3 else (0, 0, 0)):
        out[..., place] = pixels[..., channel]
    out[..., 3] = alpha
    return out


def _compressed(suffix: str, pixels: AnyArray, settings: list[int]) -> memoryview:
    import cv2

    done, data = cv2.imencode(suffix, pixels, settings)
    if not done:
        raise ImageError(f"{pixels.shape[1]} x {pixels.shape[0]} pixels could not be written as {suffix[1:]}")
    return memoryview(data.data)


def _file_metadata(picture: Picture) -> FileMetadata:
    return FileMetadata(picture.icc, picture.exif, picture.xmp, picture.density, picture.iptc, picture.comment)


def metadata_of_png(picture: Picture) -> FileMetadata:
    """What a PNG file holds besides the pixels."""
    from restore.imaging.png import extras as png_extras

    icc, chunks = png_extras.declarations(picture)
    return FileMetadata(icc, picture.exif, picture.xmp, picture.density, chunks=chunks)


def _jpeg(picture: Picture, options: EncodeOptions) -> bytes:
    import cv2

    half_color = options.quality < 90
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if half_color else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    # Optimized Huffman tables save two percent of the file size and take three times as long.
    settings = [cv2.IMWRITE_JPEG_QUALITY, options.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]

    def compressed(pixels: Samples) -> memoryview:
        return _compressed(".jpg", _for_opencv(pixels, None), settings)

    if picture.pixels.nbytes > _LARGE:
        from restore.imaging.jpeg.strips import encode_by_strips

        block = 16 if half_color and picture.pixels.shape[2] == 3 else 8
        data: bytes | memoryview = encode_by_strips(picture.pixels, block, compressed)
    else:
        data = compressed(picture.pixels)
    whole = jpeg_segments.with_metadata(data, _file_metadata(picture))
    return gain_map.appended(whole, picture.gain_map) if picture.gain_map else whole


def _png(picture: Picture, options: EncodeOptions) -> bytes:
    import cv2

    if (picture.alpha is not None and picture.pixels.shape[2] == 1) or picture.pixels.nbytes > _LARGE:
        return _png_by_rows(picture, options.png_level)
    runs_alone = options.png_level in (1, 2)
    strategy = cv2.IMWRITE_PNG_STRATEGY_RLE if runs_alone else cv2.IMWRITE_PNG_STRATEGY_DEFAULT
    settings = [cv2.IMWRITE_PNG_COMPRESSION, options.png_level, cv2.IMWRITE_PNG_STRATEGY, strategy]
    settings += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
    data = _compressed(".png", _for_opencv(picture.pixels, picture.alpha), settings)
    return png_writer.png_with_metadata(data, metadata_of_png(picture))


def _png_by_rows(picture: Picture, level: int) -> bytes:
    """Encode PNG without a second copy of the pixels; each row is stored as differences from the left (filter 1).

    Used for gray with alpha, which OpenCV does not write, and for pictures where OpenCV needs too much memory.
    """
    pixels, alpha = picture.pixels, picture.alpha
    height, width, channels = pixels.shape
    channels += alpha is not None
    step = channels * pixels.itemsize
    packer = zlib.compressobj(level, strategy=zlib.Z_RLE if level in (1, 2) else zlib.Z_DEFAULT_STRATEGY)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = np.array([width, height], ">u4").tobytes() + bytes([8 * pixels.itemsize, kind, 0, 0, 0])
    file = [png_writer.PNG_SIGNATURE, png_writer.png_chunk(b"IHDR", header)]
    file += png_writer.png_metadata(metadata_of_png(picture))
    for row in range(0, height, 256):
        block = pixels[row : row + 256]
        if alpha is not None:
            block = np.dstack([block, alpha[row : row + 256]])
        raw = np.ascontiguousarray(block, block.dtype.newbyteorder(">")).view(np.uint8).reshape(len(block), -1)
        filtered = np.ones((len(block), 1 + raw.shape[1]), np.uint8)
        filtered[:, 1:] = raw
        filtered[:, 1 + step :] -= raw[:, :-step]
        if part := packer.compress(filtered.data):
            file.append(png_writer.png_chunk(b"IDAT", part))
    file += [png_writer.png_chunk(b"IDAT", packer.flush()), png_writer.png_chunk(b"IEND", b"")]
    return b"".join(file)


def _webp(picture: Picture, options: EncodeOptions) -> bytes:
    import cv2

    pixels = _for_opencv(picture.pixels, picture.alpha)
    kinds = (cv2.IMAGE_METADATA_EXIF, cv2.IMAGE_METADATA_XMP, cv2.IMAGE_METADATA_ICCP)
    given = [(k, b) for k, b in zip(kinds, (picture.exif, picture.xmp, picture.icc), strict=True) if b]
    # OpenCV: values above 100 mean lossless.
    settings = [cv2.IMWRITE_WEBP_QUALITY, options.quality if options.quality < 100 else 101]
    blocks = [np.frombuffer(block, np.uint8) for _, block in given]
    done, data = cv2.imencodeWithMetadata(".webp", pixels, [kind for kind, _ in given], blocks, settings)
    if not done:
        raise ImageError(f"{pixels.shape[1]} x {pixels.shape[0]} pixels could not be written as webp")
    return bytes(data.tobytes())


def _tiff(picture: Picture, _: EncodeOptions) -> bytes:
    tags, order = exif_metadata.tiff_tags(picture.exif) if picture.exif else ([], "<")
    if picture.density and resolution.X_RESOLUTION not in {tag.number for tag in tags}:
        tags = [tag for tag in tags if tag.number not in (resolution.Y_RESOLUTION, resolution.RESOLUTION_UNIT)]
        tags += resolution.tiff_tags(picture.density, order)
    if picture.iptc:
        tags = [*tags, ifd.Tag(iptc.TIFF_TAG, ifd.UNDEFINED, len(picture.iptc), picture.iptc)]
    from restore.imaging.tiff import writer as tiff_writer

    return tiff_writer.write_tiff(picture.pixels, picture.alpha, picture.icc, picture.xmp, tags, order)


def _bmp(picture: Picture, _: EncodeOptions) -> bytes:
    return resolution.in_bmp(_compressed(".bmp", _for_opencv(picture.pixels, None), []).tobytes(), picture.density)


def _jxl(picture: Picture, options: EncodeOptions) -> bytes:
    if picture.icc and not profiles.is_srgb(picture.icc):  # the plugin writes sRGB alone
        picture = replace(picture, pixels=profiles.pixels_to_srgb(to8(picture.pixels), picture.icc))
    return jxl.write(picture, options.quality)


def _gif(picture: Picture, _: EncodeOptions) -> bytes:
    from restore.imaging.animation import write_gif

    return write_gif.encode_still(picture)


_ENCODERS: dict[str, Callable[[Picture, EncodeOptions], bytes]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "TIFF": _tiff,
    "BMP": _bmp,
    "JXL": _jxl,
    "GIF": _gif,
}
