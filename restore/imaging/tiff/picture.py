"""Read a TIFF page as colors and alpha, whatever its samples stand for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.errors import ImageError
from restore.imaging import wide_samples
from restore.imaging.arrays import AnyArray
from restore.imaging.color.profiles import to_srgb
from restore.imaging.damage import DamagedError
from restore.imaging.picture import Samples, to8
from restore.imaging.refusals import CURE
from restore.imaging.tiff import compression as tiff_compression
from restore.imaging.tiff import pages as tiff_pages
from restore.imaging.tiff import samples as tiff_samples
from restore.imaging.tiff.pages import COLORS, Page
from restore.imaging.unmultiply import unmultiplied

_PREMULTIPLIED = 1
# Kinds of extra samples that are alpha; the last is Corel Draw's.
_ALPHA = frozenset({1, 2, 999})
# More are measurements, not a photograph, and cost memory.
_MOST_EXTRA = 16
_INK_SET, _CMYK = 332, 1
_IMAGE_DEPTH = 32997  # of SGI
_MODES = {tiff_pages.INKS: "CMYK", tiff_pages.LAB: "LAB", tiff_pages.YCBCR: "YCbCr"}
_RAW = frozenset({32803, 34892})
_LOG_LUV = frozenset({32844, 32845})
_RESAVE = "save the file with 8 or 16 bits per channel"


@dataclass
class Read:
    """What was read.

    Attributes:
        pixels: (H, W, 1 or 3), uint8 or uint16.
        alpha: (H, W) of the same type, or None.
        converted: whether the colors are sRGB now, so that the file's profile does not apply.
        notes: on what is not as in the file.
    """

    pixels: Samples
    alpha: Samples | None
    converted: bool = False
    notes: list[str] = field(default_factory=list)


def read(data: bytes, page: Page, icc: bytes | None) -> Read:
    """Read a page as stored, not turned upright.

    Args:
        data: bytes of the file.
        page: the page.
        icc: its color profile, by which CMYK is converted to sRGB.

    Raises:
        ImageError: it is damaged or of a kind that is not supported.
    """
    colors = _refuse_unsupported(page)
    at = _alpha_at(page, colors)
    channels = [*range(colors), *([] if at is None else [at])]
    try:
        values = tiff_samples.read(data, page, channels)
    except DamagedError as error:
        raise ImageError(f"damaged picture: {error}: {CURE}") from error
    color = np.ascontiguousarray(values[..., :colors])
    alpha = None if at is None else np.ascontiguousarray(values[..., colors])
    del values
    notes = []
    if dropped := page.samples - len(channels):
        notes.append(f"extra channels dropped, since the file does not say what they mean: {dropped}")
    if page.photometric == tiff_pages.PALETTE:
        return Read(_by_palette(color[..., 0], page), None if alpha is None else _narrow(alpha), False, notes)
    pixels, scaled = wide_samples.to_unsigned(color, page)
    notes += scaled
    if page.photometric == tiff_pages.WHITE_IS_ZERO:
        pixels ^= np.array(np.iinfo(pixels.dtype).max, pixels.dtype)
    if alpha is not None:
        alpha, _ = wide_samples.to_unsigned(alpha, page, declared=False)
        if page.extra and page.extra[channels[-1] - colors] == _PREMULTIPLIED:
            pixels = unmultiplied(pixels, alpha)
    if page.photometric == tiff_pages.YCBCR and page.compression in tiff_compression.AS_PICTURES:
        return Read(pixels, alpha, False, notes)  # their decoders return RGB
    if page.photometric in _MODES:
        return _by_pillow(pixels, alpha, icc, page, notes)
    return Read(pixels, alpha, False, notes)


def _by_pillow(pixels: Samples, alpha: Samples | None, icc: bytes | None, page: Page, notes: list[str]) -> Read:
    """Convert CMYK, LAB or YCbCr."""
    mode = _MODES[page.photometric]
    if pixels.dtype == np.uint16:
        notes.append("more than 8 bits per channel; read as 8")
    # a* and b* are signed: rounding to 8 bits would take them for a part of 65,535.
    stored = (pixels >> 8).astype(np.uint8) if mode == "LAB" and pixels.dtype == np.uint16 else to8(pixels)
    image = Image.frombytes(mode, (page.width, page.height), stored.tobytes())
    alpha = None if alpha is None else to8(alpha)
    if mode == "YCbCr":
        return Read(np.asarray(image.convert("RGB")), alpha, False, notes)
    notes.append(f"{mode} colors converted to sRGB")
    return Read(np.asarray(to_srgb(image, icc)), alpha, True, notes)


def for_pillow(page: Page) -> bool:
    """Whether a page is of a rare kind that Pillow may be able to read."""
    return page.first and page.compression in tiff_compression.RARE


def _refuse_unsupported(page: Page) -> int:
    """The number of color channels.

    Raises:
        ImageError: the page is of a kind that is not supported.
    """
    kind = page.photometric
    if page.photometric in _RAW:
        raise ImageError("raw camera data, not a picture: develop it in a raw converter and save it as 16-bit TIFF")
    if page.photometric in _LOG_LUV:
        raise ImageError(f"LogLuv colors, which are brighter than white, are not supported: {_RESAVE}")
    if page.compression not in tiff_compression.READ:
        name = tiff_compression.NAMES.get(page.compression, f"number {page.compression}")
        raise ImageError(f"{name} compression in TIFF is not supported: save the file with LZW or without compression")
    if kind not in COLORS:
        raise ImageError(f"TIFF colors of kind {kind} are not supported: save the file as RGB")
    if kind == tiff_pages.INKS and page.number(_INK_SET, _CMYK) != _CMYK:
        raise ImageError("inks other than cyan, magenta, yellow and black are not supported: save the file as RGB")
    if (depth := page.number(_IMAGE_DEPTH, 1)) > 1:
        raise ImageError(f"a volume of {depth} slices, not a picture: save the slices as pictures")
    if page.width < 1 or page.height < 1:
        raise ImageError(f"damaged picture: its header gives no size: {CURE}")
    if page.segment_width < 1 or page.segment_height < 1:
        raise ImageError(f"damaged picture: its tiles have no size: {CURE}")
    if not COLORS[kind] <= page.samples <= COLORS[kind] + _MOST_EXTRA:
        raise ImageError(
            f"{page.samples} channels per pixel, where its colors need {COLORS[kind]}: save the file as gray or RGB"
        )
    return COLORS[kind]


def _alpha_at(page: Page, colors: int) -> int | None:
    """Index of the alpha channel among the samples."""
    count = page.samples - colors
    if page.extra is None:  # many programs forget the tag
        return colors if count == 1 and page.photometric != tiff_pages.INKS else None
    return next((colors + n for n, kind in enumerate(page.extra[:count]) if kind in _ALPHA), None)


def _by_palette(indices: AnyArray, page: Page) -> NDArray[np.uint8]:
    """Colors of a palette page (H, W, 3)."""
    table = page.numbers(tiff_pages.COLOR_MAP)
    bits = page.bits[0]
    if bits > 8 or len(table) < 3 << bits or indices.dtype != np.uint8:
        raise ImageError("damaged picture: its palette is incomplete: save the file as RGB")
    wide = table[: 3 << bits].reshape(3, -1).T
    # Some old programs store 8 bits.
    colors = wide >> np.uint64(8) if wide.max() > 255 else wide
    return np.ascontiguousarray(colors.astype(np.uint8)[indices])


def _narrow(alpha: AnyArray) -> NDArray[np.uint8]:
    return to8(alpha) if alpha.dtype in (np.uint8, np.uint16) else np.zeros(alpha.shape, np.uint8)
