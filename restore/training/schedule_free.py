"""Schedule-free AdamW: an average of the weights takes the place of a decaying learning rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from restore.training.each_parameter import EachParameter


class ScheduleFree(EachParameter):
    """AdamW without momentum, whose gradients are taken between its weights and their average.

    Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky, "The road less scheduled", NeurIPS 2024 (arXiv 2405.15682),
    algorithm 1. The parameters are the paper's y; z ("fast") and x ("average") are in the state. Steps are weighted
    in the average by the square of their learning rate.

    Args:
        params: parameters, or groups of them.
        lr: learning rate, constant but for a warm-up.
        betas: share of the average in the weights that gradients are taken at, and decay of the averaged squared
            gradient.
        eps: added to the root of that average.
        weight_decay: decay of the weights, apart from the gradient.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def averaged(self, parameter: Tensor) -> Tensor:
        """See :class:`restore.training.optim.KeepsAverage`."""
        state = self.state.get(parameter)
        average: Tensor = state["average"] if state else parameter
        return average

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["weights"] = parameter.new_zeros(())
            state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            for name in ("fast", "average"):
                state[name] = torch.clone(parameter, memory_format=torch.preserve_format)
        between, decay = group["betas"]
        state["step"] += 1
        state["exp_avg_sq"].mul_(decay).addcmul_(gradient, gradient, value=1 - decay)
        root = (state["exp_avg_sq"] / (1 - decay ** int(state["step"]))).sqrt_().add_(group["eps"])
        fast = state["fast"].addcdiv_(gradient, root, value=-group["lr"])
        fast.sub_(parameter, alpha=group["lr"] * group["weight_decay"])
        state["weights"] += group["lr"] ** 2
        # A tensor: reading it would wait for a GPU.
        state["average"].lerp_(fast, group["lr"] ** 2 / state["weights"])
        parameter.copy_(fast.lerp(state["average"], between))
