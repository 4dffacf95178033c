"""The filters of CSSgram, as implemented by the package pilgram."""

from __future__ import annotations

import pilgram

from restore.data.filters.filter import Filter

_GRAY = ("inkwell", "moon", "willow")
_NAMES = (
    "brannan",
    "brooklyn",
    "clarendon",
    "earlybird",
    "gingham",
    "hudson",
    "inkwell",
    "kelvin",
    "lark",
    "lofi",
    "maven",
    "mayfair",
    "moon",
    "nashville",
    "perpetua",
    "reyes",
    "rise",
    "slumber",
    "stinson",
    "toaster",
    "valencia",
    "walden",
    "willow",
)

PILGRAM_FILTERS = (
    Filter("1977", pilgram._1977),
    *(Filter(name, getattr(pilgram, name), gray=name in _GRAY) for name in _NAMES),
)
