"""What JPEG segments hold besides the pixels: extended XMP, IPTC, comments, and other pictures behind the first."""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from restore.imaging.decode import read_picture
from restore.imaging.encode import encode, lost
from restore.imaging.header import read_size
from restore.imaging.metadata import exif as exif_metadata
from restore.imaging.metadata import iptc, xmp, xmp_extended
from tests.conftest import picture
from tests.imaging.samples import SRGB, XMP, any_picture, exif_block, xmp_packet


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(*segments: bytes, behind: bytes = b"") -> bytes:
    """A JPEG file with these segments after SOI's JFIF, and something behind its end."""
    buffer = io.BytesIO()
    Image.fromarray(picture(24, 30)).save(buffer, "JPEG")
    data = buffer.getvalue()
    return data[:20] + b"".join(segments) + data[20:] + behind


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def dataset(number: int, value: bytes, record: int = 2) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    padded = bytes([len(name)]) + name
    padded += b"\0" * (len(padded) % 2)
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + padded
        + struct.pack(">I", len(content))
        + content
        + b"\0" * (len(content) % 2)
    )


RECORDS = dataset(90, b"\x1b%G", 1) + dataset(0, b"\0\4") + dataset(120, "Müller".encode()) + dataset(25, b"cat")
PLACES = (
    dataset(90, b"Berlin")
    + dataset(92, b"Mitte")
    + dataset(95, b"BE")
    + dataset(100, b"DEU")
    + dataset(101, b"Germany")
)


def app13(*resources: bytes) -> bytes:
    return segment(0xED, b"Photoshop 3.0\0" + b"".join(resources))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_iptc_is_kept(tmp_path: Path, suffix: str) -> None:
    data = jpeg(app13(resource(0x03ED, bytes(16), b"odd"), resource(0x0404, RECORDS)))
    read = read_picture(saved(tmp_path / "x.jpg", data))
    assert read.iptc == RECORDS
    assert lost(read, suffix) == ()
    path = saved(tmp_path / f"y{suffix}", encode(read, suffix))
    if suffix == ".jpg":
        assert Image.open(path).info["photoshop"][0x0404] == RECORDS
    else:
        with tifffile.TiffFile(path) as file:
            assert file.pages[0].tags[33723].value == RECORDS
    assert read_picture(path).iptc == RECORDS


@pytest.mark.parametrize("suffix", [".webp", ".bmp"])
def test_formats_without_iptc_and_comments_say_so(suffix: str) -> None:
    given = replace(any_picture(), iptc=RECORDS, comment=b"Hello")
    assert lost(given, suffix) == ("IPTC data", "comment")
    encode(given, suffix)


def test_iptc_in_a_tiff_file(tmp_path: Path) -> None:
    """By its own tag, in words of the file's byte order, and among Photoshop's resources."""
    padded = RECORDS + bytes(-len(RECORDS) % 4)
    words = struct.unpack(f">{len(padded) // 4}I", padded)
    photoshop = resource(0x0404, RECORDS)
    for name, tag in {
        "bytes": (33723, 7, len(RECORDS), RECORDS),
        "words": (33723, 4, len(words), words),
        "resources": (34377, 1, len(photoshop), photoshop),
    }.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", picture(24, 30), photometric="rgb", extratags=[(*tag, True)])
        assert read_picture(tmp_path / f"{name}.tif").iptc == RECORDS


def test_iptc_places_go() -> None:
    given = replace(any_picture(), iptc=RECORDS + PLACES + dataset(105, b"at 48.85830, 2.29450") + dataset(250, b"?"))
    assert exif_metadata.strip_place(given).iptc == RECORDS
    assert exif_metadata.strip(given).iptc is None
    assert exif_metadata.strip_place(replace(given, iptc=PLACES)).iptc is None


def test_iptc_with_long_values_and_broken_ends() -> None:
    long = struct.pack(">BBBHI", 0x1C, 2, 120, 0x8004, 40_000) + b"x" * 40_000
    assert iptc.without_place(long + PLACES + RECORDS) == long + RECORDS
    assert iptc.without_place(RECORDS + b"\x1c\2\x78\xff\xffabc") == RECORDS
    assert iptc.without_place(RECORDS + b"\x1c\2") == RECORDS
    assert iptc.without_place(b"\x1c\2\x78\x7f\xff") is None
    assert iptc.records(b"8BIM\4\4") is None
    assert iptc.records(b"8BIM\4\4\0\0\xff\xff\xff\xffabc") == b"abc"


def test_comments_are_kept_and_clipping_paths_noted(tmp_path: Path) -> None:
    data = jpeg(segment(0xFE, b"Hello\0"), segment(0xFE, b"again"), app13(resource(2000, bytes(26), b"Path 1")))
    read = read_picture(saved(tmp_path / "x.jpg", data))
    assert read.comment == b"Hello\nagain"
    assert read.notes == ("the clipping paths of Photoshop were dropped",)
    assert Image.open(io.BytesIO(encode(read, ".jpg"))).info["comment"] == b"Hello\nagain"
    assert exif_metadata.strip(read).comment is None
    assert exif_metadata.strip_place(read).comment is None


DEPTH = "http://ns.google.com/photos/1.0/depthmap/"
EXTENSION = xmp_packet(f'xmlns:GDepth="{DEPTH}" GDepth:Data="{"/9j4" * 40_000}"')


def extended(main_attributes: str = "", skip: int = -1, **changes: int) -> list[bytes]:
    """Segments of a main packet and its extension, out of order."""
    name = hashlib.md5(EXTENSION).hexdigest().upper()
    note = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{name}" {main_attributes}'
    total = changes.get("total", len(EXTENSION))
    pieces = [
        segment(
            0xE1,
            b"http://ns.adobe.com/xmp/extension/\0"
            + name.encode()
            + struct.pack(">II", total, at)
            + EXTENSION[at : at + 60_000],
        )
        for at in range(0, len(EXTENSION), 60_000)
        if at != skip
    ]
    return [*pieces[::-1], segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_packet(note))]


def test_extended_xmp_is_kept_whole(tmp_path: Path) -> None:
    main = 'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"'
    read = read_picture(saved(tmp_path / "x.jpg", jpeg(*extended(main))))
    assert read.notes == ()
    assert read.xmp is not None
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        assert lost(read, suffix) == ()
        again = read_picture(saved(tmp_path / f"y{suffix}", encode(read, suffix)))
        assert again.notes == ()
        assert again.xmp is not None
        tree = xmp.parse(again.xmp)
        assert tree.values((DEPTH, "Data")) == ["/9j4" * 40_000]
        assert tree.values(("http://purl.org/dc/elements/1.1/", "format")) == ["image/jpeg"]
        assert not tree.values(xmp_extended.NOTE)


def test_extended_xmp_is_written_by_the_specification() -> None:
    given = any_picture(icc=SRGB, exif=exif_block(), xmp=XMP.replace(b"Somebody", b"Somebody" * 20_000))
    image = Image.open(io.BytesIO(encode(given, ".jpg")))
    pieces = [content for app, content in image.applist if app == "APP1" and b"/extension/" in content[:40]]
    assert len(pieces) > 1
    main = xmp.parse(image.info["xmp"])
    (name,) = main.values(xmp_extended.NOTE)
    whole = b""
    for piece in pieces:
        assert piece[:67] == b"http://ns.adobe.com/xmp/extension/\0" + name.encode()
        total, at = struct.unpack_from(">II", piece, 67)
        assert at == len(whole)
        whole += piece[75:]
    assert total == len(whole)
    assert hashlib.md5(whole).hexdigest().upper() == name
    assert b"Somebody" * 20_000 in whole
    assert b"Somebody" not in image.info["xmp"]
    assert main.values(("http://ns.adobe.com/tiff/1.0/", "ImageWidth")) == ["30"]


@pytest.mark.parametrize("changes", [{"skip": 0}, {"skip": 60_000}, {"total": 2**32 - 1}, {"total": 5}])
def test_an_incomplete_extension_is_dropped_with_a_note(tmp_path: Path, changes: dict[str, int]) -> None:
    read = read_picture(saved(tmp_path / "x.jpg", jpeg(*extended(**changes))))
    assert read.xmp is not None
    assert b"HasExtendedXMP" not in read.xmp
    assert read.notes == ("a part of the XMP data was dropped: it is incomplete in the file",)


def test_a_packet_of_many_properties_is_split_at_once() -> None:
    many = "".join(f"<a:p{n} xmlns:a='urn:a'>{n}</a:p{n}>" for n in range(5000))
    parts = xmp_extended.split(xmp_packet("", many), 65_000)
    assert parts is not None
    main, extension = parts
    assert len(main) <= 65_000
    assert extension is not None
    found = [e.text for part in parts for e in xmp.parse(part or b"") if e.name[0] == "urn:a"]
    assert sorted(found, key=int) == [str(n) for n in range(5000)]


def test_what_cannot_be_split_is_lost() -> None:
    given = any_picture(xmp=b"<broken" * 20_000)
    assert "XMP data" in lost(given, ".jpg")
    encode(given, ".jpg")


def mpf(*kinds: int, offset: int = 0, size: int = 0) -> bytes:
    """A multi-picture segment: a primary picture and others of these kinds, all in the same place."""
    entries = struct.pack(">IIIHH", 0x20030000, 0, 0, 0, 0)
    entries += b"".join(struct.pack(">IIIHH", kind, size, offset, 0, 0) for kind in kinds)
    table = struct.pack(">HHHI4s", 3, 0xB000, 7, 4, b"0100")
    table += struct.pack(">HHIIHHII", 0xB001, 4, 1, 1 + len(kinds), 0xB002, 7, len(entries), 50)
    return segment(0xE2, b"MPF\0MM\0*\0\0\0\x08" + table + bytes(4) + entries)


GAIN = segment(
    0xE1,
    b"http://ns.adobe.com/xap/1.0/\0" + xmp_packet('xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0"'),
)


@pytest.mark.parametrize(
    ("segments", "behind", "note"),
    [
        ([mpf(0x00010001)], b"", None),
        ([mpf(0x00020002)], b"", "the file contains several pictures; only the first is used"),
        ([mpf(0x00020003, 0x00020003)], b"", "the file contains several pictures; only the first is used"),
        ([GAIN], b"", "the gain map of an HDR photo was dropped"),
        ([], b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Dataftypmp42", "the video of a motion photo was dropped"),
        (
            [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_packet('xmlns:G="urn:g" G:MotionPhoto="1"'))],
            b"ftyp",
            "the video of a motion photo was dropped",
        ),
    ],
)
def test_other_items_of_the_file(tmp_path: Path, segments: list[bytes], behind: bytes, note: str | None) -> None:
    read = read_picture(saved(tmp_path / "x.jpg", jpeg(*segments, behind=behind)))
    assert read.notes == ((note,) if note else ())
    again = read_picture(saved(tmp_path / "y.jpg", encode(read, ".jpg")))
    assert again.notes == ()


@pytest.mark.parametrize(
    "odd",
    [
        segment(0xE0, b"JFIF\0"),
        segment(0xE0, b"JFIF\0\1\1\0"),
        segment(0xEE, b"Adobe\0"),
        segment(0xE2, b"ICC_PROFILE\0"),
        segment(0xED, b"Photoshop 3.0\x008BIM\4\4"),
        segment(0xE1, b"Exif\0\0"),
        segment(0xE2, b"MPF\0MM\0*"),
        segment(0xEF, b""),
        b"\xff\xff\xff\xff" + segment(0xFE, b""),
        b"\0\0junk",
    ],
)
def test_odd_but_harmless_segments(tmp_path: Path, odd: bytes) -> None:
    plain = jpeg()
    for data in (plain[:2] + odd + plain[20:], plain[:20] + odd + plain[20:]):
        path = saved(tmp_path / "x.jpg", data)
        read = read_picture(path)
        assert np.array_equal(read.pixels, read_picture(saved(tmp_path / "plain.jpg", plain)).pixels)
        assert (read.icc, read.exif) == (None, None)
        assert read.notes == () or odd.startswith(b"\0")
        assert read_size(path) == (24, 30)


def test_odd_segments_leave_the_others_alone(tmp_path: Path) -> None:
    given = any_picture(icc=SRGB, exif=exif_block(), xmp=xmp_packet('xmlns:a="urn:a" a:b="c"'))
    data = encode(replace(given, iptc=RECORDS, comment=b"Hello"), ".jpg")
    plain = read_picture(saved(tmp_path / "plain.jpg", data))
    read = read_picture(saved(tmp_path / "x.jpg", data[:20] + segment(0xE0, b"JFIF\0") + data[20:]))
    assert (read.icc, read.exif, read.xmp) == (SRGB, plain.exif, given.xmp)
    assert read.exif is not None
    assert (read.iptc, read.comment) == (RECORDS, b"Hello")
