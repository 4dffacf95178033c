"""What was done to a picture is appended to its history."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from PIL import Image

from restore.cli.main import main
from restore.imaging.decode import read_picture
from restore.imaging.metadata.xmp import META, RDF
from restore.imaging.metadata.xmp_history import with_event
from tests.conftest import picture, save
from tests.imaging.samples import XMP

NAMES = {
    "x": META,
    "rdf": RDF,
    "mm": "http://ns.adobe.com/xap/1.0/mm/",
    "event": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
}


def events(packet: bytes) -> list[dict[str, str]]:
    """The history as the standard library's parser sees it."""
    tree = ElementTree.fromstring(packet)
    (found,) = tree.findall("rdf:RDF/rdf:Description/mm:History/rdf:Seq", NAMES)
    return [{field.tag.partition("}")[2]: field.text or "" for field in event} for event in found]


def test_events_come_one_after_another() -> None:
    once = with_event(None, "restore 1", "model a & b <c>")
    twice = with_event(once, "restore 2", "model d")
    first = {"action": "edited", "softwareAgent": "restore 1", "parameters": "model a & b <c>"}
    assert events(once) == [first]
    assert events(twice) == [first, {"action": "edited", "softwareAgent": "restore 2", "parameters": "model d"}]
    assert once == with_event(None, "restore 1", "model a & b <c>"), "no time in it"


def test_a_packet_keeps_what_it_says() -> None:
    made = with_event(XMP, "restore 1", "x")
    before, after = (
        {(e.tag, e.text, *sorted(e.attrib.items())) for e in ElementTree.fromstring(p).iter()} for p in (XMP, made)
    )
    assert before <= after
    assert len(events(made)) == 1


@pytest.mark.parametrize("packet", [b"", b"<broken", b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'])
def test_an_empty_or_broken_packet_is_replaced(packet: bytes) -> None:
    assert [event["parameters"] for event in events(with_event(packet, "restore 1", "x"))] == ["x"]


def test_a_history_that_is_no_list_gets_one() -> None:
    empty = with_event(None, "a", "b").replace(b"<rdf:Seq>", b"<rdf:Nothing>").replace(b"</rdf:Seq>", b"</rdf:Nothing>")
    assert [event["parameters"] for event in events(with_event(empty, "restore 1", "x"))] == ["x"]


def enhance(*arguments: object) -> list[dict]:
    result = CliRunner().invoke(
        main, ["enhance", *map(str, arguments), "--json", "--device", "cpu", "--precision", "fp32"]
    )
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_on_the_command_line(suffix: str, tmp_path: Path) -> None:
    source, out = tmp_path / f"in/a{suffix}", tmp_path / f"out/a{suffix}"
    save(source, picture(20, 30))
    summary = enhance(source.parent, out.parent, "--history", "--strip", "--model", "backlit", "--strength", 0.5)[-1]
    xmp = read_picture(out).xmp
    assert xmp is not None
    (event,) = events(xmp)
    assert event["softwareAgent"] == f"restore {summary['versions']['restore']}"
    assert event["parameters"] == f"model backlit (fp32), SHA-256 {summary['model_digest']}, strength 0.5"
    again = enhance(source.parent, out.parent, "--strip", "--model", "backlit", "--strength", 0.5, "--resume")
    assert again[0]["status"] == "enhanced", "without a history it is another file"
    assert read_picture(out).xmp is None


def test_what_is_copied_has_no_history(tmp_path: Path) -> None:
    source = save(tmp_path / "in/a.png", picture(20, 30))
    enhance(source.parent, tmp_path / "out", "--history", "--min-side", 10)
    assert "xmp" not in Image.open(tmp_path / "out/a.png").info
