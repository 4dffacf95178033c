"""Random photo filters for training: their options, and functions that draw and apply them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from restore.data.degradations.jpeg import jpeg8
from restore.data.filters.cube import read_cube
from restore.data.filters.edits import edited
from restore.data.filters.library import blend, find_filter, find_name
from restore.data.filters.renderings import another_rendering
from restore.errors import FilterError
from restore.utils.text import printable, unseen

Pixels = NDArray[np.uint8]

# Filters of recipes that do not name any. Digests do not include defaults, so this tuple must never change, even if the
# registry grows: otherwise, the same digest would mean different data and different labels.
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
# Label of an unfiltered picture.
NO_FILTER = "none"
# File suffix of lookup tables.
_TABLE = ".cube"


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        names = tuple(name if _is_table(name) else find_name(name) for name in names)
    except FilterError as error:
        raise ValueError(str(error)) from error
    called = [_display_name(name) for name in (*names, NO_FILTER)]
    for name in called:
        if fault := unseen(name):
            raise ValueError(f"names: {printable(name)} contains {fault!r}, which cannot be displayed")
    if len(set(called)) < len(called):
        raise ValueError(
            f"names: each filter may appear only once, tables count by file name, and '{NO_FILTER}' is reserved"
        )
    return names


def _is_table(name: str) -> bool:
    return name.lower().endswith(_TABLE)


def _display_name(name: str) -> str:
    return Path(name).stem if _is_table(name) else name


def _shares(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= pair[0] <= pair[1] <= 1:
        raise ValueError(f"a range goes from the smaller to the larger on 0..1, not from {pair[0]} to {pair[1]}")
    return pair


def _qualities(pair: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= pair[0] <= pair[1] <= 100:
        raise ValueError(f"a range goes from the smaller to the larger on 1..100, not from {pair[0]} to {pair[1]}")
    return pair


class PhotoFilters(BaseModel):
    """Options of random filters; by default, the filters of CSSgram and three more, mostly at full strength."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: Annotated[tuple[str, ...], AfterValidator(_known)] = Field(
        DEFAULT_NAMES,
        min_length=1,
        description="filters, all equally likely: names, or lookup tables in the data folder (film.cube)",
    )
    untouched: float = Field(0.08, ge=0, le=1, description="probability that a photograph is left unfiltered")
    whole: float = Field(0.6, ge=0, le=1, description="probability that a filter has full strength")
    strength: Annotated[tuple[float, float], AfterValidator(_shares)] = Field(
        (0.4, 1.0), description="strength of all other filters"
    )
    second: float = Field(0.0, ge=0, le=1, description="probability of a second filter")
    jitter: float = Field(
        0.03, ge=0, lt=0.5, description="largest random change of each channel's gain and gamma after the filter"
    )
    exact: float = Field(0.0, ge=0, le=1, description="probability that a filter at full strength gets no jitter")
    reduced: float = Field(
        0.0, ge=0, le=1, description="probability that input and target are then reduced to half their size"
    )
    posted: float = Field(0.0, ge=0, le=1, description="probability that the input is then saved as JPEG")
    quality: Annotated[tuple[int, int], AfterValidator(_qualities)] = Field(
        (60, 98), description="quality of that JPEG"
    )
    vary: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="largest random change of each channel's gain and gamma in the photograph itself; saturation "
        "changes by up to twice as much. Keeps a network from memorizing the photographs",
    )

    edits: float = Field(
        0.0,
        ge=0,
        le=1,
        description="probability that a photograph gets hand edits instead (tone curves, split toning, fades, "
        "vignettes, grain ...), with the label none",
    )
    renderings: float = Field(
        0.0, ge=0, le=1, description="probability that a filter is rendered as another program might"
    )
    looks: float = Field(
        0.0,
        ge=0,
        le=1,
        description="probability that the photograph itself, including the target, gets different light: warm, "
        "cold, dim, rich",
    )

    @model_validator(mode="after")
    def _something_is_laid_over(self) -> Self:
        if self.untouched + self.edits > 1:
            raise ValueError(f"untouched and edits are shares of all: {self.untouched} + {self.edits} is above 1")
        return self

    def kinds(self) -> tuple[str, ...]:
        """Names of the classes in the order of their labels; the last is "none"."""
        return (*map(_display_name, self.names), NO_FILTER)


class Draw(NamedTuple):
    """Filters drawn for a photograph: names and strengths in order, and a gain and gamma for each channel.

    ``edit`` is the seed of a hand edit that replaces the filter; ``rendering`` is the seed of another program's
    rendering of the filters.
    """

    layers: Sequence[tuple[str, float]]
    gain: NDArray[np.float64]
    gamma: NDArray[np.float64]
    edit: int | None = None
    rendering: int | None = None


def draw_filter(options: PhotoFilters, draw: np.random.Generator) -> Draw:
    """Draw the filters for one photograph; sometimes none."""
    layers: list[tuple[str, float]] = []
    edit = rendering = None
    share = draw.random()
    if options.untouched <= share < options.untouched + options.edits:
        edit = int(draw.integers(2**63))
    elif share >= options.untouched:
        count = 1 + int(draw.random() < options.second)
        for _ in range(count):
            name = options.names[int(draw.integers(len(options.names)))]
            layers.append((name, 1.0 if draw.random() < options.whole else float(draw.uniform(*options.strength))))
    whole = bool(layers) and all(strength == 1 for _, strength in layers)
    # Draws no number if exact is 0, so that recipes without it keep their samples.
    exact = whole and options.exact > 0 and draw.random() < options.exact
    if layers and not exact and options.renderings > 0 and draw.random() < options.renderings:
        rendering = int(draw.integers(2**63))
    jitter = options.jitter if layers and not exact else 0.0
    gain, gamma = (1 + draw.uniform(-jitter, jitter, 3) for _ in range(2))
    return Draw(layers, gain, gamma, edit, rendering)


def open_filters(options: PhotoFilters, root: Path) -> dict[str, Callable[[Pixels], Pixels]]:
    """All filters of the options by name, as functions of uint8 RGB (H, W, 3); tables are in ``root``.

    Raises:
        FilterError: a table cannot be read.
    """
    return {name: read_cube(root / name) if _is_table(name) else find_filter(name) for name in options.names}


def filtered(photo: Pixels, chosen: Draw, filters: Mapping[str, Callable[[Pixels], Pixels]]) -> Pixels:
    """Apply the drawn filters to a photograph, uint8 RGB (H, W, 3)."""
    if chosen.edit is not None:
        return edited(photo, np.random.default_rng(chosen.edit))
    draw = None if chosen.rendering is None else np.random.default_rng(chosen.rendering)
    for name, strength in chosen.layers:
        own = filters[name]
        photo = blend(photo, own(photo) if draw is None else another_rendering(photo, name, own, draw), strength)
    if np.any(chosen.gain != 1) or np.any(chosen.gamma != 1):
        photo = _curved(photo, chosen.gain, chosen.gamma)
    return photo


def posted(made: Pixels, photo: Pixels, options: PhotoFilters, draw: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Simulate posting a filtered picture: reduce it together with its target, and save it as JPEG.

    Args:
        made: filtered picture, uint8 RGB (H, W, 3), both sides even.
        photo: the same without filter.
        options: see ``PhotoFilters.reduced`` and ``PhotoFilters.posted``.
        draw: source of all randomness.

    Returns:
        Both pictures at their original size; if they were reduced, each pixel is repeated four times.
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
    """Vary a photograph, uint8 RGB (H, W, 3), like another camera or time of day; see ``PhotoFilters.vary``."""
    gain, gamma = (1 + draw.uniform(-most, most, 3) for _ in range(2))
    curved = _curved(photo, gain, gamma)
    gray = cv2.cvtColor(cv2.cvtColor(curved, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    saturation = 1 + draw.uniform(-2 * most, 2 * most)
    mixed = cv2.addWeighted(curved, saturation, gray, 1 - saturation, 0)
    return np.asarray(mixed, np.uint8)


def _curved(photo: Pixels, gain: NDArray[np.float64], gamma: NDArray[np.float64]) -> Pixels:
    """Apply a gain and gamma to each channel of a photograph."""
    curves = np.clip(gain * (np.arange(256)[:, None] / 255) ** gamma, 0, 1)
    tables = np.round(255 * curves).astype(np.uint8)
    return np.asarray(cv2.LUT(photo, tables[None]), np.uint8)


def label(options: PhotoFilters, chosen: Draw) -> int:
    """The index of the filter in ``names``; ``len(names)`` for none of them or an edit; -1 for more than one."""
    if len(chosen.layers) > 1:
        return -1
    return options.names.index(chosen.layers[0][0]) if chosen.layers else len(options.names)
