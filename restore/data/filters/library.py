"""Every photo filter by name.

One explicit table, ``FILTERS``: CSSgram's twenty-six, through pilgram but for two, and three of instagram.css. They
imitate the filters of their names by open definitions; what the social network itself does is not published.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial

import numpy as np
import pilgram
from numpy.typing import NDArray
from PIL import Image

from restore.data.filters.css_filters import aden, amaro, hefe, sutro, xpro2
from restore.errors import FilterError

Pixels = NDArray[np.uint8]

FILTERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "1977": pilgram._1977,
    "aden": aden,
    "amaro": amaro,
    "brannan": pilgram.brannan,
    "brooklyn": pilgram.brooklyn,
    "clarendon": pilgram.clarendon,
    "earlybird": pilgram.earlybird,
    "gingham": pilgram.gingham,
    "hefe": hefe,
    "hudson": pilgram.hudson,
    "inkwell": pilgram.inkwell,
    "kelvin": pilgram.kelvin,
    "lark": pilgram.lark,
    "lofi": pilgram.lofi,
    "maven": pilgram.maven,
    "mayfair": pilgram.mayfair,
    "moon": pilgram.moon,
    "nashville": pilgram.nashville,
    "perpetua": pilgram.perpetua,
    "reyes": pilgram.reyes,
    "rise": pilgram.rise,
    "slumber": pilgram.slumber,
    "stinson": pilgram.stinson,
    "sutro": sutro,
    "toaster": pilgram.toaster,
    "valencia": pilgram.valencia,
    "walden": pilgram.walden,
    "willow": pilgram.willow,
    "xpro2": xpro2,
}

# Without colour: nothing can bring back what they took.
GREY = ("inkwell", "moon", "willow")


def key_of(name: str) -> str:
    """A filter's name as the table has it, of any spelling: ``Lo-Fi`` is ``lofi``."""
    return name.lower().replace("-", "").replace(" ", "")


def find_filter(name: str) -> Callable[[Pixels], Pixels]:
    """A filter of the table as a function of uint8 RGB (H, W, 3), any size.

    Raises:
        FilterError: there is none of that name; names the nearest.
    """
    key = key_of(name)
    if key not in FILTERS:
        near = difflib.get_close_matches(key, FILTERS, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(FILTERS)}"
        raise FilterError(f"no filter '{name}': {hint}")
    return partial(_apply, FILTERS[key])


def _apply(function: Callable[[Image.Image], Image.Image], pixels: Pixels) -> Pixels:
    return np.asarray(function(Image.fromarray(pixels)))


def blend(before: Pixels, after: Pixels, strength: float) -> Pixels:
    """A picture with a filter laid over it in part, 0 for not at all, 1 for the whole of it."""
    if strength == 1:
        return after
    mixed = np.empty_like(before)
    for row in range(0, len(mixed), 256):  # by blocks: the picture may be large, and these numbers have four bytes
        part = slice(row, row + 256)
        low = before[part].astype(np.float32)
        mixed[part] = np.round(low + np.float32(strength) * (after[part] - low))
    return mixed
