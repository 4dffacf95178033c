"""Gain maps of Ultra HDR photos stay, turned with their picture, where viewers look for them."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.MpoImagePlugin import MpoImageFile

from restore.imaging.decode import decode_picture
from restore.imaging.encode import encode, lost
from restore.imaging.metadata import exif as exif_metadata
from restore.imaging.metadata import xmp
from restore.imaging.picture import Picture
from restore.imaging.resize import resize
from restore.imaging.upright import upright
from tests.conftest import picture
from tests.imaging.samples import exif_block, xmp_packet
from tests.imaging.test_jpeg import jpeg, mpf, segment

PATH = Path("x.jpg")
NOTE = "the gain map of an HDR photo was dropped"
ISO = b"urn:iso:std:iso:ts:21496:-1\0"
# One channel, base offset 1/64: version 0, flags, headrooms 1 and 2, gain 0..1, gamma 1 (ISO 21496-1, annex C).
_NUMBERS = struct.pack(">14I", *(0, 1, 1, 1), *(0, 1, 1, 1, 1, 1), *(1, 64, 1, 64))
ISO_PARAMETERS = segment(0xE2, ISO + struct.pack(">HHB", 0, 0, 0x40) + _NUMBERS)
HDRGM = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
PARAMETERS = f'{HDRGM} hdrgm:GainMapMax="1" hdrgm:HDRCapacityMax="1" xmlns:exif="urn:e" exif:GPSLatitude="48,51.5N"'
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
XMP_PARAMETERS = segment(0xE1, XMP_HEADER + xmp_packet(PARAMETERS))
MAP = np.asarray(Image.fromarray(picture(16, 12)).convert("L"))


def map_file(*segments: bytes, pixels: np.ndarray = MAP) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100)
    return b"\xff\xd8" + b"".join(segments) + buffer.getvalue()[2:]


def photo(second: bytes, turn: int = 1, attributes: str = HDRGM) -> bytes:
    """A file with a second picture: XMP, EXIF, and a directory of the pictures."""
    segments = [segment(0xE1, b"Exif\0\0" + exif_block(turn)), segment(0xE1, XMP_HEADER + xmp_packet(attributes))]
    first = jpeg(*segments, mpf(0))
    base = first.index(b"MPF\0") + 4
    return jpeg(*segments, mpf(0, offset=len(first) - base, size=len(second)), behind=second)


def second_in(data: bytes) -> Image.Image:
    """The second picture as Pillow finds it; for what its usual function takes for Ultra HDR, it gives the first alone."""
    image = MpoImageFile(io.BytesIO(data))
    assert image.n_frames == 2
    image.seek(1)
    image.load()
    return image


def twice(read: Picture) -> Picture:
    return replace(read, pixels=resize(read.pixels, 2))


@pytest.mark.parametrize("parameters", [ISO_PARAMETERS, XMP_PARAMETERS, ISO_PARAMETERS + XMP_PARAMETERS])
def test_it_stays_and_is_found(parameters: bytes) -> None:
    read = decode_picture(photo(map_file(parameters)), PATH)
    assert read.notes == lost(read, ".jpg") == ()
    data = encode(twice(read), ".jpg")
    np.testing.assert_allclose(np.asarray(second_in(data)).astype(int), MAP, atol=2)
    assert data.endswith(read.gain_map or b"none")
    again = decode_picture(data, PATH)
    assert again.gain_map == read.gain_map
    assert again.size == tuple(2 * side for side in read.size)
    assert (ISO + bytes(4) in data) == (parameters != XMP_PARAMETERS)


def test_xmp_announces_it_with_its_length() -> None:
    read = decode_picture(photo(map_file(XMP_PARAMETERS)), PATH)
    assert read.gain_map is not None
    assert b"hdr-gain-map" not in (read.xmp or b"")
    data = encode(read, ".jpg")
    packet = xmp.parse(data[data.index(XMP_HEADER) + len(XMP_HEADER) : data.index(b'<?xpacket end="w"?>')])
    item = "http://ns.google.com/photos/1.0/container/item/"
    assert packet.values((item, "Semantic")) == ["Primary", "GainMap"]
    assert packet.values((item, "Length")) == [str(len(read.gain_map))]
    assert packet.values(("http://ns.adobe.com/hdr-gain-map/1.0/", "Version")) == ["1.0"]
    iso = encode(decode_picture(photo(map_file(ISO_PARAMETERS)), PATH), ".jpg")
    assert b"Container" not in iso  # nothing to announce in XMP


@pytest.mark.parametrize("turn", range(1, 9))
def test_it_turns_with_its_picture(turn: int) -> None:
    read = decode_picture(photo(map_file(ISO_PARAMETERS), turn), PATH)
    found = np.asarray(second_in(encode(read, ".jpg")))
    assert np.abs(found.astype(int) - upright(MAP, turn)).max() <= 12
    assert read.notes == ()


def test_its_own_metadata_go_but_for_its_parameters() -> None:
    """Whatever --strip and --strip-gps remove from the picture must not be left in the map."""
    place = segment(0xE1, b"Exif\0\0" + exif_block()) + segment(0xFE, b"48.8583, 2.2945")
    read = decode_picture(photo(map_file(XMP_PARAMETERS, place)), PATH)
    stripped = encode(exif_metadata.strip(read), ".jpg")
    second = stripped[stripped.index(b"\xff\xd9\xff\xd8") + 2 :]
    assert b"GainMapMax" in second
    assert not re.search(b"GPS|Exif|48.8583|Maker", stripped)


def test_other_formats_cannot_hold_it() -> None:
    read = decode_picture(photo(map_file(ISO_PARAMETERS)), PATH)
    for suffix in (".png", ".webp", ".tif"):
        assert "gain map (HDR)" in lost(read, suffix)
        assert b"21496" not in bytes(encode(read, suffix))


@pytest.mark.parametrize(
    "second",
    [
        map_file(
            segment(0xE1, XMP_HEADER + xmp_packet('xmlns:a="http://ns.apple.com/hdrgainmap/1.0/" a:Headroom="1"'))
        ),
        map_file(ISO_PARAMETERS, pixels=np.zeros((500, 500), np.uint8)),  # larger than its picture
        map_file(ISO_PARAMETERS)[:120],
        b"\xff\xd8" + ISO_PARAMETERS + b"\xff\xda\0\2",
    ],
)
def test_what_cannot_be_kept_is_told(second: bytes) -> None:
    read = decode_picture(photo(second), PATH)
    assert (read.gain_map, read.notes) == (None, (NOTE,))
    assert b"MPF\0" not in encode(read, ".jpg")


def test_an_announced_map_that_is_not_there_is_told() -> None:
    assert decode_picture(jpeg(segment(0xE1, XMP_HEADER + xmp_packet(HDRGM))), PATH).notes == (NOTE,)


@pytest.mark.parametrize("parameters", [ISO_PARAMETERS, XMP_PARAMETERS])
def test_libultrahdr_decodes_it(parameters: bytes) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    read = decode_picture(photo(map_file(parameters)), PATH)
    hdr = imagecodecs.ultrahdr_decode(encode(twice(read), ".jpg"))
    assert hdr.shape[:2] == twice(read).size
    linear = np.where((v := twice(read).pixels / 255.0) <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    assert float(np.median(hdr[..., :3] / np.maximum(linear, 1e-3))) > 1.1  # brighter than the picture alone
