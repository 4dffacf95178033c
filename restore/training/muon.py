"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from restore.training.each_parameter import EachParameter

# Of Jordan's quintic Newton-Schulz iteration: five rounds bring all singular values to about 0.7..1.2.
_COEFFICIENTS, _ROUNDS = (3.4445, -4.7750, 2.0315), 5
_EPSILON = 1e-7


class Muon(EachParameter):
    """Muon for weights that are matrices, and AdamW for biases and other vectors.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. The kernel of a convolution is a
    matrix of a row for each output channel. Steps have the size of AdamW's, 0.2 on average for a rate of 1, as in Liu
    et al., "Muon is scalable for LLM training", 2025, so that both kinds of weights share a learning rate.
    torch's own takes matrices only, and computes in bfloat16, which many processors emulate; this one computes in the
    weights' precision.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        momentum: decay of the average of the gradients of matrices; Nesterov's.
        betas: decay of AdamW's averages, for vectors.
        eps: added to the root of AdamW's average of squares.
        weight_decay: decay of the weights, apart from the gradient.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        (self._orthogonal if _is_matrix(parameter) else self._adam)(parameter, gradient, group)

    def _orthogonal(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, momentum = self.state[parameter], group["momentum"]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        average = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        made = orthogonalized(gradient.lerp(average, momentum).flatten(1))
        parameter.add_(made.view(parameter.shape), alpha=-0.2 * math.sqrt(max(made.shape)) * group["lr"])

    def _adam(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        first, second = group["betas"]
        state["step"] += 1
        count = int(state["step"])
        state["exp_avg"].lerp_(gradient, 1 - first)
        state["exp_avg_sq"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (state["exp_avg_sq"] / (1 - second**count)).sqrt_().add_(group["eps"])
        parameter.addcdiv_(state["exp_avg"], root, value=-group["lr"] / (1 - first**count))


def orthogonalized(matrix: Tensor) -> Tensor:
    """A matrix (A, B) with its singular vectors, and all its singular values near 1."""
    tall = matrix.shape[0] > matrix.shape[1]
    start = matrix.T if tall else matrix
    now: Tensor = start / start.norm().clamp(min=_EPSILON)
    a, b, c = _COEFFICIENTS
    for _ in range(_ROUNDS):
        gram = now @ now.T
        now = a * now + (b * gram + c * gram @ gram) @ now
    return now.T.contiguous() if tall else now


def _is_matrix(parameter: Tensor) -> bool:
    return parameter.ndim > 1 and parameter.shape[0] > 1 and parameter.shape[0] < parameter.numel()
