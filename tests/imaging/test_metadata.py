"""What a file says of its picture stays true, and what shall go is gone from every corner."""

from __future__ import annotations

import io
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import IFD
from PIL.TiffImagePlugin import IFDRational

from restore.imaging.metadata import exif as exif_metadata
from restore.imaging.metadata import ifd
from tests.imaging.samples import MAKER_NOTE, SRGB, XMP, any_picture, exif_block, read_exif, with_thumbnail

ENDIANS = pytest.mark.parametrize("endian", ["<", ">"])
THUMBNAIL = b"\xff\xd8 an older picture \xff\xd9"


@ENDIANS
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation(endian: str, turn: int) -> None:
    block = exif_block(turn, endian)
    assert exif_metadata.orientation(block) == turn
    assert exif_metadata.orientation(exif_metadata.upright_exif(block)) == 1


def test_no_orientation_and_one_out_of_range() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    assert exif_metadata.orientation(exif.tobytes()[6:]) is None
    assert exif_metadata.orientation(exif_block(77)) == 1


@ENDIANS
def test_the_makers_note_stays_where_it_is(endian: str) -> None:
    """Its inner offsets count from the beginning of the block."""
    block = with_thumbnail(exif_block(6, endian), THUMBNAIL)
    changed = exif_metadata.sized(exif_metadata.upright_exif(block), 300, 400)
    assert changed.index(MAKER_NOTE) == block.index(MAKER_NOTE)


@ENDIANS
def test_the_thumbnail_is_gone(endian: str) -> None:
    block = with_thumbnail(exif_block(6, endian), THUMBNAIL)
    assert read_exif(block).get_ifd(IFD.IFD1)[0x0202] == len(THUMBNAIL)
    changed = exif_metadata.upright_exif(block)
    assert not read_exif(changed).get_ifd(IFD.IFD1)
    assert THUMBNAIL not in changed
    assert len(changed) < len(block)
    assert read_exif(changed)[0x010F] == "Maker"


@ENDIANS
def test_a_thumbnail_in_the_middle_is_blanked(endian: str) -> None:
    block = with_thumbnail(exif_block(6, endian), THUMBNAIL) + b"behind"
    changed = exif_metadata.upright_exif(block)
    assert THUMBNAIL not in changed
    assert changed.endswith(b"behind")
    assert len(changed) == len(block)


@ENDIANS
@given(height=st.integers(1, 10**6), width=st.integers(1, 10**6))
def test_sizes(endian: str, height: int, width: int) -> None:
    exif = read_exif(exif_metadata.sized(exif_block(1, endian), height, width))
    assert (exif[0x0100], exif[0x0101]) == (width, height)
    details = exif.get_ifd(0x8769)
    assert (details[0xA002], details[0xA003]) == (width, height)
    assert details[0x927C] == MAKER_NOTE


def test_sizes_are_not_invented() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    assert 0x0100 not in read_exif(exif_metadata.sized(exif.tobytes()[6:], 3, 4))


@ENDIANS
def test_the_place_alone_is_stripped(endian: str) -> None:
    picture = any_picture(icc=SRGB, exif=exif_block(1, endian), xmp=XMP)
    stripped = exif_metadata.strip_place(picture)
    assert stripped.exif is not None
    exif = read_exif(stripped.exif)
    assert 0x8825 not in exif
    assert exif[0x010F] == "Maker"
    assert exif[0x0110] == "Model with a longer name"
    assert exif.get_ifd(0x8769)[0x829A] == 0.004
    assert exif.get_ifd(0x8769)[0xA002] == 40
    assert 0x927C not in exif.get_ifd(0x8769)  # several makers store cities in their notes
    assert MAKER_NOTE not in stripped.exif
    order = ">" if endian == ">" else "<"
    latitude = struct.pack(order + "6I", 48, 1, 51, 1, 121, 4)
    assert latitude in exif_block(1, endian)
    assert latitude not in stripped.exif  # not only unlinked
    assert stripped.xmp is not None
    assert b"GPS" not in stripped.xmp
    assert b"2,17.6E" not in stripped.xmp
    assert b"Somebody" in stripped.xmp
    assert stripped.icc == SRGB


@ENDIANS
def test_exif_tags_that_may_hold_a_place_go(endian: str) -> None:
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010E], exif[0x9C9B] = "at 48.85830, 2.29450", "geo:lat=48.8583".encode("utf-16-le")
    exif[0x013B], exif[0x9C9D] = "Jane", "Müller".encode("utf-16-le")
    exif[0x02BC], exif[0x83BB], exif[0x8649], exif[0xC634] = (
        b"SECRET in XMP",
        b"SECRET IPTC",
        b"SECRET",
        b"SECRET too",
    )
    exif[0x87AF], exif[0xEA1C] = (1, 1, 0, 7), b"SECRET padding"
    details = exif.get_ifd(0x8769)
    details[0x9286] = b"UNICODE\0" + "48°51'N".encode("utf-16-le")
    details[0x9402], details[0xFDE8] = IFDRational(900), "SECRET lens"
    details[0xA434] = "50 mm"
    stripped = exif_metadata.strip_place(any_picture(exif=exif.tobytes().removeprefix(b"Exif\0\0"))).exif
    assert stripped is not None
    read = read_exif(stripped)
    assert set(read) == {0x013B, 0x9C9D, 0x8769}
    assert read[0x013B] == "Jane"
    assert read.get_ifd(0x8769) == {0xA434: "50 mm"}
    assert b"SECRET" not in stripped


def test_a_block_of_nothing_but_the_place_goes() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    assert exif_metadata.strip_place(any_picture(exif=exif.tobytes().removeprefix(b"Exif\0\0"))).exif is None


def test_what_cannot_be_searched_for_a_place_is_dropped() -> None:
    stripped = exif_metadata.strip_place(any_picture(exif=exif_block()[:40], xmp=XMP[:-9]))
    assert stripped.exif is None
    assert stripped.xmp is None


def test_strip_leaves_the_profile_alone() -> None:
    stripped = exif_metadata.strip(any_picture(icc=SRGB, exif=exif_block(), xmp=XMP))
    assert (stripped.icc, stripped.exif, stripped.xmp) == (SRGB, None, None)


@given(st.data())
def test_any_damage_is_refused_or_harmless(data: st.DataObject) -> None:
    """Bytes changed at random: a block comes out that can be read, or it is called broken."""
    block = bytearray(with_thumbnail(exif_block(6), THUMBNAIL))
    for _ in range(data.draw(st.integers(1, 8))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    block = block[: data.draw(st.integers(0, len(block)))]
    try:
        exif_metadata.orientation(bytes(block))
        changed = exif_metadata.upright_exif(bytes(block))
    except ifd.BrokenDirectoryError:
        return
    assert exif_metadata.orientation(changed) in (1, None)
    exif_metadata.sized(changed, 5, 6)
    stripped = exif_metadata.strip_place(any_picture(exif=changed)).exif
    if stripped is not None:
        entries, _ = ifd.entries(stripped, ifd.first_directory(stripped))
        assert ifd.GPS_POINTER not in [entry.number for entry in entries]


def test_small_blocks_do_not_unfold() -> None:
    """A directory whose thousand entries all say to hold the whole block."""
    count = 1000
    size = 10 + 12 * count + 4
    entry = struct.pack("<HHII", 0x010E, 7, size, 0)
    block = ifd.header("<", 8) + struct.pack("<H", count) + entry * count + bytes(4)
    with pytest.raises(ifd.BrokenDirectoryError, match="overlap"):
        ifd.read_tags(block, 8)


def directory(entries: list[tuple[int, int, int, int]]) -> bytes:
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + table + b"\0\0\0\0"


def test_directories_that_unfold_to_the_square_are_refused_at_once() -> None:
    """Each would keep a decoder busy for minutes, or take gigabytes, from a file of some kilobytes."""
    pointers = ifd.header("<", 8) + directory([(ifd.EXIF_POINTER, ifd.LONG, 1, 8)] * 5000)
    places = ifd.header("<", 8) + directory([(ifd.GPS_POINTER, ifd.LONG, 1, 8)] * 5000)
    below = 8 + 2 + 12 * 3000 + 4
    values = [(0x9286, 7, 60_000, 8)] * 5
    many = ifd.header("<", 8) + directory([(ifd.EXIF_POINTER, ifd.LONG, 1, below)] * 3000) + directory(values)
    blank = ifd.header("<", 8) + directory([(ifd.GPS_POINTER, ifd.LONG, 1, 26)]) + directory([(1, 1, 60_000, 8)] * 5000)
    began = time.process_time()
    with pytest.raises(ifd.BrokenDirectoryError, match="5000 EXIF directories"):
        exif_metadata.upright_exif(pointers)
    for block in (places, blank):
        assert exif_metadata.strip_place(any_picture(exif=block)).exif is None
    with pytest.raises(ifd.BrokenDirectoryError, match="overlap"):
        exif_metadata.tiff_tags(many + bytes(60_000))
    assert time.process_time() - began < 20


@ENDIANS
def test_directories_written_anew_are_pillows(endian: str) -> None:
    block = exif_block(3, endian)
    tags, order = exif_metadata.tiff_tags(block)
    assert order == endian
    again = read_exif(ifd.header(order, 8) + ifd.write_tags(tags, order, 8))
    was = read_exif(block)
    for number in (0x010F, 0x0110, 0x0112):
        assert again[number] == was[number]
    assert again.get_ifd(0x8769) == was.get_ifd(0x8769)
    assert again.get_ifd(0x8825) == was.get_ifd(0x8825)


def test_a_tiff_files_own_tags_become_exif() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4)).save(buffer, "TIFF", exif=exif_block())
    block = exif_metadata.from_tiff(buffer.getvalue())
    assert block is not None
    kept = read_exif(block)
    assert kept[0x010F] == "Maker"
    assert kept.get_ifd(0x8769)[0x927C] == MAKER_NOTE
    assert kept.get_ifd(0x8825)[1] == "N"
    assert not {256, 257, 258, 259, 262, 273, 279} & set(kept)
