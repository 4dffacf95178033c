"""Samples that networks make of the same input: the network's own past, another trained network, the teacher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from torch import Tensor, nn

from restore.losses.base import NetworkCall, RecipeFacts, TrainingContext


class SampleModel(nn.Module, ABC):
    """Makes the samples of a :class:`ModelSample`. Its parameters and buffers are saved in checkpoints."""

    def begin(self) -> None:
        """See :meth:`restore.losses.base.LossTerm.begin`."""

    def after_step(self, step: int) -> None:
        """See :meth:`restore.losses.base.LossTerm.after_step`."""

    @abstractmethod
    def make(self, call: NetworkCall, generator: torch.Generator) -> Tensor:
        """Samples for each picture of a batch, (N, K, 3, H, W); they may exceed 0..1, as the network's result may.

        Args:
            call: how the network was called for this batch.
            generator: source of randomness, on the CPU.
        """


class ModelSample(BaseModel, ABC):
    """A kind of sample that a network makes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    def check(self, recipe: RecipeFacts) -> None:
        """Check that the recipe has what the sample needs.

        Raises:
            ValueError: it does not.
        """

    @abstractmethod
    def build(self, context: TrainingContext) -> SampleModel:
        """What makes the samples.

        Raises:
            ModelError: the file of its network is missing or damaged.
            ValueError: the context lacks something that it needs.
        """


class History(SampleModel):
    """Lagging copies of the network: what it made of the input some steps ago.

    Refreshed copy: ``decay`` of itself and 1 - ``decay`` of the network. Copies get no gradient.

    Args:
        network: the network that is trained; not a part of this module.
        copied: makes a copy of it.
        fresh: makes a network with weights that a new run would begin with.
        every: steps between two refreshes, for each copy.
        decay: share of a copy that a refresh keeps, 0 to below 1.
        share: share of fresh weights that the copies begin with, 0..1.
        drawn: copies that are compared at a step, drawn at random; None for all.
    """

    def __init__(
        self,
        network: nn.Module,
        copied: Callable[[], nn.Module],
        fresh: Callable[[], nn.Module],
        every: tuple[int, ...],
        decay: float,
        share: float,
        drawn: int | None,
    ) -> None:
        super().__init__()
        self.copies = nn.ModuleList(copied().requires_grad_(False).eval() for _ in every)
        self._followed = (network,)  # a tuple, so that it is no submodule of this module
        self._fresh, self.every, self.decay, self.share, self.drawn = fresh, every, decay, share, drawn

    def train(self, mode: bool = True) -> Self:
        """Only this module's own flag: copies stay in evaluation mode."""
        self.training = mode
        return self

    def begin(self) -> None:
        for copy in self.copies:
            _blend(copy, self._followed[0], 0.0)
            if self.share:
                _blend(copy, self._fresh(), 1 - self.share)

    def after_step(self, step: int) -> None:
        for copy, every in zip(self.copies, self.every, strict=True):
            if step % every == 0:
                _blend(copy, self._followed[0], self.decay)

    def make(self, call: NetworkCall, generator: torch.Generator) -> Tensor:
        chosen = list(range(len(self.copies)))
        if self.drawn is not None:
            chosen = torch.randperm(len(chosen), generator=generator)[: self.drawn].tolist()
        return torch.stack([self.copies[number](*call.arguments).detach().float() for number in chosen], dim=1)


@torch.no_grad()
def _blend(copy: nn.Module, other: nn.Module, keep: float) -> None:
    """Set the weights and buffers of ``copy`` to ``keep`` of themselves and 1 - ``keep`` of the other's."""
    theirs = other.state_dict()
    for name, own in copy.state_dict().items():
        value = theirs[name].to(own.device)
        if own.is_floating_point():
            own.mul_(keep).add_(value, alpha=1 - keep)
        else:
            own.copy_(value)


class HistorySample(ModelSample):
    """The network's own results some steps ago: negatives of SPN, which lead away from what it has left behind.

    Wu et al., "Learning from history: task-agnostic model contrastive learning for image restoration", AAAI 2024.
    The defaults are those of its recipe for haze. The copies add their forward passes to each step; ``drawn`` limits
    them.
    """

    kind: Literal["history"] = "history"
    every: tuple[PositiveInt, ...] = Field(
        (100, 200, 500, 1000), min_length=1, max_length=16, description="steps between two refreshes, for each copy"
    )
    decay: float = Field(0.1, ge=0, lt=1, description="share of a copy that is kept when it is refreshed")
    fresh: float = Field(
        0.1, ge=0, le=1, description="share of newly drawn weights that the copies begin with; 0 for none"
    )
    drawn: PositiveInt | None = Field(None, description="copies compared at a step, drawn at random; null for all")

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if self.drawn is not None and self.drawn > len(self.every):
            raise ValueError(f"drawn ({self.drawn}) is more than the {len(self.every)} copies that every lists")
        return self

    def build(self, context: TrainingContext) -> SampleModel:
        network, copied, fresh = context.network, context.copied, context.fresh
        if network is None or copied is None or fresh is None:
            raise ValueError("history needs the network that is trained")
        return History(network, copied, fresh, self.every, self.decay, self.fresh, self.drawn)


class _Fixed(SampleModel):
    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._compute = compute

    def make(self, call: NetworkCall, generator: torch.Generator) -> Tensor:
        input = call.arguments[0]
        assert input is not None
        return self._compute(input).detach().float()[:, None]


class CheckpointSample(ModelSample):
    """The result of a trained network: as a negative, an earlier or a smaller one, to be surpassed.

    C2PNet (Zheng et al., CVPR 2023) takes the results of weaker networks as negatives, with the objective
    ``curricular-ratio``.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    file: Path = Field(
        description="a run's folder or checkpoint, a published checkpoint that `restore import` reads (.pth, "
        ".safetensors), or a model (.onnx)"
    )

    def check(self, recipe: RecipeFacts) -> None:
        if recipe.train.stride > 1:
            raise ValueError("checkpoint needs whole patches, and train.stride leaves pixels out: set it to 1")

    def build(self, context: TrainingContext) -> SampleModel:
        if context.fixed is None:
            raise ValueError("checkpoint needs a run that reads networks from files")
        return _Fixed(context.fixed(self.file))


class _Taught(SampleModel):
    def make(self, call: NetworkCall, generator: torch.Generator) -> Tensor:
        if call.taught is None:
            raise ValueError("the sample 'teacher' needs a teacher, and there is none: add teacher: {file: ...}")
        return call.taught.detach()[:, None]


class TeacherSample(ModelSample):
    """The result of the recipe's teacher: as a positive, distillation by contrast.

    Wang et al., "Towards compact single image super-resolution via contrastive self-distillation", IJCAI 2021, with
    ``shuffle`` as negatives.
    """

    kind: Literal["teacher"] = "teacher"

    def check(self, recipe: RecipeFacts) -> None:
        if recipe.teacher is None:
            raise ValueError("the sample 'teacher' needs a teacher, and there is none: add teacher: {file: ...}")

    def build(self, context: TrainingContext) -> SampleModel:
        return _Taught()
