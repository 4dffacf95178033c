"""Text of PNG files, and the EXIF, XMP and profiles that old writers hide in it."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.imaging.decode import read_picture
from restore.imaging.encode import encode, lost
from restore.imaging.header import read_size
from restore.imaging.metadata.exif import sized, strip, strip_place
from restore.imaging.png import text as png_text
from tests.imaging.png_files import Chunk, gray, pixels, rgb, written
from tests.imaging.samples import GRAY, SRGB, XMP, exif_block

TEXTS: list[Chunk] = [
    (b"tEXt", b"Copyright\0(c) J\xfcrgen & <Sons>"),
    (b"tEXt", "Author\0Søren".encode()),  # UTF-8, against the specification
    (b"iTXt", b"Title\0\0\0de\0Titel\0" + "Müller's \x01 日本".encode()),
    (b"zTXt", b"Description\0\0" + zlib.compress(b"a cat " * 50)),
    (b"tEXt", b"parameters\0steps: 20"),
]


def raw(kind: str, block: bytes, compressed: bool = False) -> Chunk:
    """A profile as ImageMagick writes it."""
    digits = block.hex().encode()
    lines = b"\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    text = b"\n%s\n%8d\n%s\n" % (kind.encode(), len(block), lines)
    keyword = b"Raw profile type " + kind.encode()
    return (b"zTXt", keyword + b"\0\0" + zlib.compress(text)) if compressed else (b"tEXt", keyword + b"\0" + text)


def texts(data: bytes) -> list[Chunk]:
    """The text chunks of a file, as stored."""
    at, found = 8, []
    while at < len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if name in (b"tEXt", b"zTXt", b"iTXt"):
            found.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def properties(packet: bytes) -> dict[str, str]:
    tree = ElementTree.fromstring(packet)
    spaces = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    (description,) = tree.iterfind(".//rdf:Description", spaces)
    return {one.tag.rpartition("}")[2]: "".join(one.itertext()) for one in description}


@pytest.mark.parametrize("behind", [False, True])
def test_texts_are_kept_in_png_byte_for_byte(tmp_path: Path, behind: bool) -> None:
    read = read_picture(written(tmp_path, rgb(**{"after" if behind else "chunks": TEXTS})))
    assert read.notes == ()
    assert lost(read, ".png") == ()
    again = encode(read, ".png")
    assert texts(again) == TEXTS
    with Image.open(io.BytesIO(again)) as image:
        assert image.text["Copyright"] == "(c) Jürgen & <Sons>"
    assert texts(encode(replace(read, alpha=np.full((8, 6), 9, np.uint8), pixels=pixels()[..., :1]), ".png")) == TEXTS


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
def test_other_formats_hold_texts_as_xmp(tmp_path: Path, suffix: str) -> None:
    read = read_picture(written(tmp_path, rgb(TEXTS)))
    with Image.open(io.BytesIO(encode(read, suffix))) as image:
        packet = image.tag_v2[700] if suffix == ".tif" else image.info["xmp"]
    assert properties(packet) == {
        "rights": "(c) Jürgen & <Sons>",
        "creator": "Søren",
        "title": "Müller's  日本",
        "description": "a cat " * 50,
    }
    assert lost(read, suffix) == ("PNG text (parameters)",)


def test_where_xmp_exists_it_is_left_alone(tmp_path: Path) -> None:
    read = read_picture(written(tmp_path, rgb([*TEXTS, (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP)])))
    with Image.open(io.BytesIO(encode(read, ".jpg"))) as image:
        assert properties(image.info["xmp"])["creator"] == "Somebody"
    assert lost(read, ".jpg") == ("PNG text (Copyright, Author, Title, Description and 1 more)",)


def test_what_holds_no_xmp_loses_all_texts(tmp_path: Path) -> None:
    read = read_picture(written(tmp_path, rgb(TEXTS[:2])))
    assert lost(read, ".bmp") == ("PNG text (Copyright, Author)",)


def test_texts_are_stripped(tmp_path: Path) -> None:
    places = [(b"tEXt", b"exif:GPSLatitude\x0048/1"), (b"tEXt", b"Location\0Paris"), raw("iptc", b"8BIM...")]
    places += [(b"tEXt", b"Comment\x0048.8583, 2.2945"), (b"tEXt", b"Raw profile type exif2\x00ff")]
    places += [(b"tEXt", b"Description\x00at 48.8583, 2.2945")]
    read = read_picture(written(tmp_path, rgb([*TEXTS, *places])))
    assert texts(encode(strip_place(read), ".png")) == TEXTS
    assert texts(encode(strip(read), ".png")) == []


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("kind", "prefix"), [("exif", b"Exif\0\0"), ("exif", b""), ("APP1", b"Exif\0\0")], ids=["exif", "bare", "APP1"]
)
def test_exif_in_text_is_kept_byte_for_byte(tmp_path: Path, kind: str, prefix: bytes, compressed: bool) -> None:
    block = exif_block(1).replace(b"Maker\0", b"J\xc3\xbcrg\0")  # UTF-8, which a parser would replace by question marks
    read = read_picture(written(tmp_path, rgb([raw(kind, prefix + block, compressed)])))
    assert read.exif == block
    assert read.png_text == ()
    with Image.open(io.BytesIO(encode(read, ".png"))) as image:
        assert image.info["exif"].removeprefix(b"Exif\0\0") == sized(block, 8, 6)


def test_exif_in_text_turns_the_picture(tmp_path: Path) -> None:
    path = written(tmp_path, rgb([raw("exif", b"Exif\0\0" + exif_block(6))]))
    np.testing.assert_array_equal(read_picture(path).pixels, np.rot90(pixels(), -1))
    assert read_size(path) == (6, 8)


def test_a_chunk_of_its_own_counts_before_text(tmp_path: Path) -> None:
    chunks = [raw("exif", b"Exif\0\0junk"), (b"eXIf", exif_block()), raw("icc", SRGB.replace(b"sRGB", b"sRGX"))]
    read = read_picture(written(tmp_path, rgb([*chunks, (b"iCCP", b"x\0\0" + zlib.compress(SRGB))])))
    assert (read.exif, read.icc) == (exif_block(), SRGB)


@pytest.mark.parametrize("kind", ["icc", "icm"])
def test_a_profile_in_text(tmp_path: Path, kind: str) -> None:
    assert read_picture(written(tmp_path, rgb([raw(kind, SRGB)]))).icc == SRGB
    assert read_picture(written(tmp_path, gray([raw(kind, GRAY)]))).icc == GRAY


@pytest.mark.parametrize(
    "chunk",
    [
        raw("xmp", XMP),
        raw("APP1", b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
    ],
    ids=["raw", "APP1", "iTXt", "compressed"],
)
def test_xmp_in_text(tmp_path: Path, chunk: Chunk) -> None:
    read = read_picture(written(tmp_path, rgb([chunk])))
    assert read.xmp is not None
    assert properties(read.xmp)["creator"] == "Somebody"
    assert read.png_text == ()
    assert read.size == (6, 8)  # it says that the picture lies on its side


RECORDS = b"\x1c\2\x50\0\4Jane" + b"\x1c\2\x5a\0\5Paris"


@pytest.mark.parametrize("kind", ["iptc", "8bim"])
@pytest.mark.parametrize("bare", [False, True])
def test_iptc_in_text(tmp_path: Path, kind: str, bare: bool) -> None:
    block = RECORDS if bare else b"8BIM\4\4\0\0" + len(RECORDS).to_bytes(4, "big") + RECORDS
    read = read_picture(written(tmp_path, rgb([raw(kind, block)])))
    assert (read.iptc, read.png_text, lost(read, ".png"), lost(read, ".jpg")) == (RECORDS, (), (), ())
    assert lost(read, ".webp") == ("IPTC data",)
    for suffix in (".png", ".jpg", ".tif"):
        (tmp_path / f"y{suffix}").write_bytes(encode(read, suffix))
        assert read_picture(tmp_path / f"y{suffix}").iptc == RECORDS
    placeless = strip_place(read).iptc
    assert placeless is not None
    assert b"Paris" not in placeless


def test_a_comment_becomes_a_text(tmp_path: Path) -> None:
    read = replace(read_picture(written(tmp_path, rgb())), comment="Käse".encode())
    with Image.open(io.BytesIO(encode(read, ".png"))) as image:
        assert image.text["Comment"] == "Käse"
    assert lost(read, ".png") == ()


@pytest.mark.parametrize("kind", ["exif", "icc", "xmp", "iptc", "8bim", "APP1"])
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\nx\n",
        b"\nx\n   20\n4578xyz",
        b"\nx\n 4\n0a0b0c",
        b"\nx\n 2\nzzzz",
        b"\nx\n 0\n",
        b"\nx\n 99999999999\n00",
    ],
)
def test_broken_raw_profiles_are_dropped(tmp_path: Path, kind: str, text: bytes) -> None:
    read = read_picture(written(tmp_path, rgb([(b"tEXt", f"Raw profile type {kind}\0".encode() + text)])))
    np.testing.assert_array_equal(read.pixels, pixels())
    assert (read.exif, read.icc, read.xmp, read.png_text) == (None, None, None, ())
    assert read.notes == (f"broken {kind.lower()} profile in a PNG text dropped",)


@pytest.mark.parametrize("make", [lambda text: (b"zTXt", b"Comment\0\0" + zlib.compress(text)),
                                  lambda text: (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(text)),
                                  lambda text: (b"tEXt", b"Comment\0" + text)], ids=["zTXt", "iTXt", "tEXt"])  # fmt: skip
def test_long_texts_are_kept_up_to_a_limit(tmp_path: Path, make: Callable[[bytes], Chunk]) -> None:
    long = make(b"x" * 1_200_000)  # more than Pillow reads
    assert texts(encode(read_picture(written(tmp_path, rgb([long]))), ".png")) == [long]
    read = read_picture(written(tmp_path, rgb([make(bytes(png_text.MOST + 1)), TEXTS[0]])))
    assert read.notes == ("PNG text 'Comment' dropped: too long",)
    assert texts(encode(read, ".png")) == TEXTS[:1]


def test_many_texts_cost_no_memory(tmp_path: Path) -> None:
    """A hundred times 16 MB, in 2 MB."""
    bomb = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(png_text.MOST), 9))
    read = read_picture(written(tmp_path, rgb([bomb] * 100)))
    assert len(read.png_text) == 4
    assert read.notes == ("PNG text 'Comment' dropped: too long",)


def test_very_many_texts(tmp_path: Path) -> None:
    read = read_picture(written(tmp_path, rgb([TEXTS[0]] * 1500)))
    assert len(read.png_text) == 1000
    assert read.notes == ("500 of 1500 PNG texts dropped",)


@pytest.mark.parametrize(
    ("chunk", "note"),
    [
        ((b"zTXt", b"Comment\0\0junk"), "PNG text 'Comment' dropped: damaged compressed data"),
        ((b"zTXt", b"Comment\0\0" + zlib.compress(b"text")[:-1]), "PNG text 'Comment' dropped: damaged compressed data"),
        ((b"zTXt", b"Comment\0\5junk"), "PNG text 'Comment' dropped: unknown compression"),
        ((b"zTXt", b"Comment"), "PNG text 'Comment' dropped: unknown compression"),
        ((b"iTXt", b"Comment\0\1\1\0\0junk"), "PNG text 'Comment' dropped: unknown compression"),
        ((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0junk"), "PNG text 'XML:com.adobe.xmp' dropped: damaged compressed data"),
        ((b"tEXt", b""), "broken PNG text dropped"),
        ((b"tEXt", b"\0text"), "broken PNG text dropped"),
        ((b"tEXt", b"k" * 80 + b"\0text"), "broken PNG text dropped"),
    ],
)  # fmt: skip
def test_broken_texts_are_dropped(tmp_path: Path, chunk: Chunk, note: str) -> None:
    read = read_picture(written(tmp_path, rgb([chunk])))
    np.testing.assert_array_equal(read.pixels, pixels())
    assert (read.png_text, read.notes) == ((), (note,))


def test_texts_that_are_no_longer_true_are_dropped(tmp_path: Path) -> None:
    stale = [b"exif:Orientation\x006", b"exif:ExifImageWidth\x0030", b"exif:PixelXDimension\x0030"]
    read = read_picture(written(tmp_path, rgb([*((b"tEXt", one) for one in stale), (b"tEXt", b"exif:Model\0X")])))
    assert [one.keyword for one in read.png_text] == ["exif:Model"]


def test_a_text_is_no_property_of_the_picture(tmp_path: Path) -> None:
    """Pillow puts texts and properties into one dictionary."""
    names = ["transparency", "icc_profile", "dpi", "gamma", "exif", "interlace", "bbox", "duration"]
    read = read_picture(written(tmp_path, rgb([(b"tEXt", f"{name}\0text".encode()) for name in names])))
    np.testing.assert_array_equal(read.pixels, pixels())
    assert (read.alpha, read.icc, read.exif, read.density, read.notes) == (None, None, None, None, ())
