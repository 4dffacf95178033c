"""XMP packets as trees: what is refused, and that writing loses nothing."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restore.imaging.metadata import xmp
from tests.imaging.samples import XMP, xmp_packet

DC = "http://purl.org/dc/elements/1.1/"


def test_what_is_written_reads_as_before() -> None:
    packet = xmp_packet(
        'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="a&amp;&quot;&#10;b"',
        "<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>1 &lt; 2 &amp; ü&#13;</rdf:li></rdf:Alt></dc:title>",
    )
    tree = xmp.parse(packet)
    again = xmp.parse(xmp.write(tree))
    for one in (tree, again):
        assert one.values((DC, "format")) == ['a&"\nb']
        assert one.values((xmp.RDF, "li")) == ["1 < 2 & ü\r"]
        assert [e.attributes for e in one if e.name[1] == "li"] == [[((xmp.XML, "lang"), "x-default")]]
    assert xmp.write(again) == xmp.write(tree)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(encoding: str) -> None:
    packet = xmp_packet('xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="Müller"').decode()
    assert xmp.parse(packet.encode(encoding)).values((DC, "format")) == ["Müller"]


def test_the_same_prefix_for_two_namespaces() -> None:
    packet = xmp_packet("", '<a:one xmlns:a="urn:1">1</a:one><a:two xmlns:a="urn:2">2</a:two><b xmlns="urn:3">3</b>')
    again = xmp.parse(xmp.write(xmp.parse(packet)))
    assert [again.values(n) for n in (("urn:1", "one"), ("urn:2", "two"), ("urn:3", "b"))] == [["1"], ["2"], ["3"]]


def test_padding_around_the_markup_is_ignored() -> None:
    packet = b"\xef\xbb\xbf \n\0" + XMP + b"\n  <?xpacket end='w'?>\n" + b"\0" * 9
    assert len(list(xmp.parse(packet))) == len(list(xmp.parse(XMP)))


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"<x/>",
        b"no markup",
        BOMB + XMP.replace(b"Somebody", b"&b;"),
        b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>" + XMP,
        XMP.replace(b"Somebody", b"&undefined;"),
        XMP.replace(b"</rdf:RDF>", b""),
        XMP.replace(b'xmlns:dc="http://purl.org/dc/elements/1.1/"', b""),
        XMP.replace(b"Somebody", b"\xff\xfe"),
        xmp_packet("", "<a>" * 100 + "</a>" * 100),
        xmp_packet("", "<a/>" * 101_000),
    ],
)
def test_what_is_refused(packet: bytes) -> None:
    with pytest.raises(xmp.BrokenPacketError):
        xmp.parse(packet)


PIECES = [
    b"a",
    b" ",
    b"<",
    b"<a>",
    b"<a/>",
    b"<a a='",
    b" a:b='1'",
    b"&#1",
    b"&amp;",
    b"<!--",
    b"<?x",
    b"<![CDATA[",
    b"\0",
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("where", ["", "in the tag", "inside"])
def test_no_packet_takes_long(piece: bytes, where: str) -> None:
    many = piece * (400_000 // len(piece))
    packet = {
        "": many,
        "in the tag": XMP.replace(b"<rdf:Description", b"<rdf:Description " + many),
        "inside": XMP.replace(b"Somebody", many),
    }[where]
    began = time.process_time()
    with suppress(xmp.BrokenPacketError):
        xmp.write(xmp.parse(packet))
    assert time.process_time() - began < 20, "what is quadratic takes minutes"


@given(st.binary(max_size=40), st.integers(0, len(XMP)))
def test_any_damage_is_refused_or_read(junk: bytes, at: int) -> None:
    try:
        tree = xmp.parse(XMP[:at] + junk + XMP[at + len(junk) :])
    except xmp.BrokenPacketError:
        return
    assert xmp.write(xmp.parse(xmp.write(tree))) == xmp.write(tree)
