"""SAFMN beside the authors' code, as spandrel has it."""

from __future__ import annotations

import pytest
import torch

from restore.networks.safmn import Safmn, SafmnOptions


@pytest.mark.parametrize(
    ("scale", "options", "said"),
    [
        (2, {}, "228K"),
        (3, {}, "233K"),
        (4, {}, "240K"),
        (2, {"width": 128, "blocks": 16}, "5559K"),
    ],
)
def test_it_has_as_many_parameters_as_published(scale: int, options: dict[str, int], said: str) -> None:
    count = sum(p.numel() for p in SafmnOptions(**options).build(scale).parameters())
    assert f"{count / 1000:.0f}K" == said


@pytest.mark.parametrize(("scale", "options"), [(2, {}), (4, {"width": 8, "blocks": 3, "growth": 5.0}), (1, {})])
@torch.no_grad()
def test_with_the_weights_of_the_authors_network_it_is_the_same(scale: int, options: dict[str, float]) -> None:
    theirs_of = pytest.importorskip("spandrel.architectures.SAFMN").SAFMN
    torch.manual_seed(0)
    width, blocks, growth = (options.get(k, d) for k, d in (("width", 36), ("blocks", 8), ("growth", 2.0)))
    theirs = theirs_of(dim=width, n_blocks=blocks, ffn_scale=growth, upscaling_factor=scale).eval()
    for parameter in theirs.parameters():  # away from the norms' ones and zeros
        parameter.add_(0.1 * torch.randn_like(parameter))
    ours = Safmn(scale, **options).eval()
    for mine, own in zip(ours.parameters(), theirs.parameters(), strict=True):  # in the same order
        mine.copy_(own)
    x = torch.rand(2, 3, 24, 40, dtype=torch.float64)  # in float32, processors sum in different orders
    expected = theirs.double()(x)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours.double()(x), expected, atol=1e-9, rtol=1e-9)


def test_flat_features_stay_finite() -> None:
    """Of a black picture, all channels of a pixel may be alike: nothing divides by their variance of zero."""
    network = Safmn(2, width=8, blocks=2)
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    x = torch.zeros(1, 3, 16, 16, requires_grad=True)
    made = network(x)
    made.sum().backward()
    assert made.isfinite().all()
    assert x.grad.isfinite().all()
