"""Regions of a picture, such as faces, in XMP: turned with it (MWG Guidelines 2.0, 5.9; Microsoft's People Tagging)."""

from __future__ import annotations

from restore.imaging.metadata.xmp import Element, Name, Packet

_AREA = "http://ns.adobe.com/xmp/sType/Area#"
_DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_APPLIED_TO = ("http://www.metadataworkinggroup.com/schemas/regions/", "AppliedToDimensions")
_RECTANGLE = ("http://ns.microsoft.com/photo/1.2/t/Region#", "Rectangle")


def turned(tree: Packet, turn: int) -> bool:
    """Turn the regions of a picture by its orientation, 1..8; returns whether there were any to turn."""
    changed = False
    for element in tree if turn != 1 else ():
        area = {name: _number(_field(element, (_AREA, name))) for name in ("x", "y", "w", "h")}
        if area["x"] is not None and area["y"] is not None:
            sides = area["w"] or 0.0, area["h"] or 0.0
            x, y, width, height = _turned(area["x"], area["y"], *sides, turn)
            for name, value in (("x", x), ("y", y), ("w", width), ("h", height)):
                _set_field(element, (_AREA, name), f"{value:.6g}")
            changed = True
        if element.name == _APPLIED_TO and turn >= 5:
            width_, height_ = (_field(element, (_DIMENSIONS, name)) for name in ("w", "h"))
            if width_ is not None and height_ is not None:
                _set_field(element, (_DIMENSIONS, "w"), height_)
                _set_field(element, (_DIMENSIONS, "h"), width_)
                changed = True
    return tree.change(_RECTANGLE, lambda value: _turned_rectangle(value, turn)) or changed


def sized(tree: Packet, height: int, width: int) -> bool:
    """Set the size of the picture that the regions refer to; returns whether it changed."""
    changed = False
    for element in tree:
        if element.name == _APPLIED_TO and _field(element, (_DIMENSIONS, "unit")) in ("pixel", None):
            for name, value in (("w", str(width)), ("h", str(height))):
                before = _field(element, (_DIMENSIONS, name))
                if before not in (None, value):
                    _set_field(element, (_DIMENSIONS, name), value)
                    changed = True
    return changed


def _turned(x: float, y: float, width: float, height: float, turn: int) -> tuple[float, float, float, float]:
    """Center and sides, relative to the picture's, after turning."""
    if turn >= 5:
        x, y, width, height = y, x, height, width
    return 1 - x if turn in (2, 3, 6, 7) else x, 1 - y if turn in (3, 4, 7, 8) else y, width, height


def _turned_rectangle(value: str, turn: int) -> str:
    """The same for left, top, width and height, separated by commas."""
    numbers = [_number(part) for part in value.split(",")]
    found = [number for number in numbers if number is not None]
    if turn == 1 or len(numbers) != 4 or len(found) != 4:
        return value
    left, top, width, height = found
    x, y, width, height = _turned(left + width / 2, top + height / 2, width, height, turn)
    return ", ".join(f"{number:.6g}" for number in (x - width / 2, y - height / 2, width, height))


def _field(element: Element, name: Name) -> str | None:
    """A field of a structure, which is an attribute or an element."""
    values = [value for key, value in element.attributes if key == name]
    return next(iter([*values, *(child.text for child in element.elements if child.name == name)]), None)


def _set_field(element: Element, name: Name, value: str) -> None:
    element.attributes = [(key, value if key == name else old) for key, old in element.attributes]
    for child in element.elements:
        if child.name == name:
            child.children = [value]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if -1 <= value <= 2 else None  # neither is a region elsewhere, nor NaN
