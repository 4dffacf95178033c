"""The gain map of an Ultra HDR photo: a second JPEG picture that says where an HDR display may be brighter.

(ISO 21496-1; Ultra HDR Image Format 1.1; CIPA DC-007 for where it is.) It has a size of its own, usually a quarter of
the picture's, and describes ratios of brightness, so it stays right when the picture is enlarged. It only has to be
turned with the picture, and its place in the new file be declared: in a directory of all pictures (MPF), and in XMP by
its length if its own parameters are in XMP.
"""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from restore.imaging.jpeg import segments as jpeg_segments
from restore.imaging.jpeg.segments import APP0, APP1, APP2, APP14, COM, SOS, Segment, segment
from restore.imaging.metadata import xmp
from restore.imaging.metadata.xmp import RDF, BrokenPacketError, Element
from restore.imaging.upright import upright

_ISO, _ICC, _XMP = b"urn:iso:std:iso:ts:21496:-1\0", b"ICC_PROFILE\0", b"http://ns.adobe.com/xap/1.0/\0"
_PARAMETERS = "http://ns.adobe.com/hdr-gain-map/1.0/"
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_ITEM = _CONTAINER + "item/"
_PREFIXES = {_PARAMETERS: "hdrgm", _CONTAINER: "Container", _ITEM: "Item"}
_APPLICATION = frozenset({*range(APP0, APP0 + 16), COM})
_PRIMARY, _NO_KIND = 0x030000, 0  # kinds of pictures in a directory
_QUALITY = 95


def cleaned(file: bytes, size: tuple[int, int]) -> bytes | None:
    """A gain map alone: with its parameters and profile, without other metadata.

    Args:
        file: the second picture of a file.
        size: height and width of the first, as stored.

    Returns:
        A JPEG file; None if there are no parameters that are standardized, or the picture cannot be used.
    """
    found = jpeg_segments.segments(file)
    if not file.startswith(b"\xff\xd8") or not found or found[-1].marker != SOS:
        return None
    kept = [_cleaned(each, file[each.start : each.stop]) for each in found[:-1]]
    whole = b"".join([file[:2], *kept, file[found[-1].start - 4 :]])
    if not (_is_iso(whole) or _in_xmp(whole)):
        return None
    try:
        with Image.open(io.BytesIO(whole), formats=["JPEG"]) as image:
            sound = image.mode in ("L", "RGB") and image.height <= size[0] and image.width <= size[1]
    except (OSError, SyntaxError, ValueError):
        return None
    return whole if sound else None


def turned(file: bytes, turn: int) -> bytes | None:
    """A gain map turned upright like its picture, by an orientation of 1..8; None if it cannot be decoded."""
    if turn == 1:
        return file
    try:
        with Image.open(io.BytesIO(file), formats=["JPEG"]) as image:
            image.load()
            pixels = upright(np.asarray(image), turn)
    except (OSError, SyntaxError, ValueError):
        return None
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    own = [file[s.start - 4 : s.stop] for s in jpeg_segments.segments(file) if s.marker in (APP1, APP2)]
    return b"".join([b"\xff\xd8", *own, buffer.getvalue()[2:]])


def announced(packet: bytes | None, file: bytes) -> bytes | None:
    """The XMP of a picture with this gain map behind it, which says so if the map's parameters are in XMP."""
    if not _in_xmp(file):
        return packet
    tree = xmp.parsed_or_new(packet)
    top = tree.add_description()
    top.attributes.append(((_PARAMETERS, "Version"), "1.0"))
    items = top.add((_CONTAINER, "Directory")).add((RDF, "Seq"))
    for kind, length in (("Primary", None), ("GainMap", len(file))):
        entry = items.add((RDF, "li"))
        entry.attributes.append(((RDF, "parseType"), "Resource"))
        item = entry.add((_CONTAINER, "Item"))
        item.attributes += [((_ITEM, "Semantic"), kind), ((_ITEM, "Mime"), "image/jpeg")]
        if length is not None:
            item.attributes.append(((_ITEM, "Length"), str(length)))
    tree.prefixes = {**_PREFIXES, **tree.prefixes}
    return xmp.write(tree)


def appended(data: bytes, file: bytes) -> bytes:
    """A JPEG file with a gain map behind it, and a directory of the two pictures behind its other metadata."""
    at = next(each.start - 4 for each in jpeg_segments.segments(data) if each.marker not in _APPLICATION)
    version = segment(APP2, _ISO + bytes(4)) if _is_iso(file) else b""
    length = len(data) + len(version) + len(_directory(0, 0, 0))
    base = at + len(version) + 4 + len(b"MPF\0")
    directory = _directory(length, len(file), length - base)
    return b"".join([data[:at], version, directory, data[at:], file])


def _directory(first: int, second: int, offset: int) -> bytes:
    """The segment that lists the pictures' lengths, and the second's offset from the directory's own beginning."""
    entries = struct.pack(">IIIHH", _PRIMARY, first, 0, 0, 0) + struct.pack(">IIIHH", _NO_KIND, second, offset, 0, 0)
    table = struct.pack(">HHHI4s", 3, 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    table += struct.pack(">HHII", 0xB002, 7, len(entries), 8 + 2 + 3 * 12 + 4)
    return segment(APP2, b"MPF\0" + b"MM\0*" + struct.pack(">I", 8) + table + bytes(4) + entries)


def _cleaned(each: Segment, content: bytes) -> bytes:
    """The segment as it is to be kept; empty if it is not."""
    if each.marker == APP1 and content.startswith(_XMP):
        packet = _parameters(content[len(_XMP) :])
        return segment(APP1, _XMP + packet) if packet else b""
    known = each.marker in (APP0, APP14) or (each.marker == APP2 and content.startswith((_ISO, _ICC)))
    return segment(each.marker, content) if known or each.marker not in _APPLICATION else b""


def _parameters(packet: bytes) -> bytes | None:
    """A packet with the parameters of gain maps alone; None if it has none."""
    try:
        tree = xmp.parse(packet)
    except BrokenPacketError:
        return None
    tree.remove(lambda name: name[0] not in (RDF, _PARAMETERS))
    used = any(name[0] == _PARAMETERS for each in tree for name in _names(each))
    return xmp.write(tree) if used else None


def _names(element: Element) -> list[xmp.Name]:
    return [element.name, *(name for name, _ in element.attributes)]


def _is_iso(file: bytes) -> bool:
    return any(s.marker == APP2 and file.startswith(_ISO, s.start) for s in jpeg_segments.segments(file))


def _in_xmp(file: bytes) -> bool:
    found = [file[s.start : s.stop] for s in jpeg_segments.segments(file) if s.marker == APP1]
    return any(content.startswith(_XMP) and _PARAMETERS.encode() in content for content in found)
