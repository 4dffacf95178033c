"""CLIP-LIT's network: the paper's size, torch's own pooling, and a beginning that it can leave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from restore.export.parity import verify
from restore.export.to_onnx import to_onnx
from restore.networks.illumination import IlluminationNet, IlluminationOptions, adaptive_average
from restore.spec import ModelSpec


@pytest.mark.parametrize(("height", "width"), [(12, 6), (37, 53), (5, 2), (1, 7)])
@pytest.mark.parametrize("bins", [1, 2, 3, 6])
def test_the_average_is_torchs(height: int, width: int, bins: int) -> None:
    x = torch.rand(2, 3, height, width, dtype=torch.float64)
    torch.testing.assert_close(adaptive_average(x, bins), F.adaptive_avg_pool2d(x, bins))


def test_it_has_the_papers_size_and_begins_as_the_identity() -> None:
    torch.manual_seed(0)
    network, x = IlluminationNet(), torch.rand(1, 3, 24, 31)
    assert sum(p.numel() for p in network.parameters()) == 278_790
    torch.testing.assert_close(network(x), x, atol=1e-2, rtol=0)


def test_it_learns_from_the_first_step() -> None:
    torch.manual_seed(0)
    network, x = IlluminationNet(), 0.5 * torch.rand(2, 3, 24, 24)
    (network(x) - 2 * x).square().mean().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@torch.no_grad()
def test_half_precision_does_not_step_over_small_changes() -> None:
    """A light of 1.001 is not 1: else a picture that is nearly right has no loss, and steps show in all others."""
    made, x = IlluminationNet(), torch.rand((1, 3, 24, 32), generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        assert made.tail.bias is not None
        before = made.illumination(x)
        made.tail.bias.add_(1e-3)
        after = made.illumination(x)
    torch.testing.assert_close(after - before, torch.full_like(before, 1e-3), atol=1e-5, rtol=0)


@torch.no_grad()
def test_no_light_is_no_number_trouble() -> None:
    network = IlluminationNet()
    network.tail.bias.fill_(-1)
    x = torch.rand(1, 3, 16, 16)
    x[..., :8] = 0
    out = network(x)
    assert out[..., :8].abs().max() == 0
    assert (out[..., 8:] == 1).all()


@pytest.mark.slow
def test_it_exports_for_any_size(tmp_path: Path) -> None:
    """The released one does not: its pooling asks for sizes that the bins divide."""
    torch.manual_seed(0)
    network, options = IlluminationNet().eval(), IlluminationOptions()
    with torch.no_grad():  # far enough from the identity to tell
        for parameter in network.parameters():
            parameter.mul_(2)
    spec = ModelSpec(scale=1, halo=options.halo(1), exact_tiles=options.exact_tiles(), minimum=options.minimum())
    (tmp_path / "x.onnx").write_bytes(to_onnx(network, spec).SerializeToString())
    assert max(check.difference for check in verify(tmp_path / "x.onnx", network)) < 1e-5
    with pytest.raises(ValueError, match="scale 1, not 2"):
        options.build(2)


@torch.no_grad()
def test_black_stays_black_in_other_programs(tmp_path: Path) -> None:
    """torch's optimizer drops + 1e-9, and 0 / 0 is NaN; our runtime is not asked, because it might hide that."""
    network = IlluminationNet().eval()
    network.tail.bias.fill_(-1)
    model = to_onnx(network, ModelSpec(scale=1, halo=17, exact_tiles=False, shape=(1, 40, 40)))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert not session.run(None, {"input": np.zeros((1, 3, 40, 40), np.float32)})[0].any()
