"""Keep XMP true to the picture: turned upright, resized, and alone in its file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from restore.imaging.metadata import xmp, xmp_regions
from restore.imaging.metadata.xmp import RDF, BrokenPacketError, Name, Packet

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_ORIENTATION = (_TIFF, "Orientation")
_THUMBNAILS = ("http://ns.adobe.com/xap/1.0/", "Thumbnails")
_EXTENSION = ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP")
_GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
_WIDTHS = [(_TIFF, "ImageWidth"), (_EXIF, "PixelXDimension")]
_HEIGHTS = [(_TIFF, "ImageLength"), (_EXIF, "PixelYDimension")]
# Google's Photo Sphere: sizes and positions in pixels. Those of the cropped area are the picture's.
_ACROSS = ["CroppedAreaImageWidthPixels", "FullPanoWidthPixels", "CroppedAreaLeftPixels"]
_ACROSS += ["LargestValidInteriorRectLeft", "LargestValidInteriorRectWidth"]
_DOWN = ["CroppedAreaImageHeightPixels", "FullPanoHeightPixels", "CroppedAreaTopPixels"]
_DOWN += ["LargestValidInteriorRectTop", "LargestValidInteriorRectHeight"]
_SIZES = re.compile(b"ImageWidth|ImageLength|PixelXDimension|PixelYDimension|WidthPixels|AppliedToDimensions")
# Google, Xiaomi, Oppo and others use these names, each in a namespace of its own.
_VIDEO = re.compile("(?:Motion_?Photo|MicroVideo|OLivePhoto|LivePhoto)", re.IGNORECASE)
# Notes on what is not kept of a file.
VIDEO = "the video of a motion photo was dropped"
GAIN_MAP = "the gain map of an HDR photo was dropped"
DEPTH_MAP = "the depth map was dropped"
_ITEMS = {"motionphoto": VIDEO, "gainmap": GAIN_MAP, "depth": DEPTH_MAP}


class Upright(NamedTuple):
    """A packet for upright pixels, the orientation 1..8 by which they must be turned, and notes for the user."""

    packet: bytes | None
    turn: int
    notes: list[str]


def upright(packet: bytes, turn: int | None = None) -> Upright:
    """Update a packet for a picture that is turned upright and written without what else its file held.

    Orientation becomes 1, and regions are turned. Thumbnails go, and so does what describes the video of a motion
    photo, a gain map or a depth map stored behind the picture. A packet that needs no change is returned as it is; one
    that cannot be parsed is dropped, because nobody could say whether it is still true.

    Args:
        packet: the packet.
        turn: the orientation that EXIF states, which counts before that in the packet.
    """
    try:
        tree = xmp.parse(packet)
    except BrokenPacketError as error:
        return Upright(None, turn or 1, [f"broken XMP data dropped ({error})"])
    turn = turn or _turn(tree)
    changed = xmp_regions.turned(tree, turn)
    changed |= tree.change(_ORIENTATION, lambda _: "1")
    items, notes = _drop_items(tree)
    removed = tree.remove(lambda name: name in (_THUMBNAILS, _EXTENSION))
    if _EXTENSION in removed:
        notes.append("a part of the XMP data was dropped: it is incomplete in the file")
    utf16 = b"\0" in packet[:64]  # most formats require UTF-8
    return Upright(xmp.write(tree) if changed or items or removed or utf16 else packet, turn, notes)


def orientation(packet: bytes) -> int:
    """The orientation, 1..8, by which the pixels must be turned; 1 if the packet has none or cannot be parsed."""
    try:
        return _turn(xmp.parse(packet))
    except BrokenPacketError:
        return 1


def sized(packet: bytes, height: int, width: int) -> bytes:
    """The packet with its existing size properties set; pixel positions in a panorama are scaled with the picture."""
    if not _SIZES.search(packet):
        return packet
    try:
        tree = xmp.parse(packet)
    except BrokenPacketError:
        return packet
    changed = [tree.change(name, _number(width)) for name in _WIDTHS]
    changed += [tree.change(name, _number(height)) for name in _HEIGHTS]
    changed.append(xmp_regions.sized(tree, height, width))
    for names, size in ((_ACROSS, width), (_DOWN, height)):
        before = next((value for value in tree.values((_PANORAMA, names[0])) if _is_number(value)), "0")
        if int(before) and int(before) != size:
            changed += [tree.change((_PANORAMA, name), _scaled(size, int(before))) for name in names]
    return xmp.write(tree) if any(changed) else packet


def _turn(tree: Packet) -> int:
    value = next(iter(tree.values(_ORIENTATION)), "").strip()
    return int(value) if value in tuple("12345678") else 1


def _drop_items(tree: Packet) -> tuple[set[Name], list[str]]:
    """Remove what describes other items of the file; returns the properties' names and notes about the items."""
    items = (_CONTAINER, "Directory")
    said = {value.lower() for value in tree.values((_CONTAINER + "item/", "Semantic"))}
    removed = tree.remove(lambda name: name == items or name[0] == _GAIN_MAP or _is_video(name))
    if any(name[0] == _GAIN_MAP for name in removed):
        said.add("gainmap")
    if any(map(_is_video, removed)):
        said.add("motionphoto")
    return removed, [note for item, note in _ITEMS.items() if item in said]


def _is_video(name: Name) -> bool:
    return name[0] not in (RDF, "") and _VIDEO.match(name[1]) is not None


def _is_number(value: str) -> bool:
    return value.isascii() and value.strip().isdigit() and len(value) < 10


def _number(new: int) -> Callable[[str], str]:
    return lambda old: str(new) if _is_number(old) else old


def _scaled(size: int, before: int) -> Callable[[str], str]:
    return lambda old: str(round(int(old) * size / before)) if _is_number(old) else old
