"""AVIF and JPEG 2000 files: what their boxes say of the picture is applied, kept or told."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from restore.imaging import boxes, heif
from restore.imaging.color.profiles import pixels_to_srgb
from restore.imaging.decode import read_picture
from restore.imaging.encode import encode
from restore.imaging.header import read_size
from restore.imaging.picture import Picture
from tests.conftest import picture
from tests.imaging.samples import SRGB, exif_block, read_exif, xmp_packet

HEIGHT, WIDTH = 64, 96
STORED = picture(HEIGHT, WIDTH)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def avif(*properties: bytes, drop: bytes = b"", **settings: Any) -> bytes:
    """An AVIF file as Pillow writes it, with properties added to its picture (and others dropped)."""
    buffer = io.BytesIO()
    Image.fromarray(STORED).save(buffer, "AVIF", **{"quality": 100, "subsampling": "4:4:4", **settings})
    data = buffer.getvalue()
    if drop:
        at = data.index(drop)
        data = data[:at] + b"free" + data[at + 4 :]
    old = {
        kind: boxes.inside(data, *kind)
        for kind in ((b"meta",), (b"meta", b"iprp"), (b"meta", b"iprp", b"ipco"), (b"meta", b"iprp", b"ipma"))
    }
    ipma = old[b"meta", b"iprp", b"ipma"]
    ipco = old[b"meta", b"iprp", b"ipco"]
    assert ipma is not None
    assert ipco is not None
    count = len(list(boxes.boxes(data, ipco.start, ipco.stop)))
    added = b"".join(properties)
    indices = bytes(0x80 | count + n for n in range(1, len(properties) + 1))
    entry = data[ipma.start + 8 : ipma.stop]  # one item: its number, the count, the indices
    entry = entry[:2] + bytes([entry[2] + len(indices)]) + entry[3:] + indices
    grown = len(added) + len(indices)
    out = bytearray(
        data[: ipco.stop] + added + box(b"ipma", data[ipma.start : ipma.start + 8] + entry) + data[ipma.stop :]
    )
    for path, more in (((b"meta",), grown), ((b"meta", b"iprp"), grown), ((b"meta", b"iprp", b"ipco"), len(added))):
        found = old[path]
        assert found is not None
        struct.pack_into(">I", out, found.start - 8, found.stop - found.start + 8 + more)
    iloc = boxes.inside(data, b"meta", b"iloc")
    assert iloc is not None
    assert data[iloc.start : iloc.start + 6] == b"\0\0\0\0\x44\0"
    (items,) = struct.unpack_from(">H", data, iloc.start + 6)
    for item in range(items):
        place = iloc.start + 8 + 14 * item + 6
        (offset,) = struct.unpack_from(">I", data, place)
        struct.pack_into(">I", out, place, offset + grown)
    return bytes(out)


def clap(left: int, top: int, width: int, height: int) -> bytes:
    """The clean aperture with these edges: its center is given relative to the picture's, in halves of a pixel."""
    right, below = 2 * left + width - WIDTH, 2 * top + height - HEIGHT
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 2, below, 2))


def read(tmp_path: Path, data: bytes, suffix: str = ".avif") -> Picture:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(data)
    got = read_picture(path)
    assert read_size(path) == got.size
    return got


def distance(got: Picture, expected: np.ndarray) -> float:
    return float(np.abs(got.pixels.astype(int) - expected).mean()) if got.pixels.shape == expected.shape else np.inf


def test_a_plain_file_has_nothing_to_tell(tmp_path: Path) -> None:
    got = read(tmp_path, avif())
    assert got.notes == ()
    assert distance(got, STORED) < 2


def test_crop_turn_and_mirror_are_applied(tmp_path: Path) -> None:
    part = STORED[5:45, 10:80]
    for properties, expected in (
        ([clap(10, 5, 70, 40)], part),
        ([clap(0, 0, 96, 63)], STORED[:63]),
        ([box(b"irot", b"\1")], np.rot90(STORED)),
        ([box(b"irot", b"\2")], np.rot90(STORED, 2)),
        ([box(b"irot", b"\3")], np.rot90(STORED, 3)),
        ([box(b"imir", b"\0")], STORED[::-1]),
        ([box(b"imir", b"\1")], STORED[:, ::-1]),
        ([clap(10, 5, 70, 40), box(b"irot", b"\1")], np.rot90(part)),
        ([clap(10, 5, 70, 40), box(b"irot", b"\1"), box(b"imir", b"\1")], np.rot90(part)[:, ::-1]),
    ):
        got = read(tmp_path, avif(*properties))
        assert distance(got, expected) < 2, properties
        assert got.notes == ()


@pytest.mark.parametrize(
    "odd",
    [
        box(b"clap", struct.pack(">IIIIiIiI", 97, 1, 40, 1, 0, 1, 0, 1)),
        box(b"clap", struct.pack(">IIIIiIiI", 70, 0, 40, 1, 0, 1, 0, 1)),
        box(b"clap", struct.pack(">IIIIiIiI", 71, 2, 40, 1, 0, 1, 0, 1)),
        box(b"clap", b"short"),
    ],
)
def test_impossible_crops_are_no_crops(odd: bytes) -> None:
    assert heif.properties(avif(odd)).crop is None


def nclx(primaries: int, transfer: int) -> bytes:
    return box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, 6, 0x80))


@pytest.mark.parametrize("code_points", [(1, 13), (2, 2), (1, 1), (12, 2)])
def test_srgb_and_unspecified_colors_have_no_profile(tmp_path: Path, code_points: tuple[int, int]) -> None:
    got = read(tmp_path, avif(nclx(*code_points), drop=b"colr"))
    assert (got.icc, got.notes) == (None, ())


@pytest.mark.parametrize(
    ("code_points", "said"),
    [((9, 16), "BT.2020, HDR (PQ)"), ((12, 18), "Display P3, HDR (HLG)"), ((99, 13), "primaries 99, sRGB")],
)
def test_colors_that_no_profile_describes_are_told(tmp_path: Path, code_points: tuple[int, int], said: str) -> None:
    got = read(tmp_path, avif(nclx(*code_points), drop=b"colr"))
    assert got.icc is None
    assert got.notes == (f"the file declares its colors as {said} without a profile; they are read as sRGB",)


def test_declared_primaries_become_a_profile(tmp_path: Path) -> None:
    """The matrices are those of SMPTE EG 432-1 and IEC 61966-2-1."""
    got = read(tmp_path, avif(nclx(12, 13), drop=b"colr"))
    assert got.notes == ()
    assert got.icc is not None
    converted = pixels_to_srgb(np.full((1, 1, 3), (128, 77, 51), np.uint8), got.icc)
    expected = p3_in_srgb(np.array([128, 77, 51]) / 255)
    assert np.abs(converted[0, 0] - 255 * expected).max() <= 1.5
    linear = read(tmp_path, avif(nclx(1, 8), drop=b"colr")).icc
    assert linear is not None
    assert np.abs(pixels_to_srgb(np.full((1, 1, 3), 55, np.uint8), linear).astype(int) - 128).max() <= 2


def p3_in_srgb(values: np.ndarray) -> np.ndarray:
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0, 0.0451134, 1.0439444]])
    srgb = np.array(
        [[3.2409699, -1.5373832, -0.4986108], [-0.9692436, 1.8759675, 0.0415551], [0.0556301, -0.2039770, 1.0569715]]
    )
    light = srgb @ xyz @ light
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_a_profile_counts_before_code_points(tmp_path: Path) -> None:
    data = avif(icc_profile=SRGB)
    at = data.index(b"nclx") + 4
    got = read(tmp_path, data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :])
    assert got.notes == ()
    assert got.icc == SRGB


@pytest.mark.parametrize("depth", [10, 12])
def test_more_bits_are_told(tmp_path: Path, depth: int) -> None:
    """The depth is that of the decoder's configuration where the file does not list it otherwise."""
    flags = {10: 0x40, 12: 0x60}[depth]
    data = bytearray(avif(drop=b"pixi"))
    assert heif.properties(bytes(data)).bits == 8
    data[data.index(b"av1C") + 6] |= flags
    assert heif.properties(bytes(data)).bits == depth


def test_other_items_of_the_file_are_told() -> None:
    data = avif()
    assert heif.item_notes(data, {}) == ()
    at = data.index(b"av01", data.index(b"infe"))
    gain = "the gain map of an HDR photo was dropped"
    assert heif.item_notes(data[:at] + b"tmap" + data[at + 4 :], {}) == (gain,)
    apple = {"aux": {"urn:com:apple:photo:2020:aux:hdrgainmap": [5]}, "depth_images": [object()]}
    assert heif.item_notes(data, apple) == (gain, "the depth map was dropped")


@pytest.mark.parametrize("long", [False, True])
def test_a_file_that_ends_before_its_last_box_is_told(long: bool) -> None:
    last = struct.pack(">I4sQ", 1, b"free", 1016) if long else struct.pack(">I4s", 1008, b"free")
    whole = avif() + last + bytes(1000)
    assert heif.item_notes(whole, {}) == ()
    for lost in (1, 999, 1000):
        (note,) = heif.item_notes(whole[:-lost], {})
        assert note.startswith("damaged: the file ends early")


def test_broken_boxes_have_no_properties() -> None:
    data = avif(clap(10, 5, 70, 40), nclx(12, 13))
    whole = heif.properties(data)
    assert whole.crop is not None
    for at in range(0, data.index(b"mdat")):
        heif.properties(data[:at])
        for value in (0, 1, 0x7F, 0xFF):
            heif.properties(data[:at] + bytes([value]) + data[at + 1 :])


def test_boxes_that_never_end() -> None:
    assert len(list(boxes.boxes(b"\0\0\0\x08free" * 10_000))) == 4096
    assert list(boxes.boxes(b"\0\0\0\0last" + b"abc")) == [(b"last", 8, 11)]
    assert list(boxes.boxes(b"\0\0\0\1long" + struct.pack(">Q", 19) + b"abc")) == [(b"long", 16, 19)]
    assert list(boxes.boxes(b"\0\0\0\4four")) == []


XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
IPTC_UUID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
RECORDS = b"\x1c\2\x78\0\3cat"


def jp2(colr: bytes = b"", *more: bytes, mode: str = "RGB", **settings: Any) -> bytes:
    """A JPEG 2000 file as Pillow writes it, with another color box, and more boxes before the codestream."""
    buffer = io.BytesIO()
    Image.fromarray(STORED).convert(mode).save(buffer, "JPEG2000", **settings)
    data = buffer.getvalue()
    head, color = boxes.inside(data, b"jp2h"), boxes.inside(data, b"jp2h", b"colr")
    assert head is not None
    assert color is not None
    inner = data[head.start : color.start - 8] + (box(b"colr", colr) if colr else data[color.start - 8 : color.stop])
    inner += data[color.stop : head.stop]
    return data[: head.start - 8] + box(b"jp2h", inner) + b"".join(more) + data[head.stop :]


def test_metadata_of_jpeg_2000_are_kept(tmp_path: Path) -> None:
    packet = xmp_packet('xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jp2"')
    got = read(
        tmp_path,
        jp2(
            b"\2\0\0" + SRGB,
            box(b"uuid", XMP_UUID + packet),
            box(b"uuid", b"JpgTiffExif->JP2" + exif_block(6)),
            box(b"uuid", IPTC_UUID + RECORDS + b"\0"),
        ),
        ".jp2",
    )
    assert (got.icc, got.xmp, got.iptc, got.notes) == (SRGB, packet, RECORDS, ())
    assert got.exif is not None
    assert read_exif(got.exif)[0x0112] == 1
    assert np.array_equal(got.pixels, np.rot90(STORED, -1))
    image = Image.open(io.BytesIO(encode(got, ".png")))
    assert image.info["icc_profile"] == SRGB
    assert read_exif(image.info["exif"])[0x010F] == "Maker"


def test_exif_of_exiftool_and_any_profile(tmp_path: Path) -> None:
    exif = box(b"uuid", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e") + b"Exif\0\0" + exif_block())
    got = read(tmp_path, jp2(b"\3\0\0" + SRGB, exif), ".jp2")
    assert got.icc == SRGB
    assert got.exif == exif_block()


def test_color_spaces_of_jpeg_2000_that_are_not_converted_are_told(tmp_path: Path) -> None:
    got = read(tmp_path, jp2(b"\1\0\0" + struct.pack(">I", 14)), ".jp2")
    assert got.notes == (
        "the colors are in a space that is not supported (number 14 of JPEG 2000); they are read as sRGB",
    )
    assert read(tmp_path, jp2(b"\1\0\0" + struct.pack(">I", 16)), ".jp2").notes == ()
    assert read(tmp_path, jp2(mode="L"), ".jp2").notes == ()
    assert read(tmp_path, jp2(), ".jp2").icc is None


def test_resolution_of_jpeg_2000(tmp_path: Path) -> None:
    res = box(b"res ", box(b"resc", struct.pack(">HHHHBB", 30_000, 254, 30_000, 254, 2, 2)))
    data = jp2()
    head = boxes.inside(data, b"jp2h")
    assert head is not None
    data = data[: head.start - 8] + box(b"jp2h", data[head.start : head.stop] + res) + data[head.stop :]
    density = read(tmp_path, data, ".jp2").density
    assert density == pytest.approx((300, 300))
