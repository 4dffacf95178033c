"""What a photo filter is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Filter:
    """A photo filter's description, as the registry lists it.

    Attributes:
        name: on the command line and in recipes, in lower case.
        apply: RGB picture to RGB picture of the same size, any size from one pixel on. A function of a module, so that
            it can be sent to worker processes.
        gray: whether it takes the colors away, which nothing can bring back.
    """

    name: str
    apply: Callable[[Image.Image], Image.Image]
    gray: bool = False
