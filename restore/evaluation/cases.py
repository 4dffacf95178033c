"""The pictures to measure, one by one: made by models, found in folders, or without a reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError
from restore.evaluation.alike import Tolerance, read_alike, read_reference
from restore.evaluation.comparison import Setting
from restore.evaluation.sources import Sources
from restore.files.listing import list_pictures
from restore.files.pairing import NameRule, index_stems, listed, stem_below
from restore.imaging.color.conversions import as_rgb
from restore.imaging.decode import read_picture
from restore.imaging.picture import to8
from restore.metrics.metric import Pixels
from restore.metrics.sr_protocol import bicubic, enlarge_like, reduce
from restore.runtime.stream import Network, enhance_pixels
from restore.spec import ModelSpec


@dataclass(frozen=True)
class Case:
    """A reference picture and each method's result.

    Attributes:
        name: for tables.
        path: for messages.
        pairs: result and reference by method, of one shape: uint8 (H, W, 1 or 3). The reference may be None.
    """

    name: str
    path: Path
    pairs: dict[str, tuple[Pixels, Pixels | None]]


@dataclass(frozen=True)
class Contender:
    """A model to measure: the opened network, its spec, and the strength if it was chosen."""

    network: Network
    spec: ModelSpec
    setting: Setting | None = None


@dataclass(frozen=True)
class Methods:
    """The compared methods: models and folders of results by name, at one scale.

    Attributes:
        scale: their enlargement factor.
        models: by name.
        folders: of existing results, by name.
        rename: how results are named after their references.
        may: allowed differences between results and references.
        tile: largest side of a tile.
        ma: files of Ma scores, by folder's name.
    """

    scale: int
    models: Mapping[str, Contender] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    rename: NameRule | None = None
    may: Tolerance = field(default_factory=Tolerance)
    tile: int | None = None
    ma: Mapping[str, Path] = field(default_factory=dict)

    @property
    def baseline(self) -> str | None:
        """The reference method: bicubic, the input for models that do not enlarge, or the first folder."""
        if self.models:
            return "bicubic" if self.scale > 1 else "unchanged"
        return next(iter(self.folders)) if len(self.folders) > 1 else None

    @property
    def names(self) -> list[str]:
        """The baseline first."""
        made = [self.baseline] if self.models and self.baseline else []
        return [*made, *self.models, *self.folders]


def cases(sources: Sources, methods: Methods) -> Iterator[Case]:
    """Each reference picture with the methods' results.

    Raises:
        DataError: a result is missing, or differs from its reference in size, depth or channels; a picture is too
            small; a given low-resolution file has the wrong size.
        ImageError: a picture cannot be read; skipping it would measure something else than requested.
    """
    partners = {name: match(sources, folder, methods) for name, folder in methods.folders.items()}
    for path in sources.references:
        reference = read_reference(path)
        pairs: dict[str, tuple[Pixels, Pixels | None]] = {}
        if methods.models:
            pairs |= _enlarged(path, reference, sources, methods)
        for name, found in partners.items():
            pairs[name] = read_alike(found[path], reference, path, methods.scale, methods.may)
        yield Case(_name(path, sources), path, pairs)


def lone_cases(sources: Sources, methods: Methods) -> Iterator[Case]:
    """Each picture of the folders, without references. The sources are from the first folder; the others must match.

    Raises:
        DataError: a folder lacks a picture that another has.
        ImageError: a picture cannot be read.
    """
    (first, _), *others = methods.folders.items()
    partners = {first: {path: path for path in sources.references}}
    partners |= {name: match(sources, folder, methods) for name, folder in others}
    for path in sources.references:
        pairs: dict[str, tuple[Pixels, Pixels | None]] = {
            n: (read_lone(found[path]), None) for n, found in partners.items()
        }
        yield Case(_name(path, sources), path, pairs)


def read_lone(path: Path) -> Pixels:
    """Read a picture as 8 bits (H, W, 1 or 3)."""
    return to8(read_picture(path).pixels)


def _name(path: Path, sources: Sources) -> str:
    return stem_below(sources.folder, path)


def _enlarged(
    path: Path, reference: NDArray[np.unsignedinteger], sources: Sources, methods: Methods
) -> dict[str, tuple[Pixels, Pixels | None]]:
    """The results of bicubic and the models on the low-resolution picture."""
    high, scale = to8(reference), methods.scale
    if min(high.shape[:2]) < 4 * scale:
        raise DataError(f"{path}: {high.shape[1]} x {high.shape[0]} pixels are too few to measure x{scale}")
    if sources.lows is None:
        low, high = reduce(high, scale)
    else:
        low, high = _given(path, high, sources.lows[path], scale)
    pairs: dict[str, tuple[Pixels, Pixels | None]] = {str(methods.baseline): (bicubic(low, scale), high)}
    for name, one in methods.models.items():
        pairs[name] = enlarge_like(low, _enlarger(one, methods.tile)), high
    return pairs


def _enlarger(one: Contender, tile: int | None) -> Callable[[Pixels], Pixels]:
    strength = one.setting.strength if one.setting else 1.0
    return lambda pixels: to8(enhance_pixels(pixels, one.network, one.spec, tile, strength))


def _given(path: Path, high: Pixels, source: Path, scale: int) -> tuple[Pixels, Pixels]:
    """A given low-resolution picture, and the reference cropped to match it."""
    low = read_lone(source)
    height, width = (n * scale for n in low.shape[:2])
    # The remainder was cropped to a multiple of the scale before the file was made.
    if not all(0 <= whole - part < scale for whole, part in zip(high.shape[:2], (height, width), strict=True)):
        sizes = [f"{pixels.shape[1]} x {pixels.shape[0]}" for pixels in (low, high)]
        raise DataError(f"{source}: {sizes[0]} pixels are not 1/{scale} of the {sizes[1]} of {path.name}")
    if low.shape[2] != high.shape[2]:  # gray is measured on a different scale than RGB
        low, high = as_rgb(low), as_rgb(high)
    return low, high[:height, :width]


def match(sources: Sources, folder: Path, methods: Methods) -> dict[Path, Path]:
    """Find the result for each reference in a folder: by its name or its low-resolution file's, with any extension.

    Raises:
        DataError: a folder or a result is missing, two results match, or there are results without a reference, unless
            the references are a selection.
    """
    there = index_stems(folder, list_pictures(folder))
    matched: dict[Path, Path] = {}
    missing: list[Path] = []
    for path in sources.references:
        found = [one for stem in _stems(path, sources, methods) for one in there.get(stem, [])]
        if len(found) > 1:
            raise DataError(f"{found[0]} and {found[1]} are both results of {path.name}: keep one of them")
        if found:
            matched[path] = found[0]
        else:
            missing.append(path)
    used = set(matched.values())
    extra = [str(p.relative_to(folder)) for paths in there.values() for p in paths if p not in used]
    if missing:
        looked = _stems(missing[0], sources, methods)
        raise DataError(
            f"{folder}: no result of {listed([path.name for path in missing])}"
            + (f", and {listed(extra)} without a reference" if extra else "")
            + f" (looked for {' or '.join(map(repr, looked)) or 'nothing: the name does not fit the rule'})"
            + ": except for the extension, names must match the references'; set a rule with --prediction-name"
        )
    if extra and not sources.chosen:
        raise DataError(
            f"{folder}: {listed(extra)} without a reference in {sources.folder}: add it, or remove the result"
        )
    return matched


def _stems(path: Path, sources: Sources, methods: Methods) -> list[str]:
    """Possible names of a reference's result, without the extension."""
    own = stem_below(sources.folder, path)
    if methods.rename is not None:
        renamed = methods.rename.below(own)
        return [] if renamed is None else [renamed]
    low = None if sources.lows is None else sources.lows[path].stem
    return list(dict.fromkeys([own, *([low] if low else [])]))
