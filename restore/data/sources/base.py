"""What a kind of training data is: the keys that it adds to ``data:`` of a recipe, and what it makes of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from restore.data.dataset import PairDataset
from restore.data.folder import list_photos
from restore.data.pairs import match_photos
from restore.data.sources.samples import Sample, pair_samples, whole_pair_samples
from restore.errors import DataError

_Item = TypeVar("_Item")
# Held out of any folder, if the recipe holds out as many.
_FEW = 12


class DataOptions(BaseModel):
    """The keys of ``data:`` that every source has. A source that has more declares them in a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    train: list[str] = Field([], description="folders of photographs, relative to --data; the input is made of them")
    patch: PositiveInt = Field(
        48, description="side of a low-resolution patch, pixels; of a view where light is learned"
    )
    holdout: int = Field(
        12, ge=0, description="photographs or scenes kept for validation alone; of more than 12, at most a fifth of all"
    )
    cache_gb: PositiveFloat = Field(4.0, description="decoded pixels to keep in memory")


Options = TypeVar("Options", bound=DataOptions)


@dataclass(frozen=True)
class DataContext:
    """What a source gets from the rest of the recipe.

    Attributes:
        root: folder that all others are relative to.
        scale: how many times larger a target is than its input.
        seed: of the samples.
        budget: bytes of decoded pixels to keep in memory.
        crop: largest side of a validation picture, pixels.
        validation_folder: photographs to validate on instead of held-out ones.
        validation_pairs: folders of inputs and targets to validate on instead, and the template that pairs names.
    """

    root: Path
    scale: int
    seed: int
    budget: int
    crop: int
    validation_folder: Path | None = None
    validation_pairs: tuple[Path, Path, str | None] | None = None

    def photos(self, folders: Sequence[str]) -> list[Path]:
        """The photographs below folders of the recipe.

        Raises:
            DataError: a folder is missing, empty or cannot be read.
        """
        return list_photos([self.root / name for name in folders])

    def split(self, items: Sequence[_Item], holdout: int) -> tuple[list[_Item], list[_Item]]:
        """Items to train on, and held-out ones: see :func:`hold_out`; none if validation has pictures of its own."""
        if self.validation_folder is not None or self.validation_pairs is not None:
            return list(items), []
        return hold_out(items, holdout)


def hold_out(items: Sequence[_Item], holdout: int) -> tuple[list[_Item], list[_Item]]:
    """Items to train on, and items for validation alone, spread evenly over the list.

    Args:
        items: photographs, pairs or scenes.
        holdout: how many to hold out; of more than 12, at most a fifth of the items.

    Raises:
        DataError: nothing is left to train or validate on.
    """
    # A recipe for thousands of photographs should also work for dozens.
    count = min(holdout, max(_FEW, len(items) // 5))
    if count == 0:
        raise DataError("nothing to validate on: give validation.folder or validation.pairs, or data.holdout above 0")
    if count >= len(items):
        raise DataError(
            f"data.holdout = {holdout} would leave none of {len(items)} photographs or scenes to train on: "
            "give more of them, a smaller data.holdout, or something else to validate on"
        )
    held = {round((i + 0.5) * len(items) / count) for i in range(count)}
    return [item for i, item in enumerate(items) if i not in held], [items[i] for i in sorted(held)]


@dataclass(frozen=True)
class TrainingData:
    """What a run trains on and validates on.

    Attributes:
        dataset: training samples.
        samples: validation samples, at least one; without targets they are mostly to look at.
        description: of the training pictures, for the console.
    """

    dataset: PairDataset
    samples: list[Sample]
    description: str


class DataSource(ABC, Generic[Options]):
    """One kind of training data. A recipe selects it by giving its key below ``data:``.

    Attributes:
        key: the key that selects it, and its name in the registry.
        fields: the keys that it understands; the selecting one among them.
        origin: the key that names its folders.
        mixes_with: keys of sources that a recipe may use beside it; samples of either then take turns.
        has_targets: False if input and target show different things.
        same_size: the key that makes input and target the same size; None if the source works at any scale.
        whole: whether pairs of pictures are validated whole, made small, rather than by their middles.

    Args:
        options: ``data:`` of a recipe that selects it.
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
        """Names of what may have been done to an input, by label; see :meth:`PairDataset.label`."""
        return ()

    def check(self) -> None:
        """Refuse options that each are valid, but not together.

        Raises:
            ValueError: says which and why.
        """

    @abstractmethod
    def open(self, context: DataContext) -> TrainingData:
        """Find the pictures, and hold some out for validation.

        Raises:
            DataError: a folder is missing or empty, its pictures do not fit, or nothing is left to train or validate
                on.
            ImageError: a picture cannot be read.
        """

    def paired_samples(self, pairs: Sequence[tuple[Path, Path]], context: DataContext) -> list[Sample]:
        """Validation samples of pairs of pictures."""
        return (
            whole_pair_samples(pairs, context.crop) if self.whole else pair_samples(pairs, context.scale, context.crop)
        )

    def validation_pairs(self, context: DataContext) -> list[Sample]:
        """Samples of the pairs that the recipe validates on; empty if it names none."""
        folders = context.validation_pairs
        return [] if folders is None else self.paired_samples(match_photos(*folders), context)


class PhotoSource(DataSource[Options]):
    """Training data whose inputs are made of good photographs, which are the targets.

    A subclass says how: :meth:`dataset` for training, :meth:`samples` for validation.
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
        """Training samples made of photographs."""

    @abstractmethod
    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        """Validation samples made of photographs, the same ones at every call."""
