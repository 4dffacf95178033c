"""Adan: Adam with the change of the gradient as a third average."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from restore.training.each_parameter import EachParameter


class Adan(EachParameter):
    """Adaptive Nesterov momentum: Xie, Zhou, Li, Lin and Yan, TPAMI 2024 (arXiv 2208.06677), algorithm 1.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: decay of the averages of the gradient, of its change, and of the square of their sum. These are 1 minus
            the paper's values, as in the authors' code.
        eps: added to the root of the last average.
        weight_decay: decay of the weights, applied after the step.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            for name in ("exp_avg", "exp_avg_diff", "exp_avg_sq"):
                state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            state["previous"] = gradient.clone()
        first, second, third = group["betas"]
        state["step"] += 1
        count = int(state["step"])
        change = gradient - state["previous"]
        state["previous"].copy_(gradient)
        state["exp_avg"].lerp_(gradient, 1 - first)
        state["exp_avg_diff"].lerp_(change, 1 - second)
        ahead = gradient + second * change
        state["exp_avg_sq"].mul_(third).addcmul_(ahead, ahead, value=1 - third)
        root = (state["exp_avg_sq"] / (1 - third**count)).sqrt_().add_(group["eps"])
        parameter.addcdiv_(state["exp_avg"], root, value=-group["lr"] / (1 - first**count))
        parameter.addcdiv_(state["exp_avg_diff"], root, value=-group["lr"] * second / (1 - second**count))
        parameter.div_(1 + group["lr"] * group["weight_decay"])
