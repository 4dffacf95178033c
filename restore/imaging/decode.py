"""Decode a picture of any supported format and mode as RGB or gray, with alpha separate.

Pillow reads every header, so that too large pictures are rejected before decoding. It also decodes everything except
16-bit PNG (OpenCV, whose result must agree with Pillow's), most JPEG (OpenCV, same pixels, twice as fast), and TIFF,
BMP and TGA, whose unusual kinds it lacks.

What JPEG files do not need is imported where it is used.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from restore.errors import ImageError
from restore.imaging import damage, high_bit_depth, jp2_tile_parts, jxl, refusals
from restore.imaging.color import profiles
from restore.imaging.formats import PIXEL_LIMIT
from restore.imaging.header import formats, is_turned
from restore.imaging.jpeg import damage as jpeg_damage
from restore.imaging.jpeg import fast as fast_jpeg
from restore.imaging.jpeg import gain_map
from restore.imaging.jpeg import segments as jpeg_segments
from restore.imaging.metadata import embedded, ifd, resolution, xmp_update
from restore.imaging.metadata import exif as exif_metadata
from restore.imaging.native_messages import heard
from restore.imaging.opencv_errors import opencv_errors
from restore.imaging.picture import FIRST_PAGE, Picture, Samples, to8
from restore.imaging.png.writer import PNG_SIGNATURE
from restore.imaging.read_file import read_file
from restore.imaging.upright import upright

_GRAY_16 = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
_INKS = frozenset({"CMYK", "LAB"})
_ALPHA_MODES = frozenset({"LA", "RGBA", "PA", "La", "RGBa"})


def read_rgb8(path: Path, pixel_limit: int = PIXEL_LIMIT) -> NDArray[np.uint8]:
    """Read any picture as upright uint8 RGB (H, W, 3); alpha is dropped and 16 bits are rounded.

    Raises:
        ImageError: it cannot be read, is damaged, or has more than ``pixel_limit`` pixels.
    """
    pixels = to8(read_picture(path, pixel_limit).pixels)
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def read_picture(path: Path, pixel_limit: int = PIXEL_LIMIT) -> Picture:
    """Decode a file.

    Args:
        path: the file; the format is determined by its content, not its name.
        pixel_limit: reject pictures with more pixels before decoding them.

    Raises:
        ImageError: missing, not a picture, damaged, truncated, too large, or not representable in 8 or 16 bits
            per channel. A MemoryError is passed on, since the file may be fine.
    """
    return decode_picture(read_file(path, pixel_limit), path, pixel_limit)


def decode_frames(data: bytes, path: Path, pixel_limit: int = PIXEL_LIMIT) -> Picture:
    """Decode the content of a file as :func:`read_picture` does, with all frames if it is animated.

    Animations are those of :mod:`restore.imaging.animation`.

    Raises:
        ImageError: as there; also if all frames together have more than ``pixel_limit`` pixels.
    """
    from restore.imaging.animation import frames

    try:
        stored = frames.find(data, pixel_limit)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    picture = decode_picture(stored.data if stored else data, path, pixel_limit)
    return frames.animated(picture, stored, _frame) if stored else picture


def decode_picture(data: bytes, path: Path, pixel_limit: int = PIXEL_LIMIT) -> Picture:
    """Decode the content of a file as :func:`read_picture` does; ``path`` is for messages."""
    try:
        with opencv_errors("damaged picture"):
            picture, lines = heard(lambda: _decode(data, pixel_limit), damage.is_known)
            return damage.noted(picture, lines) if lines else picture
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything on a broken file
        raise ImageError(f"{path}: {refusals.damaged(error)}") from error


def _decode(data: bytes, pixel_limit: int) -> Picture:
    is_jpeg = data.startswith(b"\xff\xd8")
    if not is_jpeg and (own := _read_own(data, pixel_limit)):
        return _upright_picture(own, turned=True)
    if data.startswith(PNG_SIGNATURE):
        return _png_picture(data, pixel_limit)
    header = jxl.read_header(data) if jxl.is_jxl(data) else None
    if header:  # opening it decodes it
        _refuse_large(header.width, header.height, pixel_limit)
    with _open(data) as image:
        _refuse_large(image.width, image.height, pixel_limit)
        if image.format == "GIF":
            return _gif_picture(image, data)
        # In MPO, a camera's second picture is only a preview or a gain map.
        notes = [FIRST_PAGE] if getattr(image, "is_animated", False) and image.format != "MPO" else []
        if header and header.animated:
            notes.append(jxl.LAST_FRAME)
        segments = jpeg_segments.segments(data) if is_jpeg else []
        more = embedded.read(image.format or "", data, image.info, segments)
        notes += more.notes
        image.info.update(more.info)
        bits = high_bit_depth.bits_in_file(image, data)
        pixels, alpha, icc = _samples(image, data, bits)
        if image.format in ("AVIF", "HEIF"):
            from restore.imaging import heif

            if image.format == "AVIF":
                pixels, alpha = heif.cropped(data, pixels, alpha)
            icc, color_notes = heif.color(data, icc, pixels.shape[2])
            notes += color_notes
        if image.format in ("JPEG", "MPO"):
            notes += jpeg_damage.check(data, pixels if image.mode in ("L", "RGB") else None, segments)
        if bits > 8 and pixels.dtype == np.uint8:
            notes.append("more than 8 bits per channel; read as 8")
        if image.mode in _INKS:
            notes.append(f"{image.mode} colors converted to sRGB")
        xmp = image.info.get("xmp")
        exif = _exif(image, data, notes)
        kind = image.format or ""
        xmp = xmp if isinstance(xmp, bytes) else None
        dots = _density(kind, image.info, exif)
        read = Picture(pixels, alpha, icc, exif, kind, xmp, dots, tuple(notes), more.iptc, more.comment)
        if more.gain_map:
            read = replace(read, gain_map=gain_map.cleaned(more.gain_map, read.size) or b"")
        return _upright_picture(read, turned=is_turned(image))


def _read_own(data: bytes, pixel_limit: int) -> Picture | None:
    """Read a format without Pillow; None for other formats, and kinds that only Pillow may be able to read."""
    from restore.imaging import bmp, tga
    from restore.imaging.tiff import reader as tiff_reader

    too_large = functools.partial(_refuse_large, limit=pixel_limit)
    return tiff_reader.read(data, too_large) or bmp.read(data, too_large) or tga.read(data, too_large)


def _png_picture(data: bytes, pixel_limit: int) -> Picture:
    from restore.imaging.png import chunks as png_chunks
    from restore.imaging.png import extras as png_extras

    file = png_chunks.parse(data)
    _refuse_large(file.width, file.height, pixel_limit)
    whole = png_chunks.for_decoders(file)
    found = png_extras.extras(file)
    with _open(whole) as image:
        pixels, alpha, _ = _samples(image, whole, 8)
        dots = _density("PNG", image.info, found.exif)
    notes = (FIRST_PAGE, *found.notes) if file.frames else found.notes
    read = Picture(pixels, alpha, found.icc, found.exif, "PNG", found.xmp, dots, notes)
    return _upright_picture(replace(read, iptc=found.iptc, png_color=found.color, png_text=found.text))


def _gif_picture(image: Image.Image, data: bytes) -> Picture:
    from restore.imaging import gif
    from restore.imaging.png import text as png_text

    file = gif.parse(data)
    pixels, alpha, _ = _samples(image, data, 8)
    alpha = gif.with_uncovered(None if alpha is None else to8(alpha), file, image.height, image.width)
    notes = (FIRST_PAGE,) if file.frames > 1 else ()
    text = tuple(png_text.make("Comment", comment) for comment in file.comments if comment)
    return _upright_picture(Picture(pixels, alpha, file.icc, None, "GIF", file.xmp, None, notes, png_text=text))


def _frame(data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Pixels and alpha of a still file that holds a frame, in 8 bits."""
    with opencv_errors("damaged picture"), _open(data) as image:
        pixels, alpha, _ = _samples(image, data, 8)
    return to8(pixels), None if alpha is None else to8(alpha)


def _open(data: bytes) -> Image.Image:
    known = formats(data)
    try:
        return Image.open(io.BytesIO(jp2_tile_parts.counted(data)), formats=known)
    except UnidentifiedImageError as error:
        if (cleaned := jpeg_segments.without_odd_segments(data)) and cleaned != data:
            return _open(cleaned)
        if not data:
            raise ImageError("the file is empty") from error
        raise ImageError(jpeg_segments.unsupported(data) or refusals.NOT_A_PICTURE) from error


def _refuse_large(width: int, height: int, limit: int) -> None:
    if width * height > limit:
        raise ImageError(
            f"{width} x {height} pixels are more than the limit of {limit / 1e6:g} million: "
            f"if you trust the file, raise it with --max-pixels {-(-width * height // 1_000_000)}"
        )


def _density(kind: str, info: Mapping[Any, Any], exif: bytes | None) -> resolution.Density | None:
    if kind == "TIFF":
        return resolution.of_tiff(exif) if exif else None
    return resolution.of_file(kind, info)


def _samples(image: Image.Image, data: bytes, bits: int) -> tuple[Samples, Samples | None, bytes | None]:
    """Pixels (H, W, 1 or 3) and alpha as stored, not turned upright, and their color profile."""
    kind = image.format
    icc = image.info.get("icc_profile") or None
    if kind == "BMP":
        from restore.imaging import bmp

        icc = icc or bmp.profile(data)
    if kind in ("JPEG", "MPO") and (fast := fast_jpeg.decode(image, data)) is not None:
        return fast, None, icc
    image.load()
    if kind == "JPEG2000":
        from restore.imaging import jp2_palette

        if colors := jp2_palette.mapped(image, data, bits):
            return *colors, icc
    if kind == "PPM" and (wide := high_bit_depth.read_pnm(data)) is not None:
        return wide, None, icc
    if kind == "PNG" and high_bit_depth.is_deep_png(data) and image.mode != "I;16":
        return *high_bit_depth.read_png(image, data), icc
    if image.mode in _GRAY_16 or (image.mode == "I" and kind == "PPM"):
        gray = high_bit_depth.stretched(np.asarray(image)[..., None], 4095 if bits == 12 else 65_535)
        return gray, high_bit_depth.keyed_alpha(gray, image.info.get("transparency")), icc
    if image.mode[0] in "IF":
        raise ImageError(
            f"{'floating-point' if image.mode[0] == 'F' else 'signed or 32-bit'} pixels cannot be enhanced: "
            "convert the file to 8 or 16 bits per channel first"
        )
    if image.mode in _INKS:
        return np.asarray(profiles.to_srgb(image, icc)), None, None
    color, alpha = _flattened(image)
    pixels = np.asarray(color)
    return pixels if pixels.ndim == 3 else pixels[..., None], alpha, icc


def _flattened(image: Image.Image) -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """An 8-bit picture as L or RGB, with alpha separate."""
    gray = image.mode in ("L", "LA", "La", "1")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        # Red, green and blue are equal in a gray picture.
        return image.getchannel("R") if gray else image.convert("RGB"), alpha
    if gray:
        return image.convert("L"), None
    return image if image.mode == "RGB" else image.convert("RGB"), None


def _exif(image: Image.Image, data: bytes, notes: list[str]) -> bytes | None:
    """The EXIF block of a file that Pillow has opened."""
    if image.format == "TIFF":
        from restore.imaging.tiff import reader as tiff_reader

        block, broken = tiff_reader.exif_of(data)
        notes += broken
        return block
    block = image.info.get("exif")
    if not isinstance(block, bytes) and len(image.getexif()):
        block = image.getexif().tobytes()  # old PNG files store it as text
    return block.removeprefix(b"Exif\0\0") if isinstance(block, bytes) else None


def _upright_picture(picture: Picture, turned: bool = False) -> Picture:
    """Turn the picture upright and update its metadata; broken or unsuitable metadata are dropped with a note.

    Args:
        picture: as stored in the file.
        turned: whether the decoder has already turned the pixels.
    """
    exif, xmp, icc = picture.exif, picture.xmp, picture.icc
    if exif is None and not xmp and not icc and picture.gain_map is None and len(picture.notes) < 2:
        return picture
    notes = list(picture.notes)
    turn = None
    if exif:
        try:
            turn, lost = exif_metadata.read_orientation(exif)
            notes += [lost] if lost and not turned else []
            exif = exif_metadata.upright_exif(exif)
        except ifd.BrokenDirectoryError as error:
            notes.append(exif_metadata.BROKEN_EXIF.format(error))
            exif = None
    if xmp:
        xmp, turn, more = xmp_update.upright(xmp, turn)
        notes += more
    if icc and not profiles.fits(icc, picture.pixels.shape[2]):
        notes.append("color profile dropped: it does not fit the pixels")
        icc = None
    turn = 1 if turned else turn or 1
    hdr = picture.gain_map and gain_map.turned(picture.gain_map, turn)
    if hdr:
        notes = [note for note in notes if note != xmp_update.GAIN_MAP]
    elif picture.gain_map is not None:
        notes.append(xmp_update.GAIN_MAP)
    dots = picture.density
    return replace(
        picture,
        pixels=upright(picture.pixels, turn),
        alpha=None if picture.alpha is None else upright(picture.alpha, turn),
        icc=icc,
        exif=exif or None,
        xmp=xmp,
        density=dots[::-1] if dots and turn > 4 else dots,  # rotated by 90 degrees
        notes=tuple(dict.fromkeys(notes)),
        turn=turn,
        gain_map=hdr or None,
    )
