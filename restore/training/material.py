"""From a recipe's folders to what a run learns from and what it is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from restore.data.dataset import InTurn, PairDataset
from restore.data.degraded import DegradedPairs
from restore.data.filtered import FilteredPairs
from restore.data.folder import list_photos
from restore.data.lighting.pairs import BacklitPairs, ExposurePairs, in_sequence, usable_scenes
from restore.data.lighting.scenes import find_scenes
from restore.data.lighting.sets import PairViews, UnpairedViews
from restore.data.pairs import FolderPairs, match_photos
from restore.data.patches import PatchPairs
from restore.data.unpaired import UnpairedPatches
from restore.errors import DataError
from restore.training.recipe import Recipe
from restore.training.validate import (
    Sample,
    backlit_samples,
    bare_samples,
    degrade_samples,
    filtered_samples,
    light_samples,
    pair_samples,
    scene_samples,
)

_Item = TypeVar("_Item")
# Held out of any folder, if the recipe holds out as many.
_FEW = 12


@dataclass(frozen=True)
class Material:
    """What a run learns from.

    Attributes:
        patches: to learn from.
        samples: to validate on, at least one; without targets they are mostly to look at.
        told: what that is, for the console.
    """

    patches: PairDataset
    samples: list[Sample]
    told: str


def open_material(recipe: Recipe, root: Path, budget: int) -> Material:
    """Find the pictures of a recipe and put some aside for validation.

    Args:
        recipe: what is wanted.
        root: what its folders are relative to.
        budget: bytes of decoded pixels to keep in memory.

    Raises:
        DataError: a folder is missing or empty, its pictures do not fit, or nothing is left to train or validate on.
        ImageError: a picture to validate on cannot be read.
        FilterError: a lookup table cannot be read.
    """
    data, seed, crop = recipe.data, recipe.train.seed, recipe.validation.crop
    patches: PairDataset
    if data.unpaired is not None:
        first, second = ([root / name for name in names] for names in (data.unpaired.input, data.unpaired.target))
        if data.views:
            patches = UnpairedViews(first, second, data.patch, seed, budget)
        else:
            patches = UnpairedPatches(first, second, data.patch, seed, recipe.scale, budget)
        told = f"{len(list_photos(first))} photographs to bring closer to {len(list_photos(second))} others"
        samples = _paired(recipe, root) or bare_samples(list_photos(first), crop, whole=data.views)
        return _trimmed(Material(patches, samples, told), recipe)
    if data.pairs is not None:
        training, held = split(
            recipe, match_photos(root / data.pairs.input, root / data.pairs.target, data.pairs.template)
        )
        if data.views:
            patches = PairViews(training, data.patch, seed, budget)
        else:
            patches = FolderPairs(training, data.patch, seed, recipe.scale, budget)
        samples = _samples(recipe, held) or _paired(recipe, root)
        return _trimmed(Material(patches, samples, f"{len(training)} pairs of photographs to train on"), recipe)
    parts = [make(recipe, root, budget) for name, make in _MADE.items() if getattr(data, name)]
    if len(parts) == 1:
        return _trimmed(parts[0], recipe)
    together = InTurn([part.patches for part in parts])
    # Pairs to validate on are the same of either part.
    shown = parts[:1] if recipe.validation.pairs is not None else parts
    samples = [sample for part in shown for sample in part.samples]
    return _trimmed(Material(together, samples, " and ".join(part.told for part in parts)), recipe)


def _of_exposures(recipe: Recipe, root: Path, budget: int) -> Material:
    paths = in_sequence(list_photos([root / name for name in recipe.data.exposures]))
    scenes, seen = split(recipe, usable_scenes(find_scenes(paths)))
    data = recipe.data
    patches = ExposurePairs(scenes, data.patch, recipe.train.seed, budget, data.well_exposed)
    samples = scene_samples(seen, recipe.validation.crop) or _paired(recipe, root)
    return Material(patches, samples, f"{len(scenes)} scenes to train on")


def _of_photos(recipe: Recipe, root: Path, budget: int) -> Material:
    data, seed, crop = recipe.data, recipe.train.seed, recipe.validation.crop
    patches: PairDataset
    photos, kept = split(recipe, list_photos([root / name for name in data.train]))
    if data.filters is not None:
        patches = FilteredPairs(photos, data.patch, seed, data.filters, budget, root)
    elif data.backlight is not None:
        patches = BacklitPairs(photos, data.patch, seed, data.backlight, budget)
    elif data.degradation is not None:
        patches = DegradedPairs(photos, recipe.scale, data.patch, seed, data.degradation, budget)
    else:
        patches = PatchPairs(photos, recipe.scale, data.patch, seed, budget, data.candidates)
    if recipe.validation.folder is not None:
        kept = list_photos([root / recipe.validation.folder])
    if data.filters is not None:
        samples = filtered_samples(kept, crop, data.filters, root)
    elif data.backlight is not None:
        samples = backlit_samples(kept, crop, data.backlight, seed)
    else:
        samples = degrade_samples(kept, recipe.scale, crop, data.degradation, seed)
    samples = samples or _paired(recipe, root)
    return Material(patches, samples, f"{len(photos)} photographs to train on")


_MADE = {"exposures": _of_exposures, "train": _of_photos}


def _trimmed(material: Material, recipe: Recipe) -> Material:
    """With validation pictures of sides that the network takes."""
    multiple, scale = recipe.network.multiple(recipe.scale), recipe.scale
    samples = []
    for sample in material.samples:
        height, width = (n - n % multiple for n in sample.low.shape[:2])
        if 0 in (height, width):
            raise DataError(f"{sample.name}: smaller than the {multiple} pixels that the network takes at least")
        high = None if sample.high is None else sample.high[: scale * height, : scale * width]
        samples.append(Sample(sample.name, sample.low[:height, :width], high))
    return Material(material.patches, samples, material.told)


def _paired(recipe: Recipe, root: Path) -> list[Sample]:
    pairs = recipe.validation.pairs
    if pairs is None:
        return []
    return _samples(recipe, match_photos(root / pairs.input, root / pairs.target, pairs.template))


def _samples(recipe: Recipe, pairs: Sequence[tuple[Path, Path]]) -> list[Sample]:
    """Whole pictures where whole pictures are learned, made small; their middles elsewhere."""
    data, crop = recipe.data, recipe.validation.crop
    whole = data.views or data.backlight or data.exposures or data.filters
    return light_samples(pairs, crop) if whole else pair_samples(pairs, recipe.scale, crop)


def split(recipe: Recipe, items: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
    """To train on, and held out: spread evenly over the list, none where the recipe validates on other pictures.

    More than ``_FEW`` are held out only as far as they are a fifth of all.

    Raises:
        DataError: nothing is left to train or validate on.
    """
    if recipe.validation.folder is not None or recipe.validation.pairs is not None:
        return list(items), []
    # A recipe for thousands of photographs is to serve for dozens, too.
    count = min(recipe.data.holdout, max(_FEW, len(items) // 5))
    if count == 0:
        raise DataError("nothing to validate on: give validation.folder or validation.pairs, or data.holdout above 0")
    if count >= len(items):
        raise DataError(
            f"data.holdout = {recipe.data.holdout} would leave none of {len(items)} photographs or scenes to train on: "
            "give more of them, a smaller data.holdout, or something else to validate on"
        )
    held = {round((i + 0.5) * len(items) / count) for i in range(count)}
    return [item for i, item in enumerate(items) if i not in held], [items[i] for i in sorted(held)]
