"""What counts is what clips where the target does not, and black that is lifted; nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restore.losses.clipping import clipping


def test_by_a_loop(pair) -> None:
    output, target = pair(2, 6, 7, torch.float64)
    output, target = 1.6 * output - 0.3, (1.1 * target - 0.05).clamp(0, 1)
    target[..., :3] *= 0.1
    total, black, end = 0.0, 0.0, 1.5 / 255
    for o, t in zip(output.numpy(), target.numpy(), strict=True):
        for i, j in np.ndindex(6, 7):
            for channel in range(3):
                made, wanted = o[channel, i, j], t[channel, i, j]
                total += max(0, made - max(wanted, 1 - end)) + max(0, min(wanted, end) - made)
            lit, unlit = float(o[:, i, j].mean()), float(t[:, i, j].mean())
            black += max(0, lit - unlit) if unlit < 16 / 255 else 0
    assert total > 0
    assert black > 0
    expected = total / output.numel() + black / (output.numel() / 3)
    assert clipping(output, target).item() == pytest.approx(expected, rel=1e-6)


def test_what_the_target_has_is_no_fault(pair) -> None:
    """The same picture, clipped or not, costs nothing; neither does a change between black and white."""
    target = (1.4 * pair()[1] - 0.2).clamp(0, 1)
    assert clipping(target, target).item() == 0
    middle = torch.full((1, 3, 8, 8), 0.3)
    assert clipping(3 * middle, middle).item() == 0
    white = torch.ones(1, 3, 8, 8)
    assert clipping(white, white).item() == 0
    assert clipping(white, 0.9 * white).item() == pytest.approx(1.5 / 255, rel=1e-4)
    assert clipping(-0.1 * white, 0.5 * white).item() == pytest.approx(0.1 + 1.5 / 255, rel=1e-4)


def test_a_veil_over_black_costs_what_it_is_bright() -> None:
    black = torch.full((1, 3, 8, 8), 4 / 255)
    assert clipping(black + 20 / 255, black).item() == pytest.approx(20 / 255, rel=1e-4)
    assert clipping(black + 20 / 255, black, black=2 / 255).item() == 0


def test_the_gradient_goes_back_from_what_is_lost_alone(pair) -> None:
    target = torch.full((1, 3, 2, 2), 0.5)
    output = torch.tensor([0.5, 1.2, -0.1, 0.9]).view(1, 1, 2, 2).repeat(1, 3, 1, 1).requires_grad_()
    clipping(output, target).backward()
    assert output.grad is not None
    assert output.grad.sign()[0, 0].flatten().tolist() == [0, 1, -1, 0]
    output, target = pair(1, 9, 8, torch.float64)
    output, target = (2 * output - 0.5).requires_grad_(), 0.1 * target
    assert torch.autograd.gradcheck(lambda x: clipping(x, target), output, fast_mode=True)


def test_it_is_computed_in_full_precision(pair) -> None:
    output, target = pair()
    output = 2 * output - 0.5
    with torch.autocast("cpu", torch.bfloat16):
        value = clipping(output.bfloat16(), target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, clipping(output, target), rtol=0.02, atol=1e-3)
    with pytest.raises(ValueError, match="differ in shape"):
        clipping(output, target[:, :, :4])
