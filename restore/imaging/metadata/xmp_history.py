"""Record in XMP what was done to a picture (xmpMM:History, ISO 16684-1, 8.4: a list of resource events)."""

from __future__ import annotations

from restore.imaging.metadata import xmp
from restore.imaging.metadata.xmp import META, RDF, Element, Packet

_MANAGEMENT = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_HISTORY = (_MANAGEMENT, "History")
_PREFIXES = {META: "x", RDF: "rdf", _MANAGEMENT: "xmpMM", _EVENT: "stEvt"}


def with_event(packet: bytes | None, agent: str, parameters: str) -> bytes:
    """Append an event to a picture's history.

    The event has no time, so that the same picture, model and options always give the same file.

    Args:
        packet: the picture's XMP; None if it has none. One that cannot be parsed is replaced.
        agent: the program and its version.
        parameters: what it did.
    """
    tree = xmp.parsed_or_new(packet)
    event = Element((RDF, "li"), [((RDF, "parseType"), "Resource")])
    for name, value in (("action", "edited"), ("softwareAgent", agent), ("parameters", parameters)):
        field = Element((_EVENT, name), [])
        field.children.append(value)
        event.children.append(field)
    _events(tree).children.append(event)
    tree.prefixes = {**_PREFIXES, **tree.prefixes}
    return xmp.write(tree)


def _events(tree: Packet) -> Element:
    """The list of events; created if the packet has none."""
    for description in tree.descriptions:
        for history in description.elements:
            if history.name == _HISTORY:
                lists = [element for element in history.elements if element.name == (RDF, "Seq")]
                return lists[0] if lists else history.add((RDF, "Seq"))
    return tree.add_description().add(_HISTORY).add((RDF, "Seq"))
