"""What every loss provides: its options in a recipe, and the term that training adds up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from restore.encoders.encoder import EncoderOptions
from restore.losses.adversarial import Adversarial
from restore.losses.enlarge import enlarged
from restore.networks.discriminators.base import DiscriminatorOptions


class LossTerm(nn.Module, ABC):
    """One term of a training loss, before its weight."""

    @property
    def learned(self) -> nn.Module | None:
        """The part that is trained along with the network, fitted to the data or kept from earlier steps, and saved in
        checkpoints. Its parameters that need a gradient are trained."""
        return None

    def begin(self) -> None:
        """Prepare before step 0, once the network has the weights that it begins with."""

    def after_step(self, step: int) -> None:
        """Follow an update of the network.

        Args:
            step: completed steps, from 1.
        """

    @property
    def calibration_samples(self) -> int:
        """Samples needed for calibration before step 0; 0 for most losses."""
        return 0

    def calibrate(self, samples: Iterable[tuple[Tensor, Tensor]]) -> Iterator[str]:
        """Fit the term to the training data before step 0.

        Args:
            samples: batches of inputs and targets, (N, 3, h, w) and (N, 3, H, W) on 0..1.

        Yields:
            What was found, one line of text each.
        """
        return iter(())

    @abstractmethod
    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch: a scalar whose gradient reaches ``output`` and what the term trains, nothing else.

        Args:
            output: (N, 3, H, W), RGB, the network's result for ``input``; it may exceed 0..1.
            target: (N, 3, H, W) on 0..1.
            input: (N, 3, h, w) on 0..1.
            generator: the source of all random numbers, on the CPU.
        """


@dataclass(frozen=True)
class NetworkCall:
    """What the network was given for a batch, so that another network can be given the same.

    Attributes:
        arguments: the input (N, 3, h, w) on 0..1, and what the network is conditioned on.
        taught: the teacher's result, (N, 3, H, W) on 0..1; None without a teacher.
    """

    arguments: tuple[Tensor | None, ...]
    taught: Tensor | None = None


class ModelTerm(LossTerm):
    """A term that may also compare the output with what other networks make of the same input."""

    @abstractmethod
    def made(self, call: NetworkCall, generator: torch.Generator) -> list[Tensor]:
        """The results of other networks, constants, (N, K, 3, H, W) of each; they may exceed 0..1.

        Args:
            call: how the network was called for this batch.
            generator: as in :meth:`forward`.
        """

    @abstractmethod
    def compare(
        self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator, made: Sequence[Tensor]
    ) -> Tensor:
        """The loss of a batch, as :meth:`forward`.

        Args:
            output: see :meth:`forward`, also for the next three.
            target: the target.
            input: the input.
            generator: the source of all random numbers.
            made: from :meth:`made`.
        """

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return self.compare(output, target, input, generator, ())


class PairTerm(LossTerm):
    """A term that compares the output with the target.

    Args:
        function: of (output, target); the parameters of a module become the term's.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return self.function(output, target)


class InputTerm(PairTerm):
    """A term that compares the output with the input, enlarged to the output's size."""

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return self.function(output, enlarged(input, *output.shape[-2:]))


class LabeledTerm(LossTerm):
    """A term that needs to know how each input was made."""

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        raise ValueError(f"{type(self).__name__} needs labels, and these samples have none")

    @abstractmethod
    def of_labels(self, input: Tensor, labels: Tensor, shared: dict[str, Tensor]) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            input: as in :meth:`forward`.
            labels: (N,), int64, the class of each input; negative for none.
            shared: intermediate results of the terms of this batch, by name; a term reads what others left and adds
                its own.
        """


class DiscriminatorView(Protocol):
    """The discriminator that is trained alongside the network, as losses see it."""

    @property
    def network(self) -> nn.Module: ...

    @property
    def sides(self) -> Adversarial:
        """The adversarial loss, the generator's side and the discriminator's."""

    def logits(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) RGB on 0..1 to logits of any shape."""


class PromptScorer(Protocol):
    """Trained prompts, as losses see them."""

    @property
    def prompts(self) -> nn.Module: ...

    def score(self, pictures: Tensor) -> Tensor:
        """The probability of the prompt for bad pictures: (N, 3, H, W) to (N,)."""


@dataclass(frozen=True)
class TrainingContext:
    """What a loss is trained with: the network, and the recipe's discriminator or prompts, if it has them.

    Attributes:
        network: the network that is trained.
        discriminator: the recipe's discriminator.
        prompts: the recipe's prompts.
        copied: makes a network with the same weights that shares none of them.
        fresh: makes such a network with the weights that a new run would begin with.
        fixed: reads a trained network from a file: inputs (N, 3, h, w) on 0..1 to results (N, 3, H, W), without a
            gradient.
    """

    network: nn.Module | None = None
    discriminator: DiscriminatorView | None = None
    prompts: PromptScorer | None = None
    copied: Callable[[], nn.Module] | None = None
    fresh: Callable[[], nn.Module] | None = None
    fixed: Callable[[Path], Callable[[Tensor], Tensor]] | None = None


ALONE = TrainingContext()


class DataFacts(Protocol):
    """``data``, as losses see it."""

    @property
    def has_targets(self) -> bool:
        """Whether the target of a sample shows what its input shows."""

    def labels(self) -> tuple[str, ...]:
        """Names of the classes of inputs; empty if the samples have no labels."""


class NetworkFacts(Protocol):
    """``network``, as losses see it."""

    @property
    def kind(self) -> str: ...
    def codes(self) -> bool: ...
    def taps(self) -> int: ...


class DiscriminatorFacts(Protocol):
    """``discriminator``, as losses see it."""

    @property
    def network(self) -> DiscriminatorOptions | EncoderOptions: ...


class TrainFacts(Protocol):
    """``train``, as losses see it."""

    @property
    def stride(self) -> int: ...


class RecipeFacts(Protocol):
    """What a loss may check about the recipe that lists it."""

    @property
    def scale(self) -> int: ...
    @property
    def network(self) -> NetworkFacts: ...
    @property
    def data(self) -> DataFacts: ...
    @property
    def discriminator(self) -> DiscriminatorFacts | None: ...
    @property
    def guidance(self) -> object | None: ...
    @property
    def teacher(self) -> object | None: ...
    @property
    def train(self) -> TrainFacts: ...


class LossOptions(BaseModel, ABC):
    """Options of a loss in a recipe.

    A subclass has a literal ``kind``, a :meth:`build`, and whatever else differs from the defaults here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    weight: PositiveFloat = Field(1.0, description="factor in the sum of the losses")
    begin: int = Field(0, ge=0, description="first step at which the loss counts, from 0")
    end: PositiveInt | None = Field(None, description="step at which the loss stops counting; null for never")

    teacher: bool = Field(
        False, description="compare with the result of the recipe's teacher instead of the photograph (distillation)"
    )

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.end is not None and self.end <= self.begin:
            raise ValueError(f"end ({self.end}) must come after begin ({self.begin})")
        return self

    def counts_at(self, step: int) -> bool:
        """Whether the loss counts at ``step``, from 0."""
        return self.begin <= step and (self.end is None or step < self.end)

    @property
    def uses_discriminator(self) -> bool:
        """Whether it needs the recipe's discriminator."""
        return False

    @property
    def uses_prompts(self) -> bool:
        """Whether it needs the prompts of the recipe's ``guidance``."""
        return False

    @property
    def uses_teacher(self) -> bool:
        """Whether it needs the result of the recipe's teacher."""
        return self.teacher

    @property
    def needs_pairs(self) -> bool:
        """Whether it compares the output with its own target, which unpaired data do not have."""
        return True

    def check(self, recipe: RecipeFacts) -> None:
        """Check that the recipe has what this loss needs. Subclasses add their own requirements.

        Raises:
            ValueError: it does not.
        """
        if self.uses_discriminator and recipe.discriminator is None:
            raise ValueError(f"{self.kind} needs a discriminator: add one, such as {{network: {{kind: haar}}}}")
        if self.uses_prompts and recipe.guidance is None:
            raise ValueError(f"{self.kind} needs prompts: add guidance, such as {{prompts: latent}}")
        if self.teacher and recipe.teacher is None:
            raise ValueError(f"{self.kind} has teacher: true, and there is none: add teacher: {{file: ...}}")
        if self.teacher and not self.needs_pairs:
            raise ValueError(f"{self.kind} compares the output with no photograph, so remove teacher: true")
        if self.needs_pairs and not self.teacher and not recipe.data.has_targets:
            raise ValueError(
                f"{self.kind} compares the output with its target, and unpaired data have none; "
                "use adversarial, patch-nce with key: input, or give data.pairs"
            )

    def class_names(self, recipe: RecipeFacts) -> tuple[str, ...]:
        """Names of the classes that this loss teaches the network to tell apart; empty for most losses."""
        return ()

    @abstractmethod
    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        """The term.

        Args:
            context: what it is trained with.

        Raises:
            RestoreError: the weights of its encoder, or a package, are missing.
            ValueError: the context lacks something that it needs.
        """


class TargetFreeOptions(LossOptions):
    """Options of a loss that needs no target of its own, so that it works with unpaired data, too."""

    @property
    def needs_pairs(self) -> bool:
        return False
