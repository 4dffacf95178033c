"""Optimizers by name: torch's own, Adan, Muon and schedule-free AdamW.

A new one is its class of options and one entry here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator
from torch import nn

from restore.training.adan import Adan
from restore.training.muon import Muon
from restore.training.schedule_free import ScheduleFree
from restore.utils.registry import OneOf, Registry, by_kind

Groups = list[dict[str, Any]]


class OptimizerOptions(BaseModel):
    """Options of an optimizer. A subclass has a literal ``kind`` and :meth:`build`.

    Everything that the optimizer remembers must be tensors in its state, which checkpoints keep.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str
    lr: PositiveFloat

    @abstractmethod
    def build(self, groups: Groups) -> torch.optim.Optimizer:
        """The optimizer of groups of parameters, each ``{"params": [...]}``."""


_LR = "peak learning rate"
_BETAS = "decay of the running averages of the gradient and its square"
_DECAY = "weight decay, added to the gradient"
_EITHER = "weight decay"
_DECOUPLED = "decouple the weight decay from the gradient, as AdamW does"


class Optimizer(OptimizerOptions):
    """Adam (Kingma and Ba, ICLR 2015) or AdamW (Loshchilov and Hutter, ICLR 2019)."""

    kind: Literal["adam", "adamw"] = "adam"
    lr: PositiveFloat = Field(2e-3, description=_LR)
    betas: tuple[float, float] = Field((0.9, 0.99), description=_BETAS)
    weight_decay: float = Field(0.0, ge=0, description="weight decay; adam adds it to the gradient, adamw decouples it")

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        kind: Any = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.kind]
        made: torch.optim.Optimizer = kind(
            groups, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay, fused=True
        )
        return made


class SgdOptions(OptimizerOptions):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    lr: PositiveFloat = Field(1e-1, description=_LR)
    momentum: float = Field(0.9, ge=0, lt=1, description="decay of the running sum of gradients; 0 for none")
    nesterov: bool = Field(False, description="Nesterov's momentum")
    weight_decay: float = Field(0.0, ge=0, description=_DECAY)

    @model_validator(mode="after")
    def _has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            groups, lr=self.lr, momentum=self.momentum, nesterov=self.nesterov, weight_decay=self.weight_decay
        )


class RmspropOptions(OptimizerOptions):
    """RMSprop (Hinton, 2012): each step is divided by the root mean square of recent gradients."""

    kind: Literal["rmsprop"] = "rmsprop"
    lr: PositiveFloat = Field(1e-3, description=_LR)
    alpha: float = Field(0.99, ge=0, lt=1, description="decay of the running average of squared gradients")
    momentum: float = Field(0.0, ge=0, lt=1, description="momentum of the steps; 0 for none")
    weight_decay: float = Field(0.0, ge=0, description=_DECAY)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(
            groups, lr=self.lr, alpha=self.alpha, momentum=self.momentum, weight_decay=self.weight_decay
        )


class NadamOptions(OptimizerOptions):
    """NAdam (Dozat, 2016): Adam with Nesterov's momentum."""

    kind: Literal["nadam"] = "nadam"
    lr: PositiveFloat = Field(2e-3, description=_LR)
    betas: tuple[float, float] = Field((0.9, 0.999), description=_BETAS)
    weight_decay: float = Field(0.0, ge=0, description=_EITHER)
    decoupled: bool = Field(False, description=_DECOUPLED)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return torch.optim.NAdam(
            groups,
            lr=self.lr,
            betas=self.betas,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=self.decoupled,
        )


class RadamOptions(OptimizerOptions):
    """RAdam (Liu et al., ICLR 2020): Adam whose first steps are corrected for their variance."""

    kind: Literal["radam"] = "radam"
    lr: PositiveFloat = Field(1e-3, description=_LR)
    betas: tuple[float, float] = Field((0.9, 0.999), description=_BETAS)
    weight_decay: float = Field(0.0, ge=0, description=_EITHER)
    decoupled: bool = Field(False, description=_DECOUPLED)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return torch.optim.RAdam(
            groups,
            lr=self.lr,
            betas=self.betas,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=self.decoupled,
        )


class AdamaxOptions(OptimizerOptions):
    """Adamax (Kingma and Ba, ICLR 2015): Adam by the largest instead of the mean squared gradient."""

    kind: Literal["adamax"] = "adamax"
    lr: PositiveFloat = Field(2e-3, description=_LR)
    betas: tuple[float, float] = Field((0.9, 0.999), description=_BETAS)
    weight_decay: float = Field(0.0, ge=0, description=_DECAY)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return torch.optim.Adamax(groups, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)


class AdagradOptions(OptimizerOptions):
    """Adagrad (Duchi, Hazan and Singer, JMLR 2011): steps are divided by the root of all squared gradients so far."""

    kind: Literal["adagrad"] = "adagrad"
    lr: PositiveFloat = Field(1e-2, description=_LR)
    weight_decay: float = Field(0.0, ge=0, description=_DECAY)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return torch.optim.Adagrad(groups, lr=self.lr, weight_decay=self.weight_decay)


class AdanOptions(OptimizerOptions):
    """Adan (Xie et al., TPAMI 2024): Adam with Nesterov's momentum by the change of the gradient; takes high rates."""

    kind: Literal["adan"] = "adan"
    lr: PositiveFloat = Field(2e-3, description=_LR)
    betas: tuple[float, float, float] = Field(
        (0.98, 0.92, 0.99), description="decay of the averages of the gradient, of its change, and of their square"
    )
    weight_decay: float = Field(0.0, ge=0, description="weight decay, decoupled from the gradient")

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return Adan(groups, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)


class MuonOptions(OptimizerOptions):
    """Muon (Jordan et al., 2024): kernels of convolutions move by orthogonal matrices, and vectors by AdamW."""

    kind: Literal["muon"] = "muon"
    lr: PositiveFloat = Field(2e-3, description=_LR)
    momentum: float = Field(0.95, ge=0, lt=1, description="decay of the running average of the gradient of kernels")
    betas: tuple[float, float] = Field((0.9, 0.99), description=f"{_BETAS}, of vectors such as biases")
    weight_decay: float = Field(0.0, ge=0, description="weight decay, decoupled from the gradient")

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return Muon(groups, self.lr, self.momentum, self.betas, weight_decay=self.weight_decay)


class ScheduleFreeOptions(OptimizerOptions):
    """Schedule-free AdamW (Defazio et al., NeurIPS 2024): good at any step, without knowing when the run will end.

    It keeps an average of the weights, which is validated and exported: ``train.ema`` has no effect. The learning rate
    must not decay: ``train.schedule.floor`` is 1.
    """

    kind: Literal["schedule-free"] = "schedule-free"
    lr: PositiveFloat = Field(2.5e-3, description="learning rate after the warm-up")
    betas: tuple[float, float] = Field(
        (0.9, 0.999),
        description="share of the average in the weights that gradients are taken at; decay of the running average of "
        "the squared gradient",
    )
    weight_decay: float = Field(0.0, ge=0, description="weight decay, decoupled from the gradient")

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        return ScheduleFree(groups, self.lr, self.betas, weight_decay=self.weight_decay)


OPTIMIZERS: Registry[type[OptimizerOptions]] = by_kind(
    "optimizer",
    "restore.optimizers",
    Optimizer,
    SgdOptions,
    RmspropOptions,
    NadamOptions,
    RadamOptions,
    AdamaxOptions,
    AdagradOptions,
    AdanOptions,
    MuonOptions,
    ScheduleFreeOptions,
)

# Recipes from before there was a choice do not say which one they mean.
AnyOptimizer = Annotated[OptimizerOptions, OneOf(OPTIMIZERS, default="adam")]


def build_optimizer(options: OptimizerOptions, *groups: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """An optimizer of one or more groups of parameters; empty groups are skipped."""
    return options.build([{"params": parameters} for group in groups if (parameters := list(group))])
