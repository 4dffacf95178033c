"""Small whole files of every format and kind that is read, made in memory."""

from __future__ import annotations

import importlib
import importlib.util
import io
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from restore.imaging.encode import encode
from restore.imaging.picture import Picture

_HEIGHT, _WIDTH = 61, 83
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_GRAY = _SRGB[:16] + b"GRAY" + _SRGB[20:]  # enough for what looks at its header
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    b' xmlns:exif="http://ns.adobe.com/exif/1.0/" tiff:Orientation="6" tiff:ImageWidth="83"'
    b' exif:GPSLatitude="48,51.5N"><exif:PixelYDimension>61</exif:PixelYDimension>'
    b"<dc:creator>Somebody</dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
)


class WholeFile(NamedTuple):
    """A file: its kind, for people, the usual suffix, and its content."""

    kind: str
    suffix: str
    data: bytes


def whole_files() -> list[WholeFile]:
    """All of them, those of HEIC and JPEG XL where their packages are installed."""
    return [*_of_ours(), *_of_pillow(), *_of_tifffile(), *_of_packages()]


def _values(channels: int = 3, seed: int = 0, noise: float = 6) -> NDArray[np.uint8]:
    """Waves and noise, uint8 (H, W, channels)."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    waves = [np.sin(x / (3 + c) + y / (7 - c)) + np.sin((x * y) / (300 + 50 * c)) for c in range(channels)]
    values = 128 + 45 * np.stack(waves, axis=-1) + draw.normal(0, noise, (_HEIGHT, _WIDTH, channels))
    return np.clip(values, 0, 255).astype(np.uint8)


def _exif() -> bytes:
    """Orientation, a details and a place directory, a maker's note, and a thumbnail in a second directory."""

    def directory(following: int, *entries: tuple[int, int, int, bytes]) -> bytes:
        packed = (struct.pack(">HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in entries)
        return struct.pack(">H", len(entries)) + b"".join(packed) + struct.pack(">I", following)

    def number(value: int) -> bytes:
        return struct.pack(">I", value)

    note, thumbnail = b"maker's own \0\1\2" * 5, b"\xff\xd8 thumbnail \xff\xd9"
    first, details, place, second, rest = 8, 62, 104, 146, 200
    latitude = struct.pack(">6I", 48, 1, 51, 1, 121, 4)
    ours = directory(
        second,
        (0x010F, 2, 4, b"Mak\0"),
        (0x0112, 3, 1, b"\0\6"),
        (0x8769, 4, 1, number(details)),
        (0x8825, 4, 1, number(place)),
    )
    block = b"MM\0*" + number(first) + ours
    block = block.ljust(details, b"\0") + directory(
        0, (0x927C, 7, len(note), number(rest)), (0xA002, 4, 1, number(_WIDTH)), (0xA003, 4, 1, number(_HEIGHT))
    )
    block = block.ljust(place, b"\0") + directory(0, (1, 2, 2, b"N\0"), (2, 5, 3, number(rest + len(note))))
    at = rest + len(note) + len(latitude)
    block = block.ljust(second, b"\0") + directory(
        0, (0x0201, 4, 1, number(at)), (0x0202, 4, 1, number(len(thumbnail)))
    )
    return block.ljust(rest, b"\0") + note + latitude + thumbnail


def _ours(suffix: str, channels: int = 3, alpha: bool = False, bits: int = 8) -> bytes:
    values = _values(channels + alpha)
    if bits == 16:
        low = np.random.default_rng(1).integers(0, 256, values.shape, dtype=np.uint16)
        values = values.astype(np.uint16) * 256 + low
    pixels, mask = np.ascontiguousarray(values[..., :channels]), np.ascontiguousarray(values[..., -1])
    profile = _SRGB if channels == 3 else _GRAY
    given = Picture(pixels, mask if alpha else None, icc=profile, exif=_exif(), xmp=_XMP, format="PNG")
    return bytes(encode(given, suffix))


def _of_ours() -> Iterator[WholeFile]:
    kinds = (
        ("RGB", 3, False, 8),
        ("gray 16 alpha", 1, True, 16),
        ("RGB 16 alpha", 3, True, 16),
        ("gray 16", 1, False, 16),
    )
    for suffix in (".png", ".tif"):
        for name, channels, alpha, bits in kinds:
            yield WholeFile(f"{suffix[1:].upper()} {name}", suffix, _ours(suffix, channels, alpha, bits))
    yield WholeFile("JPEG", ".jpg", _ours(".jpg"))
    yield WholeFile("WEBP alpha", ".webp", _ours(".webp", 3, True))
    yield WholeFile("BMP gray", ".bmp", _ours(".bmp", 1))


def _pillow(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(_values()).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _of_pillow() -> Iterator[WholeFile]:
    more: dict[str, Any] = {"save_all": True, "append_images": [Image.fromarray(_values(seed=1))]}
    kinds: Sequence[tuple[str, str, str, str, dict[str, Any]]] = (
        ("JPEG progressive", ".jpg", "JPEG", "RGB", {"progressive": True, "exif": _exif(), "xmp": _XMP}),
        ("JPEG restarts", ".jpg", "JPEG", "RGB", {"restart_marker_rows": 1, "icc_profile": _SRGB}),
        ("JPEG CMYK", ".jpg", "JPEG", "CMYK", {}),
        ("JPEG gray", ".jpg", "JPEG", "L", {"comment": b"a comment"}),
        ("PNG palette", ".png", "PNG", "P", {"transparency": bytes(range(0, 256, 2)), "dpi": (300, 300)}),
        ("PNG key color", ".png", "PNG", "RGB", {"transparency": (128, 128, 128)}),
        ("PNG 1 bit", ".png", "PNG", "1", {}),
        ("PNG animated", ".png", "PNG", "RGB", more),
        ("WEBP lossless", ".webp", "WEBP", "RGB", {"lossless": True}),
        ("WEBP animated", ".webp", "WEBP", "RGB", more),
        ("TIFF LZW", ".tif", "TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF deflate", ".tif", "TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
        ("TIFF PackBits", ".tif", "TIFF", "L", {"compression": "packbits"}),
        ("TIFF fax", ".tif", "TIFF", "1", {"compression": "group4"}),
        ("TIFF CMYK", ".tif", "TIFF", "CMYK", {}),
        ("TIFF JPEG", ".tif", "TIFF", "RGB", {"compression": "jpeg"}),
        ("TIFF Lab", ".tif", "TIFF", "LAB", {}),
        ("GIF", ".gif", "GIF", "P", {}),
        ("GIF animated", ".gif", "GIF", "P", more),
        ("AVIF", ".avif", "AVIF", "RGB", {"exif": _exif()}),
        ("JPEG 2000", ".jp2", "JPEG2000", "RGB", {}),
        ("JPEG 2000 alpha", ".jp2", "JPEG2000", "LA", {}),
        ("PPM", ".ppm", "PPM", "RGB", {}),
        ("BMP palette", ".bmp", "BMP", "P", {}),
        ("TGA", ".tga", "TGA", "RGB", {"compression": "tga_rle"}),
        ("TGA alpha", ".tga", "TGA", "RGBA", {}),
    )
    for name, suffix, kind, mode, options in kinds:
        yield WholeFile(name, suffix, _pillow(kind, mode, **options))
    yield WholeFile("PPM 10 bits", ".ppm", b"P6 9 8 1023\n" + bytes(9 * 8 * 6))


def _of_tifffile() -> Iterator[WholeFile]:
    import tifffile

    values = _values()
    kinds: Sequence[tuple[str, NDArray[Any], dict[str, Any]]] = (
        ("TIFF tiled", values, {"tile": (32, 32), "compression": "zlib"}),
        ("TIFF float", (values / 255).astype(np.float32), {"compression": "zlib"}),
        ("TIFF planes", np.moveaxis(values, -1, 0), {"planarconfig": "separate", "rowsperstrip": 16}),
        ("BigTIFF", values, {"bigtiff": True}),
    )
    for name, pixels, options in kinds:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, photometric="rgb", **options)
        yield WholeFile(name, ".tif", buffer.getvalue())


def _of_packages() -> Iterator[WholeFile]:
    """Files of the formats that optional packages write; each registers itself with Pillow, one when it is imported."""
    if importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()
        yield WholeFile("HEIC", ".heic", _pillow("HEIF", exif=_exif()))
    if importlib.util.find_spec("pillow_jxl"):
        importlib.import_module("pillow_jxl")
        yield WholeFile("JPEG XL", ".jxl", _pillow("JXL"))
