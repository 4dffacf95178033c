"""XMP packets (ISO 16684-1) as trees: a hardened parser and a writer.

Packets are untrusted. Expat parses them without document types and entities, the usual ways to make a small document
large or to hide text in it; size, depth and the number of nodes are bounded, and nothing recurses. Comments and
processing instructions are not read, so they do not survive rewriting.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

# Namespace and local name.
Name = tuple[str, str]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
META = "adobe:ns:meta/"
XML = "http://www.w3.org/XML/1998/namespace"
# The extended packets of phones hold pictures; Photoshop's list of ancestors grows to tens of thousands of entries.
_MOST_BYTES, _MOST_NODES, _DEEPEST = 2**26, 100_000, 64
_SEPARATOR = "\n"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_BOMS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_BEGIN, _END = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', '\n<?xpacket end="w"?>'
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTES = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})


class BrokenPacketError(ValueError):
    """The packet is not well-formed XML, not XMP, or larger than any true one."""


class Element:
    """An element: its name, attributes in order, and children, each an element or text."""

    __slots__ = ("attributes", "children", "name")

    def __init__(self, name: Name, attributes: list[tuple[Name, str]]) -> None:
        """An element without children."""
        self.name = name
        self.attributes = attributes
        self.children: list[Element | str] = []

    @property
    def elements(self) -> list[Element]:
        """The children that are elements."""
        return [child for child in self.children if isinstance(child, Element)]

    @property
    def text(self) -> str:
        """The text directly inside."""
        return "".join(child for child in self.children if isinstance(child, str))

    def add(self, name: Name) -> Element:
        """Append an empty element."""
        child = Element(name, [])
        self.children.append(child)
        return child


class Packet:
    """A parsed packet: its outermost element, and the prefix that its writer chose for each namespace."""

    def __init__(self, root: Element, prefixes: dict[str, str]) -> None:
        """A packet of a tree."""
        self.root = root
        self.prefixes = prefixes

    def __iter__(self) -> Iterator[Element]:
        """All elements, each before its children."""
        waiting = [self.root]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += reversed(element.elements)

    @property
    def descriptions(self) -> list[Element]:
        """The elements that hold the packet's properties, as attributes and as children."""
        tops = [self.root] if self.root.name == (RDF, "RDF") else self.root.elements
        found = [below for top in tops if top.name == (RDF, "RDF") for below in top.elements]
        return [element for element in found if element.name == (RDF, "Description")]

    def add_description(self) -> Element:
        """Append an empty description, in which further properties can be put."""
        found = (element for element in self if element.name == (RDF, "RDF"))
        top = next(found, None) or self.root.add((RDF, "RDF"))
        description = top.add((RDF, "Description"))
        description.attributes.append(((RDF, "about"), ""))
        return description

    def remove(self, unwanted: Callable[[Name], bool]) -> set[Name]:
        """Remove properties and fields at any depth; returns the names of those removed."""
        removed: set[Name] = set()
        for element in self:
            names = {*(name for name, _ in element.attributes), *(child.name for child in element.elements)}
            if gone := set(filter(unwanted, names)):
                removed |= gone
                element.attributes = [(name, value) for name, value in element.attributes if name not in gone]
                element.children = [c for c in element.children if isinstance(c, str) or c.name not in gone]
        return removed

    def values(self, name: Name) -> list[str]:
        """The values of a simple property or field, wherever it occurs."""
        found = [value for element in self for key, value in element.attributes if key == name]
        return found + [element.text for element in self if element.name == name and not element.elements]

    def change(self, name: Name, new: Callable[[str], str]) -> bool:
        """Replace the values of a simple property or field, wherever it occurs; returns whether any changed."""
        changed = False
        for element in self:
            if element.name == name and not element.elements:
                before = element.text
                element.children = [new(before)]
                changed |= new(before) != before
            for place, (key, value) in enumerate(element.attributes):
                if key == name:
                    element.attributes[place] = key, new(value)
                    changed |= new(value) != value
        return changed


def parsed_or_new(packet: bytes | None) -> Packet:
    """A packet to add to: an empty one if there is none, or one that cannot be parsed."""
    if packet is not None:
        try:
            return parse(packet)
        except BrokenPacketError:
            pass
    return Packet(Element((META, "xmpmeta"), []), {META: "x", RDF: "rdf"})


def parse(packet: bytes) -> Packet:
    """Parse a packet.

    Args:
        packet: in UTF-8, UTF-16 or UTF-32; what surrounds the markup, such as padding, is ignored.

    Raises:
        BrokenPacketError: it is not well-formed, has a document type, or exceeds a bound.
    """
    from xml.parsers import expat

    text = _decoded(packet)
    parser = expat.ParserCreate("utf-8", _SEPARATOR)
    parser.namespace_prefixes = parser.ordered_attributes = parser.buffer_text = True
    prefixes: dict[str, str] = {}
    top = Element(("", ""), [])
    path, left = [top], _MOST_NODES

    def name_of(joined: str) -> Name:
        parts = joined.split(_SEPARATOR)
        if len(parts) == 1:
            return "", joined
        if parts[0] not in prefixes:
            prefixes[parts[0]] = parts[2] if len(parts) == 3 else ""
        return parts[0], parts[1]

    def start(name: str, attributes: list[str]) -> None:
        nonlocal left
        left -= 1 + len(attributes) // 2
        if left < 0 or len(path) > _DEEPEST:
            raise BrokenPacketError("more or deeper elements than XMP has")
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        element = Element(name_of(name), [(name_of(key), value) for key, value in pairs])
        path[-1].children.append(element)
        path.append(element)

    def refuse(*_: object) -> None:
        raise BrokenPacketError("it has a document type")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: path.pop()
    parser.CharacterDataHandler = lambda data: path[-1].children.append(data)
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise BrokenPacketError(str(error)) from error
    root = top.elements[0]
    if root.name not in ((META, "xmpmeta"), (META, "xapmeta"), (RDF, "RDF")):
        raise BrokenPacketError(f"it begins with {root.name[1]}")
    return Packet(root, prefixes)


def _decoded(packet: bytes) -> bytes:
    if len(packet) > _MOST_BYTES:
        raise BrokenPacketError(f"{len(packet) / 1e6:.0f} MB")
    packet = packet.lstrip(b" \t\r\n")
    encoding = next((name for bom, name in _BOMS.items() if packet.startswith(bom)), "utf-8")
    try:
        text = packet.decode(encoding)
    except UnicodeDecodeError as error:
        raise BrokenPacketError(str(error)) from error
    begin = text.find("<")
    return text[max(begin, 0) : text.rfind(">") + 1].encode("utf-8", "surrogatepass")


def write(packet: Packet) -> bytes:
    """The packet in UTF-8, in its wrapper; all namespaces are declared in the outermost element."""
    prefixes = _prefixes(packet)

    def tag(name: Name) -> str:
        uri, local = name
        return f"{prefixes[uri]}:{local}" if uri else local

    declared = [f' xmlns:{prefix}="{uri.translate(_IN_ATTRIBUTES)}"' for uri, prefix in prefixes.items() if uri != XML]
    out = [_BEGIN]
    waiting: list[Element | str] = [packet.root]  # text that is waiting is markup already
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            out.append(node)
            continue
        out += ["<", tag(node.name), *(declared if node is packet.root else ())]
        out += [f' {tag(name)}="{value.translate(_IN_ATTRIBUTES)}"' for name, value in node.attributes]
        if node.children:
            out.append(">")
            waiting.append(f"</{tag(node.name)}>")
            waiting += [c if isinstance(c, Element) else c.translate(_IN_TEXT) for c in reversed(node.children)]
        else:
            out.append("/>")
    return "".join([*out, _END]).encode()


def _prefixes(packet: Packet) -> dict[str, str]:
    """A prefix of its own for each namespace in use: its writer's, unless that is taken."""
    used = dict.fromkeys(name[0] for e in packet for name in (e.name, *(key for key, _ in e.attributes)) if name[0])
    chosen = {XML: "xml"}
    taken = {"xml", ""}
    for number, uri in enumerate(used):
        if uri == XML:
            continue
        prefix = packet.prefixes.get(uri, "")
        if prefix in taken:
            prefix = f"{prefix or 'ns'}_{number}"
        chosen[uri] = prefix
        taken.add(prefix)
    return chosen
