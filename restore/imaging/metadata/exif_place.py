"""Remove the place from EXIF: the block is rewritten from standard tags that do not reveal it.

Maker notes go: their formats are secret or unbounded, and several makers store cities and landmarks in them.
"""

from __future__ import annotations

from restore.imaging.metadata import ifd
from restore.imaging.metadata.xmp_place import reads_as_coordinates

# Size, description, camera, orientation, resolution, software, dates, people, colors and the texts of Windows.
_MAIN = frozenset(
    {0x0100, 0x0101, 0x010E, 0x010F, 0x0110, 0x0112, 0x011A, 0x011B, 0x0128, 0x012D, 0x0131, 0x0132, 0x013B, 0x013C}
    | {0x013E, 0x013F, 0x0211, 0x0213, 0x0214, 0x4746, 0x4749, 0x8298, *range(0x9C9B, 0x9CA0), ifd.EXIF_POINTER}
)
# The tags of EXIF 3.0 except the maker's note, air pressure and water depth (which tell the altitude) and sound files.
_DETAILS = frozenset(
    {0x829A, 0x829D, 0x8822, 0x8824, 0x8827, 0x8828, 0x882A, *range(0x8830, 0x8836), 0x9000, 0x9003, 0x9004}
    | {*range(0x9010, 0x9013), 0x9101, 0x9102, *range(0x9201, 0x920B), 0x9214, 0x9286, *range(0x9290, 0x9293), 0x9400}
    | {0x9401, 0x9404, 0x9405, *range(0xA000, 0xA004), ifd.INTEROP_POINTER, 0xA20B, 0xA20C, 0xA20E, 0xA20F, 0xA210}
    | {0xA214, 0xA215, 0xA217, *range(0xA300, 0xA303), *range(0xA401, 0xA40D), 0xA420, *range(0xA430, 0xA43D)}
    | {*range(0xA460, 0xA463), 0xA500}
)
_INTEROP = frozenset({0x0001, 0x0002, 0x1000, 0x1001, 0x1002})
_KEPT_BELOW = {ifd.EXIF_POINTER: _DETAILS, ifd.INTEROP_POINTER: _INTEROP}
_TEXTS_OF_WINDOWS = range(0x9C9B, 0x9CA0)  # UTF-16


def without_place(exif: bytes) -> bytes | None:
    """A block of the standard tags that do not tell the place; None if there are none.

    Raises:
        BrokenDirectoryError: the block cannot be read.
    """
    tags = _kept(ifd.read_tags(exif, ifd.first_directory(exif), _MAIN.__contains__), _MAIN)
    if not tags:
        return None
    order = ifd.byte_order(exif)
    return ifd.header(order, 8) + ifd.write_tags(tags, order, 8)


def _kept(tags: list[ifd.Tag], numbers: frozenset[int]) -> list[ifd.Tag]:
    kept = [tag for tag in tags if tag.number in numbers and not _tells_place(tag)]
    for tag in kept:  # three levels: read_tags() follows no more
        tag.children = _kept(tag.children, _KEPT_BELOW.get(tag.number, frozenset()))
    return [tag for tag in kept if tag.children or tag.number not in _KEPT_BELOW]


def _tells_place(tag: ifd.Tag) -> bool:
    if tag.number in _TEXTS_OF_WINDOWS:
        return reads_as_coordinates(tag.value.decode("utf-16-le", "ignore"))
    if tag.kind not in (ifd.BYTE, ifd.ASCII, ifd.UNDEFINED, ifd.UTF8):
        return False
    text = tag.value.replace(b"\0", b"")  # a user comment may be in UTF-16
    return any(reads_as_coordinates(text.decode(encoding, "replace")) for encoding in ("utf-8", "latin-1"))
