"""The patch discriminator sees patches of the size it says."""

from __future__ import annotations

import pytest
import torch

from restore.networks.discriminators.patchgan import PatchGan, PatchGanOptions, receptive_field


@pytest.mark.parametrize(("layers", "wanted"), [(1, 16), (2, 34), (3, 70)])
def test_the_patch(layers: int, wanted: int) -> None:
    """Isola's figures, and the reach of a logit's gradient."""
    assert receptive_field(layers) == wanted
    torch.manual_seed(0)
    network = PatchGan(4, layers).eval().double()
    x = torch.rand(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    logits = network.logits(x)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    seen = torch.nonzero(x.grad.abs().sum((0, 1, 3)) > 0).flatten()
    assert int(seen.max() - seen.min()) + 1 == wanted


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
def test_the_smallest_picture(layers: int) -> None:
    network, least = PatchGan(2, layers), PatchGanOptions(layers=layers).minimum()
    assert network.logits(torch.rand(1, 3, least, least)).shape == (1, 1, 1, 1)
    with pytest.raises(RuntimeError):
        network.logits(torch.rand(1, 3, least - 1, least))


def test_an_opinion_depends_on_one_picture_alone() -> None:
    torch.manual_seed(0)
    network = PatchGan(4).eval()
    batch = torch.rand(3, 3, 64, 48)
    torch.testing.assert_close(network.logits(batch)[1:2], network.logits(batch[1:2]))
    assert torch.equal(network(batch), network.logits(batch))
