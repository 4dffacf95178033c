"""The U-Net discriminator judges every pixel, and lends the features of its first half."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from restore.losses.adversarial_term import Opponent
from restore.losses.base import TrainingContext
from restore.losses.contrastive.image import ContrastiveLossOptions
from restore.networks.discriminators.unet import UNet, UNetOptions


@pytest.fixture(scope="module")
def network() -> UNet:
    torch.manual_seed(0)
    network = UNet(4)
    for _ in range(20):  # its spectral norms settle while it trains
        network.logits(torch.rand(1, 3, 16, 16))
    return network.eval()


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (64, 40)])
def test_one_logit_for_each_pixel(network: UNet, size: tuple[int, int]) -> None:
    picture = torch.rand(2, 3, *size)
    logits = network.logits(picture)
    assert logits.shape == (2, 1, *size)
    torch.testing.assert_close(network.logits(picture[1:]), logits[1:])


def test_padding_is_that_of_a_picture_lengthened_by_hand(network: UNet) -> None:
    picture = torch.rand(1, 3, 17, 24)
    longer = torch.cat((picture, picture.flip(2)[:, :, 1:8]), dim=2)
    torch.testing.assert_close(network.logits(picture), network.logits(longer)[:, :, :17])


def test_the_smallest_picture_trains_in_bf16() -> None:
    torch.manual_seed(0)
    network = UNet(4)
    least = UNetOptions().minimum()
    picture = torch.rand(1, 3, least, least, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        network.logits(picture).float().mean().backward()
    assert all(bool(p.grad.isfinite().all()) for p in network.parameters())


def test_features_are_what_the_expanding_half_receives(network: UNet) -> None:
    """Seen by hooks on basicsr's own forward pass: each convolution's input is the features before it."""
    picture, seen = torch.rand(1, 3, 32, 48), list[torch.Tensor]()
    hooks = [
        conv.register_forward_hook(lambda _module, given, _made: seen.append(given[0]))
        for conv in (network.body.conv1, network.body.conv2, network.body.conv3)
    ]
    network.body(picture)
    for hook in hooks:
        hook.remove()
    features = network(picture)
    assert [tuple(f.shape[1:]) for f in features] == [(4, 32, 48), (8, 16, 24), (16, 8, 12), (32, 4, 6)]
    assert [f.shape[1] for f in features] == network.channels
    for mine, theirs in zip(features, seen, strict=False):
        torch.testing.assert_close(mine, theirs)


def test_a_contrastive_loss_in_its_features_trains_the_output_alone(network: UNet) -> None:
    options = ContrastiveLossOptions(encoder={"kind": "discriminator"}, objective={"kind": "infonce"})
    judge = UNet(4)
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    term = options.build(TrainingContext(nn.Identity(), Opponent(judge, "vanilla")))
    output = torch.rand(2, 3, 32, 32, requires_grad=True)
    term(output, torch.rand(2, 3, 32, 32), torch.rand(2, 3, 8, 8), torch.Generator().manual_seed(0)).backward()
    assert output.grad is not None
    assert bool(output.grad.abs().sum() > 0)
    assert all(p.grad is None for p in judge.parameters())
    assert all(torch.equal(value, before[name]) for name, value in judge.state_dict().items())
