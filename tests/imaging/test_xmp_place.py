"""XMP without the place: nothing that tells it stays, whoever wrote it and however, and the rest does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restore.imaging.metadata import xmp
from restore.imaging.metadata.xmp_place import reads_as_coordinates, without_place
from tests.imaging.samples import xmp_packet

STAYS = 'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"'
NAMESPACES = [
    "http://www.dji.com/drone-dji/1.0/",
    "http://www.parrot.com/drone-parrot/1.0/",
    "http://pix4d.com/camera/1.0",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/panorama/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.apple.com/faceinfo/1.0/",
    "http://ns.samsung.com/photos/1.0/",
    "http://ns.microsoft.com/photo/1.2/t/Region#",
    "http://ns.adobe.com/exif/1.0/",
    "http://ns.adobe.com/xap/1.0/mm/",
    "http://ns.adobe.com/exif/1.0/aux/",
    "http://ns.useplus.org/ldf/xmp/1.0/",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "http://ns.adobe.com/photoshop/1.0/",
    "urn:nobody's",
]
NAMES = ["GpsLatitude", "GPSLongtitude", "AbsoluteAltitude", "gpsAltitude", "LocationShown", "City", "CountryCode"]
NAMES += ["GPSCoordinates", "LicensorCity", "PoseLatitude"]


def in_any_case(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.upper(), name.lower(), name.swapcase(), name[0].swapcase() + name[1:]])


@given(
    st.sampled_from(NAMESPACES),
    st.sampled_from(NAMES).flatmap(in_any_case),
    st.sampled_from(["", "dc2", "exif", "drone-dji", "GPS", "ü"]),
    st.sampled_from(["attribute", "element", "struct", "list", "nested"]),
)
def test_no_makers_place_stays(uri: str, name: str, prefix: str, form: str) -> None:
    declared = f"xmlns{':' * bool(prefix)}{prefix}={uri!r}"
    full = f"{prefix}{':' * bool(prefix)}{name}"
    value = "SECRET"
    written = {
        "attribute": (f'{declared} {full}="{value}"', ""),
        "element": ("", f"<{full} {declared}>{value}</{full}>"),
        "struct": ("", f'<{full} {declared} rdf:parseType="Resource"><{full}>{value}</{full}></{full}>'),
        "list": ("", f"<{full} {declared}><rdf:Bag><rdf:li>{value}</rdf:li></rdf:Bag></{full}>"),
        "nested": ("", f'<dc:source><rdf:Description {declared} {full if prefix else "a"}="{value}"/></dc:source>'),
    }[form]
    packet = xmp_packet(f"{STAYS} {written[0]}", written[1])
    xmp.parse(packet)
    left = without_place(packet)
    assert left is not None
    assert b"SECRET" not in left
    assert name.encode() not in left
    assert xmp.parse(left).values(("http://purl.org/dc/elements/1.1/", "format")) == ["image/jpeg"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- SECRET -->",
        "<?SECRET SECRET?>",
        "SECRET",
        "<![CDATA[SECRET]]>",
        "<GPSLatitude>SECRET</GPSLatitude>",
        "<dc:coverage>SECRET</dc:coverage>",
        "<dc:source>SECRET<dc:rights>mine</dc:rights></dc:source>",
        "<dc:title><rdf:Alt>SECRET<rdf:li>T</rdf:li></rdf:Alt></dc:title>",
        "<dc:title><rdf:Alt><rdf:li SECRET='1'>T</rdf:li></rdf:Alt></dc:title>",
        "<dc:title geo='SECRET'>T</dc:title>",
    ],
)
def test_nothing_is_hidden_between_the_properties(hidden: str) -> None:
    for packet in (xmp_packet(STAYS, hidden), xmp_packet(STAYS) + hidden.encode(), hidden.encode() + xmp_packet(STAYS)):
        left = without_place(packet)
        assert left is None or b"SECRET" not in left
    left = without_place(xmp_packet(STAYS, hidden))
    assert left is not None
    assert b"image/jpeg" in left


def test_document_types_and_what_the_packet_is_about() -> None:
    packet = xmp_packet(STAYS)
    assert without_place(b"<!DOCTYPE x [<!ENTITY a 'SECRET'>]>" + packet) is None
    left = without_place(packet.replace(b'rdf:about=""', b'rdf:about="SECRET"'))
    assert left is not None
    assert b"SECRET" not in left


@pytest.mark.parametrize(
    "text",
    [
        "48.8583, 2.2945",
        "geo:lat=48.8583",
        "48°51'29\"N",
        "at 48.85830N 2.29450E",
        "N 48° 51.5'",
        "-33.8688 151.2093",
        "48.8583° N",
    ],
)
def test_texts_that_read_as_coordinates(text: str) -> None:
    assert reads_as_coordinates(text)
    escaped = text.replace('"', "&quot;")
    left = without_place(
        xmp_packet(
            f'{STAYS} dc:source="{escaped}"',
            f"<dc:subject><rdf:Bag><rdf:li>{escaped}</rdf:li><rdf:li>kept</rdf:li></rdf:Bag></dc:subject>",
        )
    )
    assert left is not None
    assert xmp.parse(left).values((xmp.RDF, "li")) == ["kept"]
    assert not xmp.parse(left).values(("http://purl.org/dc/elements/1.1/", "source"))


@pytest.mark.parametrize(
    "text", ["f/2.8, 1/250", "Nikon 24.0-70.0 mm f/2.8", "30° shadow", "10.5, 3.25", "v1.234, 5 MB", "20 °C"]
)
def test_texts_that_do_not(text: str) -> None:
    assert not reads_as_coordinates(text)


KEPT = """xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 photoshop:Headline="Hi" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Model="X" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 exif:FNumber="28/10" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" aux:Lens="50 mm"
 xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:ToneCurvePV2012="0.1234, 0.5678"
 xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmpMM:DocumentID="xmp.did:1"
 xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" plus:MinorModelAgeDisclosure="AG-A18"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" core:AltTextAccessibility="A cat"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmpRights:Marked="True" """
KEPT_BELOW = """<lr:hierarchicalSubject><rdf:Bag><rdf:li>animal|cat</rdf:li></rdf:Bag></lr:hierarchicalSubject>
<xmpMM:History><rdf:Seq><rdf:li xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" stEvt:action="saved"/></rdf:Seq>
</xmpMM:History><core:CreatorContactInfo rdf:parseType="Resource"><core:CiEmailWork>a@b.c</core:CiEmailWork>
<core:CiAdrCity>Berlin</core:CiAdrCity></core:CreatorContactInfo>"""


def test_what_photographers_need_stays() -> None:
    left = without_place(xmp_packet(KEPT, KEPT_BELOW))
    assert left is not None
    tree = xmp.parse(left)
    values = [v for element in tree for _, v in element.attributes]
    assert {"5", "Hi", "X", "28/10", "50 mm", "0.1234, 0.5678", "xmp.did:1", "AG-A18", "A cat", "True"} <= set(values)
    assert "saved" in values
    assert tree.values((xmp.RDF, "li"))[0] == "animal|cat"
    assert b"a@b.c" in left
    assert b"Berlin" not in left


def test_packets_that_cannot_be_parsed_are_dropped() -> None:
    assert without_place(b"<x><exif:GPSLatitude>48,51N") is None
    assert without_place(xmp_packet(STAYS)[:-20]) is None
    assert without_place(xmp_packet("")) is None
