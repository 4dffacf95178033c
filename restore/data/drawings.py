"""Synthetic line art, text, patterns and flat areas, which photographs hardly contain."""

from __future__ import annotations

import string

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Color = tuple[int, int, int]

_LETTERS = np.array(list(string.ascii_letters + string.digits + ".,:;!?&%()+-=/"))
# OpenCV's vector fonts, without the italic variants.
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)


def drawing(side: int, draw: np.random.Generator) -> Pixels:
    """Draw a random picture: lines, shapes, text, a regular pattern, or nothing on a flat or graded background.

    A network trained on photographs alone has hardly seen a thin black line on white: it adds faint echoes beside it,
    and tints flat colors near the border of the picture.

    Args:
        side: height and width.
        draw: source of all randomness.

    Returns:
        uint8 RGB (side, side, 3).
    """
    picture = _background(side, draw)
    content = (_lines, _shapes, _text, _pattern, _nothing)[draw.choice(5, p=(0.3, 0.2, 0.25, 0.15, 0.1))]
    content(picture, draw)
    return picture


def _background(side: int, draw: np.random.Generator) -> Pixels:
    color = _color(draw, white=0.6)
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = np.tile(np.array(color, np.uint8), (side, 1))  # by rows, which is faster than by pixels
    if draw.random() < 0.1:  # a gradient to another color
        ramp = np.linspace(0, 1, side, dtype=np.float32)[:, None]
        column = np.array(color) * (1 - ramp) + np.array(_color(draw)) * ramp
        picture[:] = np.rint(column).astype(np.uint8)[:, None]
    return picture


def _color(draw: np.random.Generator, white: float = 0.15, black: float = 0.15) -> Color:
    kind = draw.random()
    if kind < white:
        return 255, 255, 255
    if kind < white + black:
        return 0, 0, 0
    red, green, blue = draw.integers(0, 256, 3).tolist()
    return red, green, blue


def _ink(picture: Pixels, draw: np.random.Generator) -> Color:
    """A color that can be seen on the picture: mostly black on light and white on dark."""
    light = picture[0, 0].mean() > 127
    if draw.random() < 0.6:
        return (0, 0, 0) if light else (255, 255, 255)
    return _color(draw)


def _edge(draw: np.random.Generator) -> int:
    """Anti-aliased or not."""
    return cv2.LINE_AA if draw.random() < 0.5 else cv2.LINE_8


def _points(count: int, side: int, draw: np.random.Generator) -> NDArray[np.int32]:
    """Points (count, 2) in and around the picture."""
    return draw.integers(-side // 4, side + side // 4, (count, 2)).astype(np.int32)


def _lines(picture: Pixels, draw: np.random.Generator) -> None:
    side, ink, edge = len(picture), _ink(picture, draw), _edge(draw)
    width = int(draw.choice((1, 1, 1, 2, 3)))
    for _ in range(draw.integers(1, 7)):
        kind = draw.random()
        if kind < 0.5:  # half of them horizontal or vertical, as in charts and tables
            start, end = _points(2, side, draw)
            if draw.random() < 0.5:
                axis = int(draw.integers(0, 2))
                end[axis] = start[axis]
            cv2.line(picture, start.tolist(), end.tolist(), ink, width, edge)
        elif kind < 0.8:
            center, axes = _points(1, side, draw)[0], draw.integers(2, side, 2)
            cv2.ellipse(picture, center.tolist(), axes.tolist(), draw.uniform(0, 180), 0, 360, ink, width, edge)
        else:
            cv2.polylines(picture, [_points(int(draw.integers(3, 7)), side, draw)], True, ink, width, edge)


def _shapes(picture: Pixels, draw: np.random.Generator) -> None:
    side, edge = len(picture), _edge(draw)
    for _ in range(draw.integers(1, 5)):
        ink = _ink(picture, draw)
        if draw.random() < 0.5:
            cv2.fillPoly(picture, [_points(int(draw.integers(3, 6)), side, draw)], ink, edge)
        else:
            center = _points(1, side, draw)[0]
            cv2.circle(picture, center.tolist(), int(draw.integers(2, max(3, side // 2))), ink, -1, edge)


def _text(picture: Pixels, draw: np.random.Generator) -> None:
    side, ink, edge = len(picture), _ink(picture, draw), _edge(draw)
    font, size = int(draw.choice(_FONTS)), draw.uniform(0.3, 1.5)
    width = 2 if size > 0.8 and draw.random() < 0.5 else 1
    (_, height), below = cv2.getTextSize("Ag", font, size, width)
    row = int(draw.integers(0, height + 1))
    while row < side + height:
        line = "".join(draw.choice(_LETTERS, 3 + int(side / (12 * size))))
        cv2.putText(picture, line, (int(draw.integers(-side // 4, side // 3)), row), font, size, ink, width, edge)
        row += height + below + 4


def _pattern(picture: Pixels, draw: np.random.Generator) -> None:
    """Stripes or a checkerboard, with steps of 1 to 12 pixels."""
    side, ink = len(picture), _ink(picture, draw)
    step = int(draw.integers(1, 13))
    y, x = np.mgrid[:side, :side] // step
    picture[(x, y, x + y)[draw.integers(0, 3)] % 2 == 1] = ink


def _nothing(picture: Pixels, draw: np.random.Generator) -> None:
    """Leave the background."""
