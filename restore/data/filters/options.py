"""What photo filters training lays over photographs, and how: options, and the drawing of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from restore.data.degradations.jpeg import jpeg8
from restore.data.filters.cube import read_cube
from restore.data.filters.library import blend, find_filter, find_name
from restore.errors import FilterError
from restore.utils.text import printable, unseen

Pixels = NDArray[np.uint8]

# What recipes that name no filters train on. Digests leave defaults out, so this tuple must never change, whatever is
# added to the registry: the same digest would then mean other data, and other labels of other models.
DEFAULT_NAMES = (
    "1977",
    "aden",
    "amaro",
    "brannan",
    "brooklyn",
    "clarendon",
    "earlybird",
    "gingham",
    "hefe",
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
    "sutro",
    "toaster",
    "valencia",
    "walden",
    "willow",
    "xpro2",
)
# What a picture without one is said to be under.
NO_FILTER = "none"
# How the name of a lookup table ends.
_TABLE = ".cube"


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        names = tuple(name if _is_table(name) else find_name(name) for name in names)
    except FilterError as error:
        raise ValueError(str(error)) from error
    called = [_display_name(name) for name in (*names, NO_FILTER)]
    for name in called:
        if fault := unseen(name):
            raise ValueError(
                f"names: there is {fault!r} in the name {printable(name)}, which is no character to be shown"
            )
    if len(set(called)) < len(called):
        raise ValueError(f"names: each filter once, a table by its file's name, and none '{NO_FILTER}'")
    return names


def _is_table(name: str) -> bool:
    return name.lower().endswith(_TABLE)


def _display_name(name: str) -> str:
    return Path(name).stem if _is_table(name) else name


def _shares(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= pair[0] <= pair[1] <= 1:
        raise ValueError(f"a range from the smaller to the larger on 0..1, not from {pair[0]} to {pair[1]}")
    return pair


def _qualities(pair: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= pair[0] <= pair[1] <= 100:
        raise ValueError(f"a range from the smaller to the larger on 1..100, not from {pair[0]} to {pair[1]}")
    return pair


class PhotoFilters(BaseModel):
    """What may be drawn; the defaults are CSSgram's filters and three more, mostly whole, as people use them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: Annotated[tuple[str, ...], AfterValidator(_known)] = Field(
        DEFAULT_NAMES,
        min_length=1,
        description="which, each drawn as often: those that are known, or lookup tables in the data folder (film.cube)",
    )
    untouched: float = Field(0.08, ge=0, le=1, description="chance that a photograph stays as it is")
    whole: float = Field(0.6, ge=0, le=1, description="chance that a filter is laid over at full strength")
    strength: Annotated[tuple[float, float], AfterValidator(_shares)] = Field((0.4, 1.0), description="of the others")
    second: float = Field(0.0, ge=0, le=1, description="chance that another filter follows")
    jitter: float = Field(
        0.03, ge=0, lt=0.5, description="most that a channel's gain and gamma depart after the filter: no two are alike"
    )
    exact: float = Field(
        0.0, ge=0, le=1, description="chance that a filter at full strength stays as published, without the jitter"
    )
    reduced: float = Field(
        0.0, ge=0, le=1, description="chance that what was made, and the photograph, are then made half as large"
    )
    posted: float = Field(0.0, ge=0, le=1, description="chance that what was made was then saved as JPEG")
    quality: Annotated[tuple[int, int], AfterValidator(_qualities)] = Field((60, 98), description="of that JPEG")
    vary: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="most that a channel's gain and gamma depart in the photograph itself, its saturation by twice "
        "that: else a network learns the photographs by heart",
    )

    def kinds(self) -> tuple[str, ...]:
        """What pictures may be said to be under, in the order of their labels; the last is none."""
        return (*map(_display_name, self.names), NO_FILTER)


class Draw(NamedTuple):
    """What is to be laid over a photograph: filters and their strengths in order, and a gain and gamma by channel."""

    layers: Sequence[tuple[str, float]]
    gain: NDArray[np.float64]
    gamma: NDArray[np.float64]


def draw_filter(options: PhotoFilters, draw: np.random.Generator) -> Draw:
    """Draw what is done to one photograph; nothing, now and then."""
    layers: list[tuple[str, float]] = []
    if draw.random() >= options.untouched:
        count = 1 + int(draw.random() < options.second)
        for _ in range(count):
            name = options.names[int(draw.integers(len(options.names)))]
            layers.append((name, 1.0 if draw.random() < options.whole else float(draw.uniform(*options.strength))))
    whole = bool(layers) and all(strength == 1 for _, strength in layers)
    exact = whole and options.exact > 0 and draw.random() < options.exact  # no draw where a recipe does not ask for it
    jitter = options.jitter if layers and not exact else 0.0
    gain, gamma = (1 + draw.uniform(-jitter, jitter, 3) for _ in range(2))
    return Draw(layers, gain, gamma)


def open_filters(options: PhotoFilters, root: Path) -> dict[str, Callable[[Pixels], Pixels]]:
    """What may be drawn, by name, as functions of uint8 RGB (H, W, 3); tables lie below ``root``.

    Raises:
        FilterError: a table cannot be read.
    """
    return {name: read_cube(root / name) if _is_table(name) else find_filter(name) for name in options.names}


def filtered(photo: Pixels, chosen: Draw, filters: Mapping[str, Callable[[Pixels], Pixels]]) -> Pixels:
    """A photograph, uint8 RGB (H, W, 3), with what was drawn of the filters laid over it."""
    for name, strength in chosen.layers:
        photo = blend(photo, filters[name](photo), strength)
    if np.any(chosen.gain != 1) or np.any(chosen.gamma != 1):
        photo = _curved(photo, chosen.gain, chosen.gamma)
    return photo


def posted(made: Pixels, photo: Pixels, options: PhotoFilters, draw: np.random.Generator) -> tuple[Pixels, Pixels]:
    """What becomes of a filtered picture on its way to those who see it, and of the photograph to compare it with.

    Args:
        made: uint8 RGB (H, W, 3), both sides even.
        photo: the same without the filter.
        options: see ``PhotoFilters.reduced`` and ``PhotoFilters.posted``.
        draw: what happens comes from.

    Returns:
        The two, of the size that they had: if they were made half as large, each of their pixels is there four times.
    """
    smaller, saved = draw.random() < options.reduced, draw.random() < options.posted
    if smaller:
        made, photo = (_resized(one, 0.5, cv2.INTER_AREA) for one in (made, photo))
    if saved:
        made = jpeg8(made, int(draw.integers(*options.quality, endpoint=True)))
    if smaller:
        made, photo = (_resized(one, 2, cv2.INTER_NEAREST) for one in (made, photo))
    return made, photo


def _resized(photo: Pixels, factor: float, interpolation: int) -> Pixels:
    return np.asarray(cv2.resize(photo, None, fx=factor, fy=factor, interpolation=interpolation), np.uint8)


def varied(photo: Pixels, most: float, draw: np.random.Generator) -> Pixels:
    """A photograph, uint8 RGB (H, W, 3), as another camera or hour might have had it; see ``PhotoFilters.vary``."""
    gain, gamma = (1 + draw.uniform(-most, most, 3) for _ in range(2))
    curved = _curved(photo, gain, gamma)
    grey = cv2.cvtColor(cv2.cvtColor(curved, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    saturation = 1 + draw.uniform(-2 * most, 2 * most)
    mixed = cv2.addWeighted(curved, saturation, grey, 1 - saturation, 0)
    return np.asarray(mixed, np.uint8)


def _curved(photo: Pixels, gain: NDArray[np.float64], gamma: NDArray[np.float64]) -> Pixels:
    """A photograph with every channel's gain and gamma changed."""
    curves = np.clip(gain * (np.arange(256)[:, None] / 255) ** gamma, 0, 1)
    tables = np.round(255 * curves).astype(np.uint8)
    return np.asarray(cv2.LUT(photo, tables[None]), np.uint8)


def label(options: PhotoFilters, chosen: Draw) -> int:
    """The number of the filter among ``names``; one more for none; -1 for more than one."""
    if len(chosen.layers) > 1:
        return -1
    return options.names.index(chosen.layers[0][0]) if chosen.layers else len(options.names)
