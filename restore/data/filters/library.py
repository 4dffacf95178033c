"""All photo filters by name: those of CSSgram through pilgram, some of instagram.css, and sepia.

They are open imitations of the filters they are named after, whose exact definitions are not published. Installed
packages can add more.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.data.filters import sepia_tone
from restore.data.filters.css_filters import CSS_FILTERS
from restore.data.filters.filter import Filter
from restore.data.filters.pilgram_filters import PILGRAM_FILTERS
from restore.errors import FilterError
from restore.utils.registry import Registry

Pixels = NDArray[np.uint8]

FILTERS: Registry[Filter] = Registry(
    "filter",
    sorted((*PILGRAM_FILTERS, *CSS_FILTERS, sepia_tone.FILTER), key=lambda filter: filter.name),
    names=lambda filter: (filter.name,),
    group="restore.filters",
)


def find_name(name: str) -> str:
    """The registered name of a filter, from any spelling: ``Lo-Fi`` is ``lofi``.

    Raises:
        FilterError: there is no such filter; the message suggests a similar name.
    """
    if name in FILTERS:
        return name
    names = {_plain(known): known for known in FILTERS}
    key = _plain(name)
    if key not in names:
        near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
        hint = f"did you mean '{names[near[0]]}'?" if near else f"use one of {', '.join(FILTERS)}"
        raise FilterError(f"no filter '{name}': {hint}")
    return names[key]


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace(" ", "")


def find_filter(name: str) -> Callable[[Pixels], Pixels]:
    """A filter as a function of uint8 RGB (H, W, 3) of any size.

    Raises:
        FilterError: there is no such filter; the message suggests a similar name.
    """
    return partial(_apply, FILTERS[find_name(name)].apply)


def _apply(function: Callable[[Image.Image], Image.Image], pixels: Pixels) -> Pixels:
    return np.asarray(function(Image.fromarray(pixels)))


def blend(before: Pixels, after: Pixels, strength: float) -> Pixels:
    """Blend a picture with its filtered version; strength 0 is the picture, 1 the filtered version."""
    if strength == 1:
        return after
    mixed = np.empty_like(before)
    for row in range(0, len(mixed), 256):  # in blocks, as large pictures take much memory in float32
        part = slice(row, row + 256)
        low = before[part].astype(np.float32)
        mixed[part] = np.round(low + np.float32(strength) * (after[part] - low))
    return mixed
