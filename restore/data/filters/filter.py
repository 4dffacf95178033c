"""Description of a photo filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Filter:
    """A photo filter, as listed in the registry.

    Attributes:
        name: name on the command line and in recipes, in lower case.
        apply: function from an RGB picture of any size to one of the same size. A module-level function, so that it can
            be pickled for worker processes.
        gray: whether it removes the colors, which cannot be restored.
    """

    name: str
    apply: Callable[[Image.Image], Image.Image]
    gray: bool = False
