"""iSogCLR against its update in plain loops, and the state it keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from restore.losses.contrastive.objectives.isogclr import IndividualTemperatures


class Reference:
    """One sample at a time, with dictionaries."""

    def __init__(self) -> None:
        self.s: dict[int, float] = {}
        self.tau: dict[int, float] = {}
        self.u: dict[int, float] = {}

    def step(self, positive: np.ndarray, negative: np.ndarray, i: int) -> float:
        tau = self.tau.get(i, 0.07)
        mean = np.mean([math.exp(s / tau) for s in negative])
        s = self.s[i] = 0.2 * self.s[i] + 0.8 * mean if i in self.s else mean
        weights = [math.exp(x / tau) / s for x in negative]
        gradient = math.log(s) + 0.4 - np.mean([w * x / tau for w, x in zip(weights, negative, strict=True)])
        self.u[i] = 0.5 * self.u.get(i, 0.0) + 0.5 * min(3, max(-3, gradient))
        self.tau[i] = min(1.0, max(0.05, tau - 0.03 * self.u[i]))
        return float(np.mean([w * x for w, x in zip(weights, negative, strict=True)]) - positive.mean())


def drawn(step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(step)
    positive, negative = (2 * torch.rand(3, k, generator=draw, dtype=torch.float64) - 1 for k in (2, 5))
    return positive, negative, torch.randperm(6, generator=draw)[:3]


def test_update() -> None:
    objective, reference = IndividualTemperatures(6).double(), Reference()
    objective.temperature.fill_(0.07)  # which float32 does not hold exactly
    for step in range(12):
        positive, negative, index = drawn(step)
        expected = [
            reference.step(p, n, int(i)) for p, n, i in zip(positive.numpy(), negative.numpy(), index, strict=True)
        ]
        np.testing.assert_allclose(objective(positive, negative, index).numpy(), expected, rtol=1e-9)
    for i in range(6):
        assert objective.temperature[i].item() == pytest.approx(reference.tau[i])
        assert objective.velocity[i].item() == pytest.approx(reference.u[i])
        assert objective.log_mean[i].exp().item() == pytest.approx(reference.s[i])
    assert len(objective.temperature.unique()) > 3, "temperatures are the samples' own, though some end at a bound"


def test_state_goes_on_where_it_was() -> None:
    objective = IndividualTemperatures(6)
    for step in range(5):
        objective(*drawn(step))
    other = IndividualTemperatures(6)
    other.load_state_dict(objective.state_dict())
    torch.testing.assert_close(other(*drawn(5)), objective(*drawn(5)), rtol=0, atol=0)


def test_evaluation_remembers_nothing() -> None:
    objective = IndividualTemperatures(6)
    objective(*drawn(0))
    before = {k: v.clone() for k, v in objective.state_dict().items()}
    objective.eval()(*drawn(1))
    assert all(torch.equal(before[k], v) for k, v in objective.state_dict().items())


def test_weights_are_constants_to_the_gradient() -> None:
    objective = IndividualTemperatures(6).double()
    positive, negative, index = drawn(0)
    positive.requires_grad_()
    negative.requires_grad_()
    objective(positive, negative, index).sum().backward()
    weights = torch.softmax(negative.detach() / 0.07, dim=1)  # at the first sight the running mean is the batch's own
    torch.testing.assert_close(negative.grad, weights, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(positive.grad, torch.full_like(positive, -0.5))
    assert not any(buffer.requires_grad for buffer in objective.buffers())


@pytest.mark.parametrize("signs", [(1, -1), (-1, 1)])
def test_temperatures_stay_within_bounds_and_finite(signs: tuple[int, int]) -> None:
    objective = IndividualTemperatures(2)
    for _ in range(100):
        losses = objective(
            torch.full((2, 1), 1.0 * signs[0]).half(), torch.full((2, 4), 1.0 * signs[1]).half(), torch.arange(2)
        )
        assert losses.isfinite().all()
        assert losses.dtype == torch.float32
    assert ((objective.temperature >= 0.05) & (objective.temperature <= 1)).all()
    assert objective.log_mean.isfinite().all()
