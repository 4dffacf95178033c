"""Base classes of data sources, which define keys below ``data:`` of a recipe and open the data they describe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from restore.data.dataset import PairDataset
from restore.data.folder import list_photos
from restore.data.pairs import match_photos
from restore.data.sources.samples import Sample, pair_samples, whole_pair_samples
from restore.errors import DataError

_Item = TypeVar("_Item")
# This many items may be held out even of a small set.
_FEW = 12


class DataOptions(BaseModel):
    """Keys of ``data:`` that all sources have. A source declares further keys in a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    train: list[str] = Field([], description="folders of photographs, relative to --data; inputs are made from them")
    patch: PositiveInt = Field(
        48, description="side of a low-resolution patch, pixels; or of a view, for sources that use views"
    )
    holdout: int = Field(
        12, ge=0, description="photographs or scenes held out for validation; if more than 12, at most a fifth of all"
    )
    cache_gb: PositiveFloat = Field(4.0, description="memory for decoded pixels, GiB")


Options = TypeVar("Options", bound=DataOptions)


@dataclass(frozen=True)
class DataContext:
    """Settings from the rest of the recipe that a source needs.

    Attributes:
        root: folder that all others are relative to.
        scale: factor from the size of an input to that of its target.
        seed: seed of the samples.
        budget: bytes of decoded pixels to keep in memory.
        crop: largest side of a validation picture, pixels.
        validation_folder: photographs to validate on instead of held-out ones.
        validation_pairs: folders of inputs and targets to validate on instead, and the template of their names.
        skipped: receives a message for each picture to validate on that cannot be used.
    """

    root: Path
    scale: int
    seed: int
    budget: int
    crop: int
    validation_folder: Path | None = None
    validation_pairs: tuple[Path, Path, str | None] | None = None
    skipped: list[str] = field(default_factory=list)

    def photos(self, folders: Sequence[str]) -> list[Path]:
        """The photographs below folders named in the recipe.

        Raises:
            DataError: a folder is missing, empty or cannot be read.
        """
        return list_photos([self.root / name for name in folders])

    def split(self, items: Sequence[_Item], holdout: int) -> tuple[list[_Item], list[_Item]]:
        """Split into training and held-out items, see :func:`hold_out`; holds out none if validation has its own."""
        if self.validation_folder is not None or self.validation_pairs is not None:
            return list(items), []
        return hold_out(items, holdout)


def hold_out(items: Sequence[_Item], holdout: int) -> tuple[list[_Item], list[_Item]]:
    """Split into training items and validation items, which are spread evenly over the list.

    Args:
        items: photographs, pairs or scenes.
        holdout: number of items to hold out; if more than 12, at most a fifth of the items.

    Raises:
        DataError: nothing is left to train or validate on.
    """
    # A recipe for thousands of photographs should also work for dozens.
    count = min(holdout, max(_FEW, len(items) // 5))
    if count == 0:
        raise DataError("nothing to validate on: set validation.folder, validation.pairs, or data.holdout above 0")
    if count >= len(items):
        raise DataError(
            f"data.holdout = {holdout} would leave none of {len(items)} photographs or scenes to train on; "
            "add more, lower data.holdout, or set validation.folder or validation.pairs"
        )
    held = {round((i + 0.5) * len(items) / count) for i in range(count)}
    return [item for i, item in enumerate(items) if i not in held], [items[i] for i in sorted(held)]


@dataclass(frozen=True)
class TrainingData:
    """Data to train and validate on.

    Attributes:
        dataset: training samples.
        samples: validation samples, at least one; without targets, they mainly serve for visual inspection.
        description: description of the training pictures, for the console.
        skipped: messages about pictures that were to be validated on, and cannot be.
    """

    dataset: PairDataset
    samples: list[Sample]
    description: str
    skipped: Sequence[str] = ()


class DataSource(ABC, Generic[Options]):
    """A kind of training data. A recipe selects it by its key below ``data:``.

    Attributes:
        key: the key that selects it, and its name in the registry.
        fields: the keys that it accepts, including the selecting one.
        origin: the key that names its folders.
        mixes_with: keys of sources that a recipe may combine with it; samples then alternate.
        has_targets: False if input and target show different things.
        same_size: the key that makes input and target the same size; None if the source works at any scale.
        whole: whether to validate on whole pairs of pictures, reduced, instead of central crops.

    Args:
        options: ``data:`` of a recipe that selects the source.
    """

    key: ClassVar[str]
    fields: ClassVar[type[DataOptions]]
    origin: ClassVar[str]
    mixes_with: ClassVar[tuple[str, ...]] = ()
    has_targets: ClassVar[bool] = True
    same_size: str | None = None
    whole: bool = False

    def __init__(self, options: Options) -> None:
        self.options = options

    def labels(self) -> tuple[str, ...]:
        """Names of the labels; see :meth:`PairDataset.label`. Empty if the samples have no labels."""
        return ()

    def check(self) -> None:
        """Check options that depend on each other.

        Raises:
            ValueError: options contradict each other.
        """

    @abstractmethod
    def open(self, context: DataContext) -> TrainingData:
        """Find the pictures, and hold some out for validation.

        Raises:
            DataError: a folder is missing or empty, sizes do not fit, or nothing is left to train or validate on.
            ImageError: a picture cannot be read.
        """

    def paired_samples(self, pairs: Sequence[tuple[Path, Path]], context: DataContext) -> list[Sample]:
        """Validation samples from pairs of pictures."""
        return (
            whole_pair_samples(pairs, context.crop, context.skipped)
            if self.whole
            else pair_samples(pairs, context.scale, context.crop, context.skipped)
        )

    def validation_pairs(self, context: DataContext) -> list[Sample]:
        """Samples from ``validation.pairs`` of the recipe; empty if it has none."""
        folders = context.validation_pairs
        return [] if folders is None else self.paired_samples(match_photos(*folders), context)


class PhotoSource(DataSource[Options]):
    """Training data with good photographs as targets and inputs made from them.

    A subclass implements :meth:`dataset` for training and :meth:`samples` for validation.
    """

    origin: ClassVar[str] = "train"

    def open(self, context: DataContext) -> TrainingData:
        photos, held = context.split(context.photos(self.options.train), self.options.holdout)
        dataset = self.dataset(photos, context)
        if context.validation_folder is not None:
            held = list_photos([context.validation_folder])
        samples = self.samples(held, context) or self.validation_pairs(context)
        return TrainingData(dataset, samples, f"{len(photos)} photographs to train on")

    @abstractmethod
    def dataset(self, photos: Sequence[Path], context: DataContext) -> PairDataset:
        """Training samples made from photographs."""

    @abstractmethod
    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        """Validation samples made from photographs, identical for every call."""
