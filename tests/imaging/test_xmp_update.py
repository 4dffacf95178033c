"""XMP that stays true: turned upright, resized, alone in its file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from restore.imaging.metadata import xmp, xmp_update
from tests.imaging.samples import XMP, xmp_packet

TIFF, EXIF = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"', 'xmlns:exif="http://ns.adobe.com/exif/1.0/"'
GCAMERA = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
CONTAINER = 'xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'


@pytest.mark.parametrize(
    ("packet", "turn"),
    [
        (xmp_packet(f'{TIFF} tiff:Orientation="8"'), 8),
        (xmp_packet(f"{TIFF.replace('tiff=', 't=')} t:Orientation = '3' "), 3),
        (xmp_packet(TIFF, "<tiff:Orientation>6</tiff:Orientation>"), 6),
        (xmp_packet("", '<Orientation xmlns="http://ns.adobe.com/tiff/1.0/">6</Orientation>'), 6),
        (xmp_packet(f'{TIFF} tiff:Orientation="9"'), 1),
        (xmp_packet('xmlns:a="urn:a" a:Orientation="6"'), 1),
        (xmp_packet(f'{TIFF} tiff:Orientation="8"').decode().encode("utf-16"), 8),
        (xmp_packet(""), 1),
        (b"<a", 1),
    ],
)
def test_orientation(packet: bytes, turn: int) -> None:
    assert xmp_update.orientation(packet) == turn
    upright = xmp_update.upright(packet)
    assert upright.turn == turn
    assert upright.packet is None or xmp_update.orientation(upright.packet) == 1


def test_a_true_packet_stays_byte_for_byte() -> None:
    packet = (
        b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>" + xmp_packet(f'{TIFF} tiff:Orientation="1"') + b" " * 99
    )
    assert xmp_update.upright(packet) == (packet, 1, [])
    assert xmp_update.sized(packet, 3, 4) == packet


def test_broken_packets_are_dropped_with_a_note() -> None:
    packet, _, notes = xmp_update.upright(b"<x><xmp:Thumbnails>")
    assert packet is None
    assert notes[0].startswith("broken XMP data dropped")


def test_thumbnails_go() -> None:
    packet = xmp_update.upright(XMP).packet
    assert packet is not None
    assert b"Thumbnails" not in packet
    assert b"/9j/4AAQ" not in packet
    assert b"Somebody" in packet


def test_sizes() -> None:
    packet = xmp_update.sized(XMP, 333, 444)
    assert b'tiff:ImageWidth="444"' in packet
    assert b"<exif:PixelYDimension>333</exif:PixelYDimension>" in packet
    assert packet.count(b"Somebody") == 1


def test_a_panorama_grows_with_its_picture() -> None:
    numbers = {
        "CroppedAreaImageWidth": 1000,
        "FullPanoWidth": 4000,
        "CroppedAreaImageHeight": 500,
        "FullPanoHeight": 2000,
    }
    written = "".join(f' g:{name}Pixels="{value}"' for name, value in numbers.items())
    given = f'xmlns:g="http://ns.google.com/photos/1.0/panorama/"{written} g:CroppedAreaLeftPixels="1500" g:PoseHeadingDegrees="90"'
    packet = xmp_update.sized(xmp_packet(given), 1000, 2000)
    for name, value in numbers.items():
        assert f'g:{name}Pixels="{2 * value}"'.encode() in packet
    assert b'g:CroppedAreaLeftPixels="3000" g:PoseHeadingDegrees="90"' in packet


MOTION = (
    f'{GCAMERA} GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="64" GCamera:MotionPhotoPresentationTimestampUs="9"'
)
OPPO = 'xmlns:OpCamera="http://ns.oplus.com/photos/1.0/camera/" OpCamera:MotionPhotoOwner="oplus" OpCamera:OLivePhotoVersion="2"'
GAIN = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'


def directory(meaning: str) -> str:
    item = f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="x" Item:Semantic="{meaning}" Item:Length="9"/></rdf:li>'
    return f"<Container:Directory><rdf:Seq>{item}</rdf:Seq></Container:Directory>"


@pytest.mark.parametrize(
    ("attributes", "below", "note"),
    [
        (MOTION, "", "video"),
        (OPPO, "", "video"),
        (GAIN, "", "gain map"),
        (CONTAINER, directory("MotionPhoto"), "video"),
        (CONTAINER, directory("GainMap"), "gain map"),
        (CONTAINER, directory("Depth"), "depth map"),
        (CONTAINER, directory("Primary"), ""),
        (f"{MOTION} {GAIN} {CONTAINER}", directory("GainMap"), "video"),
    ],
)
def test_what_describes_other_items_of_the_file_goes(attributes: str, below: str, note: str) -> None:
    kept = ' xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"'
    packet, _, notes = xmp_update.upright(xmp_packet(attributes + kept, below))
    assert packet is not None
    gone = ("MotionPhoto", "MicroVideo", "hdrgm", "Container", "Item", "OLive")
    assert not [word for word in gone if word.encode() in packet]
    assert b"image/jpeg" in packet
    assert note in "; ".join(notes)
    assert bool(note) == bool(notes)
    xmp.parse(packet)


MWG, AREA = "http://www.metadataworkinggroup.com/schemas/regions/", "http://ns.adobe.com/xmp/sType/Area#"
DIMENSIONS, PEOPLE = "http://ns.adobe.com/xap/1.0/sType/Dimensions#", "http://ns.microsoft.com/photo/1.2/t/Region#"
# Of a picture of 40 x 20 pixels: a face whose center is at (8, 5), 4 wide and 8 high.
FACE_AS_ATTRIBUTES = (
    '<mwg-rs:Area stArea:x="0.2" stArea:y="0.25" stArea:w="0.1" stArea:h="0.4" stArea:unit="normalized"/>'
)
FACE_AS_ELEMENTS = (
    '<mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.2</stArea:x><stArea:y>0.25</stArea:y>'
    "<stArea:w>0.1</stArea:w><stArea:h>0.4</stArea:h></mwg-rs:Area>"
)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("face", [FACE_AS_ATTRIBUTES, FACE_AS_ELEMENTS])
def test_faces_turn_and_grow_with_the_picture(turn: int, face: str) -> None:
    """By turning a picture in which the face is painted."""
    applied = '<mwg-rs:AppliedToDimensions stDim:w="40" stDim:h="20" stDim:unit="pixel"/>'
    below = f'<mwg-rs:Regions rdf:parseType="Resource">{applied}{face}</mwg-rs:Regions>'
    below += f'<p:Rectangle xmlns:p="{PEOPLE}">0.15, 0.05, 0.1, 0.4</p:Rectangle>'
    declared = f'xmlns:mwg-rs="{MWG}" xmlns:stArea="{AREA}" xmlns:stDim="{DIMENSIONS}"'
    painted = np.zeros((20, 40), np.uint8)
    painted[1:9, 6:10] = 255
    upright = np.asarray(ImageOps.exif_transpose(with_orientation(painted, turn)))
    rows, columns = (np.flatnonzero(upright.any(axis)) for axis in (1, 0))
    height, width = upright.shape
    packet = xmp_update.upright(xmp_packet(declared, below), turn).packet
    assert packet is not None
    tree = xmp.parse(packet)
    x, y, w, h = (float(tree.values((AREA, name))[0]) for name in "xywh")
    found = (x - w / 2, y - h / 2, w, h)
    expected = (columns[0] / width, rows[0] / height, len(columns) / width, len(rows) / height)
    assert found == pytest.approx(expected)
    assert [float(v) for v in tree.values((PEOPLE, "Rectangle"))[0].split(",")] == pytest.approx(expected)
    assert [tree.values((DIMENSIONS, name)) for name in "wh"] == [[str(width)], [str(height)]]
    larger = xmp.parse(xmp_update.sized(packet, 2 * height, 2 * width))
    assert [larger.values((DIMENSIONS, name)) for name in "wh"] == [[str(2 * width)], [str(2 * height)]]


def with_orientation(pixels: np.ndarray, turn: int) -> Image.Image:
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = turn
    return image


@pytest.mark.parametrize("odd", ["", "nan", "1e999", "5", "left"])
def test_odd_regions_stay_as_they_are(odd: str) -> None:
    below = f'<a:Area xmlns:a="urn:a" xmlns:stArea="{AREA}" stArea:x="{odd}" stArea:y="0.2"/>'
    below += f'<p:Rectangle xmlns:p="{PEOPLE}">{odd}, 0, 1, 1</p:Rectangle>'
    packet = xmp_packet("", below)
    assert xmp_update.upright(packet, 6).packet == packet
