"""Metadata boxes of JPEG 2000 files (ISO/IEC 15444-1, annex I), which Pillow does not read."""

from __future__ import annotations

from restore.imaging.boxes import boxes
from restore.imaging.metadata import iptc
from restore.imaging.metadata.file_metadata import Extra

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = (b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e"))
_IPTC = (bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"))
_ENUMERATED, _PROFILES = 1, (2, 3)  # ways to specify the color space
_KNOWN_SPACES = frozenset({0, 12, 15, 16, 17, 18})  # bilevel, CMYK, sRGB, gray and sYCC, as Pillow converts them
_OTHER_SPACE = "the colors are in a space that is not supported (number {} of JPEG 2000); they are read as sRGB"


def read_extra(data: bytes) -> Extra:
    """The color profile, EXIF, XMP and IPTC data in a file's boxes; a bare codestream has none."""
    info: dict[str, bytes] = {}
    records: bytes | None = None
    notes: tuple[str, ...] = ()
    for box in boxes(data) if data[4:8] == b"jP  " else ():
        if box.kind == b"jp2h":
            for color in boxes(data, box.start, box.stop):
                if color.kind == b"colr" and color.stop > color.start + 3:
                    method, content = data[color.start], data[color.start + 3 : color.stop]
                    if method in _PROFILES:
                        info.setdefault("icc_profile", content)
                    elif method == _ENUMERATED and int.from_bytes(content[:4], "big") not in _KNOWN_SPACES:
                        notes = (_OTHER_SPACE.format(int.from_bytes(content[:4], "big")),)
        elif box.kind == b"uuid":
            kind, content = data[box.start : box.start + 16], data[box.start + 16 : box.stop]
            if kind == _XMP:
                info.setdefault("xmp", content)
            elif kind in _EXIF:
                info.setdefault("exif", content)
            elif kind in _IPTC:
                records = records or iptc.trimmed(content, ">")
    return Extra(info, records, notes=notes if "icc_profile" not in info else ())
