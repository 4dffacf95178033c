"""CIFR's contrast of styles: by its formula, and whom its gradient reaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from restore.losses.base import TrainingContext
from restore.losses.contrastive.objectives.infonce import InfoNCE
from restore.losses.contrastive.style_nce import StyleContrast
from restore.losses.registry import LOSSES
from restore.networks.residual import ResidualSR
from restore.training.step import step_generator


def features(seed: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(2, c, 4, 4, generator=draw) for c in (3, 5)]


def test_the_formula() -> None:
    torch.manual_seed(0)
    contrast = StyleContrast([3, 5], InfoNCE(0.07), positions=64, dim=8)
    output, target, input = (features(seed) for seed in range(3))
    expected = []
    for head, *maps in zip(contrast.heads, output, target, input, strict=True):
        rows = []
        for x in maps:
            vectors = head(x.flatten(2).transpose(1, 2)).detach().numpy()
            grams = [v @ v.T for v in vectors]
            rows.append([row / np.linalg.norm(row) for gram in grams for row in gram])
        for q, p, n in zip(*rows, strict=True):
            a, b = np.exp(q @ p / 0.07), np.exp(q @ n / 0.07)
            expected.append(-np.log(a / (a + b)))
    # All positions are sampled, so that their order, drawn, does not matter.
    found = contrast(output, target, input, step_generator(0, 0))
    np.testing.assert_allclose(found.item(), np.mean(expected), rtol=1e-4)


def test_the_gradient_reaches_the_output_and_the_heads_alone() -> None:
    contrast = StyleContrast([3, 5], InfoNCE(0.07), positions=8, dim=8)
    output, target, input = ([x.requires_grad_() for x in features(seed)] for seed in range(3))
    contrast(output, target, input, step_generator(0, 0)).backward()
    assert all(x.grad.abs().sum() > 0 for x in output)
    assert all(x.grad is None for x in (*target, *input))
    assert all(p.grad.abs().sum() > 0 for p in contrast.parameters())


def test_it_is_less_where_the_style_is_the_targets() -> None:
    contrast = StyleContrast([3, 5], InfoNCE(0.07), positions=8, dim=8)
    output, target, input = (features(seed) for seed in range(3))
    with torch.no_grad():
        right = contrast(target, target, input, step_generator(0, 0))
        assert (
            right
            < contrast(output, target, input, step_generator(0, 0))
            < contrast(input, target, input, step_generator(0, 0))
        )


def test_in_the_networks_own_features_the_network_learns() -> None:
    torch.manual_seed(0)
    network = ResidualSR(1, width=8, blocks=2)
    options = LOSSES["style-nce"](encoder={"kind": "network", "taps": [1, 3]}, dim=8, positions=16)
    term = options.build(TrainingContext(network=network))
    assert [name for name, _ in term.named_parameters() if not name.startswith("contrast")] == []
    input, target = (torch.rand(2, 3, 16, 16, generator=step_generator(0, i)) for i in range(2))
    term(network(input), target, input, step_generator(0, 2)).backward()
    assert network.head.weight.grad.abs().sum() > 0


def test_one_position_has_no_style() -> None:
    contrast = StyleContrast([3], InfoNCE(0.07))
    one = [torch.rand(2, 3, 1, 1)]
    with pytest.raises(ValueError, match="a map of one position has no style"):
        contrast(one, one, one, step_generator(0, 0))
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        LOSSES["style-nce"](positions=1)
