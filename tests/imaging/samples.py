"""Pictures and metadata for the tests of files, and a PNG reader that shares nothing with the code under test."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from restore.imaging.picture import Picture
from tests.conftest import picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# The same profile said to be of gray: enough for what looks at its header.
GRAY = SRGB[:16] + b"GRAY" + SRGB[20:]
MAKER_NOTE = b"maker's own \0\1\2" * 5
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    b' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    b' tiff:Orientation="6" tiff:ImageWidth="40" exif:GPSLatitude="48,51.5N" dc:format="image/jpeg">'
    b"<exif:GPSLongitude>2,17.6E</exif:GPSLongitude><exif:PixelYDimension>30</exif:PixelYDimension>"
    b"<xmp:Thumbnails><rdf:Alt><rdf:li>/9j/4AAQ</rdf:li></rdf:Alt></xmp:Thumbnails>"
    b"<dc:creator>Somebody</dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def xmp_packet(attributes: str = "", below: str = "") -> bytes:
    """A packet with one description: its attributes, beginning with their namespaces, and the elements in it."""
    opening = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    described = f'<rdf:Description rdf:about="" {attributes}>{below}</rdf:Description>'
    return f"{opening}{described}</rdf:RDF></x:xmpmeta>".encode()


def exif_block(orientation: int = 1, endian: str = ">") -> bytes:
    """A camera's block, from its byte order mark on: maker's note, place, sizes."""
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "Maker"
    exif[0x0110] = "Model with a longer name"
    exif[0x0112] = orientation
    exif[0x0100], exif[0x0101] = 40, 30
    details = exif.get_ifd(0x8769)
    details[0x829A] = IFDRational(1, 250)
    details[0x927C] = MAKER_NOTE
    details[0xA002], details[0xA003] = 40, 30
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (48.0, 51.0, 30.25)
    return exif.tobytes().removeprefix(b"Exif\0\0")


def with_thumbnail(block: bytes, thumbnail: bytes) -> bytes:
    """The block with a second directory that holds a JPEG thumbnail, at its end as cameras write it."""
    order = ">" if block[:2] == b"MM" else "<"
    (first,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, first)
    block = block + b"\0" * (len(block) % 2)
    at = len(block)
    data = at + 2 + 2 * 12 + 4
    entries = struct.pack(order + "HHII", 0x0201, 4, 1, data) + struct.pack(
        order + "HHII", 0x0202, 4, 1, len(thumbnail)
    )
    link = first + 2 + 12 * count
    block = block[:link] + struct.pack(order + "I", at) + block[link + 4 :]
    return block + struct.pack(order + "H", 2) + entries + bytes(4) + thumbnail


def cmyk_profile(cyan: tuple[float, float, float]) -> bytes:
    """A CMYK profile by which full cyan ink is the L*a*b* color ``cyan``, and every other mixture is white."""

    def lab8(lightness: float, a: float, b: float) -> bytes:
        return bytes([round(lightness * 2.55), round(a + 128), round(b + 128)])

    ramp = bytes(range(256))
    corners = [lab8(*cyan) if inks == 0b1000 else lab8(100, 0, 0) for inks in range(16)]
    identity = struct.pack(">9i", *(65_536 * (n % 4 == 0) for n in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + b"".join(corners) + ramp * 3
    text = b"text" + bytes(4) + b"none\0\0\0\0"
    description = b"desc" + bytes(4) + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    tags = {b"desc": description, b"cprt": text, b"A2B0": table + bytes(-len(table) % 4)}
    at = 128 + 4 + 12 * len(tags)
    index, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        index += name + struct.pack(">II", at + len(body), len(content))
        body += padded
    size = at + len(body)
    header = struct.pack(">I", size) + bytes(4) + b"\x02\x40\0\0prtrCMYKLab " + bytes(12) + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63_190, 65_536, 54_061)  # the D50 white point
    return header.ljust(128, b"\0") + index + body


def read_exif(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    return exif


def any_picture(channels: int = 3, alpha: bool = False, bits: int = 8, **meta: bytes | None) -> Picture:
    """24 x 30 pixels of structure, to the lowest bit."""
    values = picture(24, 30, channels + alpha)
    if bits == 16:
        noise = np.random.default_rng(1).integers(0, 256, values.shape, dtype=np.uint16)
        values = values.astype(np.uint16) * 256 + noise
    pixels = np.ascontiguousarray(values[..., :channels])
    return Picture(
        pixels,
        np.ascontiguousarray(values[..., -1]) if alpha else None,
        format="PNG",
        **{"icc": None, "exif": None, **meta},
    )


def write_png(values: np.ndarray, more: dict[bytes, bytes] | None = None) -> bytes:
    """A PNG file by the standard's text, unfiltered: samples (H, W, C) of 8 or 16 bits, and further chunks."""
    height, width, channels = values.shape
    bits = 8 * values.itemsize
    rows = values.astype(f">u{values.itemsize}").reshape(height, -1).view(np.uint8)
    raw = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = {b"IHDR": header, **(more or {}), b"IDAT": zlib.compress(raw), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


def read_png(data: bytes) -> tuple[np.ndarray, dict[bytes, bytes]]:
    """A PNG file by the standard's text: samples (H, W, C), and its chunks."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert zlib.crc32(name + content) == struct.unpack_from(">I", data, at + 8 + length)[0]
        chunks[name] = chunks.get(name, b"") + content
        at += 12 + length
    width, height, bits, color = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    step = channels * bits // 8
    raw = zlib.decompress(chunks[b"IDAT"])
    stride = width * step
    above = [0] * stride
    rows = []
    for y in range(height):
        kind, *line = raw[y * (stride + 1) : (y + 1) * (stride + 1)]
        for i in range(stride):
            left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
            line[i] = (line[i] + _predicted(kind, left, above[i], corner)) & 255
        rows.append(line)
        above = line
    values = np.array(rows, np.uint8).tobytes()
    return np.frombuffer(values, f">u{bits // 8}").reshape(height, width, channels), chunks


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    return (0, left, up, (left + up) // 2)[kind]
