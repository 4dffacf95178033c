"""Text of PNG files: kept as it is in PNG, as XMP in other formats; and the metadata that old writers hide in it.

ImageMagick, and others after it, store EXIF, IPTC, XMP and color profiles as hexadecimal digits in a text chunk with
the keyword "Raw profile type ...". (PNG specification, third edition, clause 11.3.3.)
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from restore.imaging.metadata import iptc, xmp_place
from restore.imaging.png.chunks import Chunk

# Bytes that a chunk may inflate to, and that all may together.
MOST = 2**24
_MOST_TOGETHER = 2**26

_XMP_KEYWORD = "XML:com.adobe.xmp"
_RAW_PROFILE = "Raw profile type "
_RAW_HEADER = re.compile(rb"\s*\S+\s+(\d{1,10})(?:\s|$)")
_EXIF_PREFIX, _XMP_PREFIX = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
# Keywords under which IPTC records are stored, alone or among Photoshop's image resources.
_IPTC = frozenset({"iptc", "8bim"})

# ImageMagick's copies of EXIF tags that are no longer true of an enhanced picture.
_STALE = re.compile(r"(?i)(?:exif|tiff):(?:orientation|.*width|.*length|.*height|.*dimension|.*thumbnail.*)")
# Keywords that tell no place: those of the specification but comments, and what generators of pictures write.
_NO_PLACE = frozenset({"title", "author", "description", "copyright", "creation time", "software", "disclaimer"})
_NO_PLACE |= {"warning", "source", "parameters", "prompt", "negative_prompt", "workflow", "dream", "sd-metadata"}
_NO_PLACE |= {"invokeai_metadata", "invokeai_graph"}
_NOT_WORTH_SAYING = re.compile(r"(?i)(?:date|png|exif|tiff|icc|jpeg):|thumb::")

# Keywords of the specification that have a counterpart in XMP: element, and the kind of array that it is.
_IN_XMP = {
    "title": ("dc:title", "Alt"),
    "author": ("dc:creator", "Seq"),
    "description": ("dc:description", "Alt"),
    "copyright": ("dc:rights", "Alt"),
    "comment": ("exif:UserComment", "Alt"),
    "source": ("dc:source", ""),
    "software": ("xmp:CreatorTool", ""),
}
_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
# What XML cannot hold is removed.
_ESCAPED: dict[int, str | None] = {
    **dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]),
    **{ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"},
}


class Text(NamedTuple):
    """A text of a PNG file.

    Attributes:
        keyword: what it is about.
        value: the text.
        chunk: as stored; language and compression are kept too.
    """

    keyword: str
    value: str
    chunk: Chunk


class Found(NamedTuple):
    """Texts, and the metadata that were hidden among them; notes for the user on what was dropped."""

    texts: tuple[Text, ...]
    exif: bytes | None
    xmp: bytes | None
    icc: bytes | None
    iptc: bytes | None
    notes: tuple[str, ...]


def read(chunks: Iterable[Chunk]) -> Found:
    """Read tEXt, zTXt and iTXt chunks; broken and too long ones are dropped with a note."""
    texts: list[Text] = []
    blocks: dict[str, bytes] = {}
    notes: dict[str, None] = {}
    left = _MOST_TOGETHER
    for chunk in chunks:
        try:
            keyword, raw = _parts(chunk, min(left, MOST))
        except ValueError as error:
            notes[str(error)] = None
            continue
        left -= len(raw)
        kind = keyword.removeprefix(_RAW_PROFILE).lower() if keyword.startswith(_RAW_PROFILE) else ""
        if keyword == _XMP_KEYWORD:
            blocks.setdefault("xmp", raw)
        elif kind in ("exif", "app1", "xmp", "icc", "icm", *_IPTC):
            block = _raw_profile(raw)
            if block is None:
                notes[f"broken {kind} profile in a PNG text dropped"] = None
            elif kind in _IPTC:
                if records := iptc.trimmed(block, ">") or iptc.records(block):
                    blocks.setdefault("iptc", records)
            else:
                blocks.setdefault(*_told_apart(kind, block))
        elif not _STALE.fullmatch(keyword):
            texts.append(Text(keyword, _decoded(raw), chunk))
    exif, xmp, icc, records = (blocks.get(name) for name in ("exif", "xmp", "icc", "iptc"))
    return Found(tuple(texts), exif, xmp, icc, records, tuple(notes))


def raw_profile(kind: str, block: bytes) -> Chunk:
    """A raw profile as ImageMagick writes it."""
    digits = block.hex()
    lines = "\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    text = f"\n{kind}\n{len(block):8d}\n{lines}\n"
    return Chunk(b"zTXt", f"{_RAW_PROFILE}{kind}\0\0".encode() + zlib.compress(text.encode()))


def make(keyword: str, value: bytes) -> Text:
    """A text as a PNG file would hold it, from bytes in UTF-8 or Latin-1."""
    text = _decoded(value).replace("\0", "")
    if text.isascii():
        return Text(keyword, text, Chunk(b"tEXt", keyword.encode() + b"\0" + text.encode()))
    return Text(keyword, text, Chunk(b"iTXt", keyword.encode() + bytes(5) + text.encode()))


def without_place(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    """Only texts whose keywords are known not to tell a place, and that do not read as coordinates."""
    return tuple(
        one for one in texts if one.keyword.lower() in _NO_PLACE and not xmp_place.reads_as_coordinates(one.value)
    )


def as_xmp(texts: tuple[Text, ...]) -> bytes | None:
    """A packet of the texts that have a counterpart in XMP; None if there is none."""
    first: dict[str, str] = {}
    for one in texts:
        if one.keyword.lower() in _IN_XMP and one.value.strip():
            first.setdefault(one.keyword.lower(), one.value)
    if not first:
        return None
    lines = [_element(*_IN_XMP[keyword], value) for keyword, value in first.items()]
    spaces = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in _SPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about=""{spaces}>{"".join(lines)}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def lost(texts: tuple[Text, ...], as_xmp: bool) -> list[str]:
    """What a format other than PNG loses of the texts, in words for the user.

    Args:
        texts: of the picture.
        as_xmp: whether the format holds them as XMP.
    """
    gone: dict[str, None] = {}
    for one in texts:
        if _NOT_WORTH_SAYING.match(one.keyword) or (as_xmp and one.keyword.lower() in _IN_XMP):
            continue
        gone["".join(c for c in one.keyword if c.isprintable())] = None
    names = list(gone)
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return [f"PNG text ({', '.join(names[:4])}{more})"] if names else []


def inflated(content: bytes, most: int = MOST) -> bytes:
    """Decompress a zlib stream.

    Raises:
        ValueError: it is damaged, or longer than ``most`` bytes.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(content, most + 1)
    except zlib.error as error:
        raise ValueError("damaged compressed data") from error
    if len(text) > most or not inflater.eof:
        raise ValueError("too long" if len(text) > most else "damaged compressed data")
    return text


def _parts(chunk: Chunk, most: int) -> tuple[str, bytes]:
    """Keyword and text, decompressed.

    Raises:
        ValueError: the chunk is broken or too long; the message is a note.
    """
    keyword, _, rest = chunk.content.partition(b"\0")
    compressed = chunk.name == b"zTXt"
    name = keyword.decode("latin-1")
    shown = "".join(c for c in name if c.isprintable())[:79]
    if not 0 < len(keyword) < 80:
        raise ValueError("broken PNG text dropped")
    if compressed:
        method, rest = rest[:1], rest[1:]
    elif chunk.name == b"iTXt":
        flags, rest = rest[:2], rest[2:]
        compressed, method = flags[:1] == b"\1", flags[1:]
        _, _, rest = rest.partition(b"\0")  # the language
        _, _, rest = rest.partition(b"\0")  # the keyword in it
    try:
        if compressed and method != b"\0":
            raise ValueError("unknown compression")
        text = inflated(rest, most) if compressed else rest
        if len(text) > most:
            raise ValueError("too long")
    except ValueError as error:
        raise ValueError(f"PNG text {shown!r} dropped: {error}") from error
    return name, text


def _raw_profile(text: bytes) -> bytes | None:
    """The bytes of a raw profile: a name, their number, and hexadecimal digits in lines; None if it is broken."""
    header = _RAW_HEADER.match(text)
    if header is None:
        return None
    digits = text[header.end() :].translate(None, b" \t\r\n")
    length = int(header[1])
    try:
        return bytes.fromhex(digits[: 2 * length].decode("ascii")) if len(digits) >= 2 * length > 0 else None
    except ValueError:
        return None


def _told_apart(kind: str, block: bytes) -> tuple[str, bytes]:
    """What a raw profile holds: "exif", "xmp" or "icc"; and the block without its JPEG prefix."""
    if block.startswith(_XMP_PREFIX):
        return "xmp", block.removeprefix(_XMP_PREFIX)
    kind = {"app1": "exif", "icm": "icc"}.get(kind, kind)
    return kind, block.removeprefix(_EXIF_PREFIX)


def _decoded(raw: bytes) -> str:
    """Many writers store UTF-8 in chunks that are Latin-1 by the specification."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _element(name: str, array: str, value: str) -> str:
    text = value.translate(_ESCAPED)
    if not array:
        return f"<{name}>{text}</{name}>"
    language = ' xml:lang="x-default"' if array == "Alt" else ""
    return f"<{name}><rdf:{array}><rdf:li{language}>{text}</rdf:li></rdf:{array}></{name}>"
