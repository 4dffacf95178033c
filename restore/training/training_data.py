"""Opens the folders of a recipe: training data and validation samples."""

from __future__ import annotations

from pathlib import Path

from restore.data.dataset import InterleavedDataset
from restore.data.sources.base import DataContext, TrainingData
from restore.data.sources.samples import Sample
from restore.errors import DataError
from restore.training.recipe import Recipe


def open_training_data(recipe: Recipe, root: Path, budget: int) -> TrainingData:
    """Find the pictures of a recipe and hold some out for validation.

    Args:
        recipe: recipe of the run.
        root: folder that its folder names are relative to.
        budget: bytes of decoded pixels to keep in memory.

    Raises:
        DataError: a folder is missing or empty, sizes do not fit, or nothing is left to train or validate on.
        FilterError: a lookup table cannot be read.
    """
    context = data_context(recipe, root, budget)
    parts = [source.open(context) for source in recipe.data.sources()]
    # Validation pairs are the same for every part.
    measured = parts[:1] if recipe.validation.pairs is not None else parts
    trimmed = [_trimmed(sample, recipe, context.skipped) for part in measured for sample in part.samples]
    samples = [sample for sample in trimmed if sample is not None]
    if not samples and context.skipped:
        raise DataError(f"none of the pictures to validate on can be used: {context.skipped[0]}")
    dataset = parts[0].dataset if len(parts) == 1 else InterleavedDataset([part.dataset for part in parts])
    description = " and ".join(part.description for part in parts)
    return TrainingData(dataset, samples, description, list(dict.fromkeys(context.skipped)))


def data_context(recipe: Recipe, root: Path, budget: int) -> DataContext:
    """The parts of a recipe that its data sources need; see :func:`open_training_data`."""
    validation = recipe.validation
    folder, pairs = validation.folder, validation.pairs
    return DataContext(
        root=root,
        scale=recipe.scale,
        seed=recipe.train.seed,
        budget=budget,
        crop=validation.crop,
        validation_folder=None if folder is None else root / folder,
        validation_pairs=None if pairs is None else (root / pairs.input, root / pairs.target, pairs.template),
    )


def _trimmed(sample: Sample, recipe: Recipe, skipped: list[str]) -> Sample | None:
    """Crop to sides that the network accepts; None if it is too small."""
    multiple, scale = recipe.needs().multiple, recipe.scale
    height, width = (n - n % multiple for n in sample.low.shape[:2])
    if 0 in (height, width):
        skipped.append(f"{sample.name}: smaller than {multiple} pixels, the minimum for this network")
        return None
    high = None if sample.high is None else sample.high[: scale * height, : scale * width]
    return Sample(sample.name, sample.low[:height, :width], high)
