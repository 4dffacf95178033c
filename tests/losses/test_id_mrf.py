"""ID-MRF by a transcription of its formula, and what it is for."""

from __future__ import annotations

import numpy as np
import torch

from restore.losses.id_mrf import id_mrf
from restore.losses.registry import LOSSES
from restore.training.step import step_generator


def reference(output: np.ndarray, target: np.ndarray, bias: float, stretch: float) -> float:
    """With loops, for one picture (C, h, w)."""
    mean = target.reshape(len(target), -1).mean(axis=1)
    a, b = (x.reshape(len(x), -1).T - mean for x in (output, target))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    best = np.zeros(len(b))
    for feature in a:
        distances = np.array([(1 - feature @ wanted) / 2 for wanted in b])
        shares = np.exp((bias - distances / (distances.min() + 1e-5)) / stretch)
        best = np.maximum(best, shares / shares.sum())
    return float(-np.log(np.mean(best)))


def test_the_formula() -> None:
    draw = torch.Generator().manual_seed(0)
    output, target = (torch.randn(2, 5, 4, 3, generator=draw, dtype=torch.float64) for _ in range(2))
    for bias, stretch in ((1.0, 0.5), (0.3, 1.2)):
        expected = np.mean(
            [reference(a, b, bias, stretch) for a, b in zip(output.numpy(), target.numpy(), strict=True)]
        )
        np.testing.assert_allclose(id_mrf(output, target, bias, stretch).item(), expected)
    assert torch.autograd.gradcheck(lambda x: id_mrf(x, target), output.requires_grad_())


def test_a_texture_must_be_there_and_not_its_mean() -> None:
    draw = torch.Generator().manual_seed(0)
    target = torch.randn(1, 8, 8, 8, generator=draw)
    shuffled = target.flatten(2)[:, :, torch.randperm(64, generator=draw)].view_as(target)
    flat = target.mean(dim=(2, 3), keepdim=True) + 0.01 * torch.randn(1, 8, 8, 8, generator=draw)
    same = id_mrf(target, target)
    torch.testing.assert_close(id_mrf(shuffled, target), same)
    assert same < 0.01 < 1 < id_mrf(flat, target)


def test_texture_that_is_lost_costs_and_does_not_overflow() -> None:
    """Flat output where the target has texture: most features of the target have a share of exactly 0 everywhere."""
    draw = torch.Generator().manual_seed(0)
    target = torch.randn(1, 64, 16, 16, generator=draw)
    for noise in (0.1, 0.01, 0.0):
        output = (
            target.mean(dim=(2, 3), keepdim=True) + noise * torch.randn(target.shape, generator=draw)
        ).requires_grad_()
        loss = id_mrf(output, target)
        loss.backward()
        assert 1 < loss < 10
        assert output.grad.isfinite().all()


def test_half_precision_is_raised() -> None:
    x = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    assert id_mrf(x.bfloat16(), x.bfloat16()).dtype == torch.float32


def test_it_draws_the_output_to_the_target() -> None:
    term = LOSSES["id-mrf"]().build()
    target = torch.rand(1, 3, 64, 64, generator=step_generator(0, 0))
    output = torch.nn.functional.avg_pool2d(target, 5, 1, 2).requires_grad_()
    loss = term(output, target, target, step_generator(0, 1))
    loss.backward()
    assert output.grad.abs().sum() > 0
    assert term(target, target, target, step_generator(0, 1)) < loss
