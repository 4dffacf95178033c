"""Read a picture: whatever the format and mode, as RGB or grey with alpha apart."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from restore.errors import ImageError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

# A file of a few kilobytes can claim to be gigapixels ("decompression bomb").
PIXEL_LIMIT = 256_000_000


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: uint8 RGB (H, W, 3), or (H, W, 1) of a grey one, upright.
        alpha: uint8 (H, W), or None when the file has none.
        icc: the colour profile that the file carries, as it is.
        exif: the EXIF block with its orientation reset, or None.
        format: Pillow's name of the file's format.
        deep: the file held more than 8 bits a channel; the lower ones are not in ``pixels``.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    icc: bytes | None
    exif: bytes | None
    format: str
    deep: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]


def _open(path: Path, pixel_limit: int) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        what = "the file is empty" if path.stat().st_size == 0 else "not a picture in a format that can be read"
        raise ImageError(f"{path}: {what}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: {error}") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{path}: cannot be read: {error}") from error
    if image.width * image.height > pixel_limit:
        raise ImageError(
            f"{path}: {image.width} x {image.height} pixels are more than the limit of {pixel_limit / 1e6:.0f} million"
        )
    return image


def _load(image: Image.Image, path: Path) -> Image.Image:
    try:
        image.load()
        return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, IndexError, EOFError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path}: damaged picture: {error}") from error


def read_rgb8(path: Path, pixel_limit: int = PIXEL_LIMIT) -> NDArray[np.uint8]:
    """A picture as uint8 RGB (H, W, 3), upright, whatever it is stored as; alpha is dropped.

    Raises:
        ImageError: it cannot be read, is damaged, or has more than ``pixel_limit`` pixels.
    """
    picture = read_picture(path, pixel_limit)
    return picture.pixels if picture.pixels.shape[2] == 3 else np.repeat(picture.pixels, 3, axis=2)


def _deep(image: Image.Image) -> bool:
    """Whether the file holds more than 8 bits a channel, which Pillow may hide behind an 8-bit mode."""
    pieces = getattr(image, "tile", [])
    raw = [str(part) for tile in pieces for part in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))]
    return image.mode[0] in "IF" or any(";16" in part or ";12" in part for part in raw)


def _flatten(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Any mode as L or RGB, with alpha apart."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I"):
        values = np.asarray(image).astype(np.float64)
        image = Image.fromarray(np.clip(values / 257.0 + 0.5, 0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise ImageError("floating-point pixels: convert the file to 8 or 16 bits first")
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        grey = image.mode in ("L", "LA", "La", "1")
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        return image.convert("RGB").convert("L") if grey else image.convert("RGB"), alpha
    if image.mode in ("1", "L"):
        return image.convert("L"), None
    return image.convert("RGB"), None


def read_picture(path: Path, pixel_limit: int = PIXEL_LIMIT) -> Picture:
    """Decode a file.

    Args:
        path: the file; its content says what it is, not its name.
        pixel_limit: refuse pictures of more pixels before decoding them.

    Raises:
        ImageError: missing, not a picture, damaged, truncated, or too large.
    """
    image = _open(path, pixel_limit)
    with image:
        kind = image.format or "PNG"
        deep = _deep(image)
        upright = _load(image, path)
        try:
            colour, alpha = _flatten(upright)
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from error
        exif = upright.getexif()
        pixels = np.asarray(colour, dtype=np.uint8)
        # A CMYK profile describes inks that are gone after the conversion to RGB.
        icc = upright.info.get("icc_profile") if upright.mode not in ("CMYK", "LAB") else None
        return Picture(
            pixels=pixels[..., None] if pixels.ndim == 2 else pixels,
            alpha=None if alpha is None else np.asarray(alpha, dtype=np.uint8),
            icc=icc or None,
            exif=exif.tobytes() if len(exif) else None,
            format=kind,
            deep=deep,
        )
