"""Individual temperatures (iSogCLR; Qiu et al., ICML 2023)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, PositiveFloat, model_validator
from torch import Tensor

from restore.losses.contrastive.objectives.base import IndexedObjective, ObjectiveOptions


class IndividualTemperatures(IndexedObjective):
    """A temperature for each training sample, learned by a stochastic gradient step of its own.

    For sample i with temperature t_i, m_i is a running mean of mean_n e^(s_n / t_i) over the times it was seen. The
    loss is mean_n( w_n s_n ) - mean_p s_p with w_n = e^(s_n / t_i) / m_i, a constant to the gradient. In training each
    call also moves the temperature: g = log m_i + rho - mean_n( w_n s_n / t_i ), clipped to -3..3;
    u_i <- (1 - b) u_i + b g; t_i <- t_i - rate u_i, kept within ``bounds``. In evaluation nothing is remembered.

    All state is in ``state_dict``: log m_i (-inf: not seen yet), t_i and u_i. A sample should come once in a batch; of
    several, one is remembered.

    Args:
        samples: size of the training set.
        rho: how strongly a temperature is pulled down to 0; larger is lower.
        initial: first temperature of every sample.
        bounds: lowest and highest temperature.
        gamma: weight of the new in the running mean.
        rate: step size of the temperatures.
        momentum: b, weight of the new in the temperatures' gradient.
    """

    log_mean: Tensor
    temperature: Tensor
    velocity: Tensor

    def __init__(
        self,
        samples: int,
        rho: float = 0.4,
        initial: float = 0.07,
        bounds: tuple[float, float] = (0.05, 1.0),
        gamma: float = 0.8,
        rate: float = 0.03,
        momentum: float = 0.5,
    ) -> None:
        super().__init__()
        self.rho, self.bounds, self.gamma, self.rate, self.momentum = rho, bounds, gamma, rate, momentum
        self.register_buffer("log_mean", torch.full((samples,), -math.inf))
        self.register_buffer("temperature", torch.full((samples,), initial))
        self.register_buffer("velocity", torch.zeros(samples))

    def loss(self, positive: Tensor, negative: Tensor, index: Tensor) -> Tensor:
        temperature = self.temperature[index].to(negative.dtype)
        scaled = negative.detach() / temperature[:, None]
        log_mean = self._running_mean(torch.logsumexp(scaled, dim=1) - math.log(negative.shape[1]), index)
        weight = torch.exp(scaled - log_mean[:, None])
        if self.training:
            self._learn(index, temperature, log_mean, (weight * scaled).mean(dim=1))
        return (weight * negative).mean(dim=1) - positive.mean(dim=1)

    def _running_mean(self, new: Tensor, index: Tensor) -> Tensor:
        """log of the running mean with ``new``, the log of the batch's; the first time a sample is seen, ``new``."""
        old = self.log_mean[index].to(new.dtype)
        mixed = torch.logaddexp(old + math.log(1 - self.gamma), new + math.log(self.gamma))
        return torch.where(old.isinf(), new, mixed)

    @torch.no_grad()
    def _learn(self, index: Tensor, temperature: Tensor, log_mean: Tensor, mean: Tensor) -> None:
        gradient = (log_mean + self.rho - mean).clamp(-3, 3)
        velocity = torch.lerp(self.velocity[index].to(gradient.dtype), gradient, self.momentum)
        stepped = (temperature - self.rate * velocity).clamp(*self.bounds)
        self.log_mean[index] = log_mean.to(self.log_mean.dtype)
        self.velocity[index] = velocity.to(self.velocity.dtype)
        self.temperature[index] = stepped.to(self.temperature.dtype)


class IndividualTemperaturesOptions(ObjectiveOptions):
    """:class:`IndividualTemperatures`, iSogCLR."""

    kind: Literal["isogclr"] = "isogclr"
    remembers_samples: ClassVar[bool] = True
    rho: float = Field(0.4, ge=0, description="pulls the temperatures down")
    initial: PositiveFloat = Field(0.07, description="first temperature of every sample")
    bounds: tuple[PositiveFloat, PositiveFloat] = Field((0.05, 1.0), description="lowest and highest temperature")
    gamma: float = Field(0.8, gt=0, lt=1, description="weight of the new in the running mean")
    rate: float = Field(0.03, ge=0, description="step size of the temperatures")
    momentum: float = Field(0.5, gt=0, le=1, description="weight of the new in the temperatures' gradient")

    @model_validator(mode="after")
    def _within(self) -> Self:
        low, high = self.bounds
        if not low <= self.initial <= high:
            raise ValueError(f"initial ({self.initial}) must lie within bounds [{low}, {high}], the smaller first")
        return self

    def build(self, samples: int) -> IndexedObjective:
        return IndividualTemperatures(
            samples, self.rho, self.initial, self.bounds, self.gamma, self.rate, self.momentum
        )
