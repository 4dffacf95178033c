"""Metadata that Pillow does not report, whatever the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from restore.imaging import jxl
from restore.imaging.jpeg import segments as jpeg_segments
from restore.imaging.metadata import ifd, iptc
from restore.imaging.metadata.file_metadata import Extra


def read(kind: str, data: bytes, info: Mapping[Any, Any], segments: Sequence[jpeg_segments.Segment] = ()) -> Extra:
    """What a file holds besides the pixels and what Pillow reports.

    Args:
        kind: Pillow's name of the format.
        data: the file.
        info: what Pillow reports.
        segments: of a JPEG file.
    """
    if kind in ("JPEG", "MPO"):
        return jpeg_segments.read_extra(data, info.get("xmp"), segments)
    if kind == "JPEG2000":
        from restore.imaging import jp2

        return jp2.read_extra(data)
    if kind == "JXL":
        return jxl.read_extra(data)
    if kind in ("AVIF", "HEIF"):
        from restore.imaging import heif

        return Extra(notes=heif.item_notes(data, info))
    return Extra(iptc=_tiff_iptc(data)) if kind == "TIFF" else Extra()


def _tiff_iptc(data: bytes) -> bytes | None:
    wanted = {iptc.TIFF_TAG, iptc.TIFF_RESOURCES_TAG}
    try:
        found = ifd.read_tags(data, ifd.first_in_file(data), wanted.__contains__)
    except ifd.BrokenDirectoryError:
        return None
    tags = {tag.number: tag.value for tag in found}
    if iptc.TIFF_TAG in tags:
        return iptc.trimmed(tags[iptc.TIFF_TAG], ifd.byte_order(data))
    return iptc.records(tags.get(iptc.TIFF_RESOURCES_TAG, b""))
