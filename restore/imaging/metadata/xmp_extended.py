"""Extended XMP: what a JPEG segment is too small for, in a second packet (XMP specification, part 3, 1.1.3.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from contextlib import suppress

from restore.imaging.metadata import xmp
from restore.imaging.metadata.xmp import META, RDF, BrokenPacketError, Element, Name, Packet

NOTE = ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP")
HEADER = b"http://ns.adobe.com/xmp/extension/\0"
_DIGEST = 32  # characters of the MD5 by which the main packet names its extension
_PIECE = 65_000


def merged(main: bytes, pieces: Iterable[bytes]) -> bytes:
    """The whole packet: the main one with the properties of its extension.

    Args:
        main: the main packet.
        pieces: the contents of the file's segments that begin with :data:`HEADER`.

    Returns:
        The main packet unchanged if it names no extension, or that is incomplete or broken.
    """
    with suppress(BrokenPacketError):
        whole = xmp.parse(main)
        names = whole.values(NOTE)
        extension = _joined(names[0].strip(), pieces) if names else None
        if extension is None:
            return main
        more = xmp.parse(extension)
        whole.remove(lambda name: name == NOTE)
        rdf = _rdf(whole)
        rdf.children += more.descriptions
        whole.prefixes = more.prefixes | whole.prefixes
        return xmp.write(whole)
    return main


def split(packet: bytes, most: int) -> tuple[bytes, bytes | None] | None:
    """A main packet of at most ``most`` bytes, and an extension with the largest properties, if it needs one.

    Returns:
        None if the packet is too large and cannot be split.
    """
    if len(packet) <= most:
        return packet, None
    try:
        tree = xmp.parse(packet)
    except BrokenPacketError:
        return None
    main = xmp.write(tree)  # without padding
    if len(main) <= most:
        return main, None
    items = [(_size(child), child) for top in tree.descriptions for child in top.elements]
    items += [(_size(e), e) for top in tree.descriptions for e in map(_as_element, top.attributes) if e.name[0] != RDF]
    moved = Element((RDF, "Description"), [((RDF, "about"), "")])
    left = len(main) + 200  # the name of the extension
    for size, item in sorted(items, key=lambda it: it[0], reverse=True):
        if left <= most:
            break
        moved.children.append(item)
        left -= size
    gone = {child.name for child in moved.elements}
    for top in tree.descriptions:  # a property occurs once
        top.attributes = [pair for pair in top.attributes if pair[0] not in gone]
        top.children = [child for child in top.children if isinstance(child, str) or child.name not in gone]
    root, rdf = Element((META, "xmpmeta"), []), Element((RDF, "RDF"), [])
    root.children.append(rdf)
    rdf.children.append(moved)
    extension = xmp.write(Packet(root, tree.prefixes))
    tree.descriptions[0].attributes.append((NOTE, _digest(extension)))
    main = xmp.write(tree)
    return (main, extension) if len(main) <= most else None


def pieces(extension: bytes) -> list[bytes]:
    """The contents of the segments for an extension."""
    start = HEADER + _digest(extension).encode()
    return [
        start + struct.pack(">II", len(extension), at) + extension[at : at + _PIECE]
        for at in range(0, len(extension), _PIECE)
    ]


def _joined(digest: str, pieces: Iterable[bytes]) -> bytes | None:
    """The extension of this name; None unless its pieces are complete."""
    start = HEADER + digest.encode()
    if len(digest) != _DIGEST:
        return None
    found: dict[int, bytes] = {}
    total = 0
    for piece in pieces:
        body = len(start) + 8
        if piece.startswith(start) and len(piece) > body:
            total, at = struct.unpack_from(">II", piece, len(start))
            found[at] = piece[body:]
    joined = b"".join(found[at] for at in sorted(found))
    contiguous = all(a + len(found[a]) == b for a, b in zip(sorted(found), sorted(found)[1:], strict=False))
    return joined if contiguous and joined and len(joined) == total and 0 in found else None


def _digest(extension: bytes) -> str:
    import hashlib

    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()


def _rdf(packet: Packet) -> Element:
    return next((e for e in packet if e.name == (RDF, "RDF")), packet.root)


def _as_element(attribute: tuple[Name, str]) -> Element:
    element = Element(attribute[0], [])
    element.children.append(attribute[1])
    return element


def _size(element: Element) -> int:
    """About the bytes that it takes."""
    parts = Packet(element, {})
    return sum(
        2 * len(e.name[1]) + len(e.text.encode()) + sum(len(k[1]) + len(v.encode()) for k, v in e.attributes)
        for e in parts
    )
