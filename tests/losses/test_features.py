"""Losses on an encoder's features: perceptual, style, LPIPS, DISTS."""

from __future__ import annotations

import sys

import pytest
import torch
from torch.nn import functional as F

from restore.errors import MissingExtraError, MissingWeightsError
from restore.losses.dists import DISTS
from restore.losses.lpips import LPIPS
from restore.losses.perceptual import Perceptual
from restore.losses.registry import LOSSES
from restore.losses.style import Style, gram
from restore.networks.basicsr_adapter import basicsr_module


def test_perceptual_by_hand(smooth_encoder, pair) -> None:
    output, target = pair()
    shallow, deep = zip(smooth_encoder(output), smooth_encoder(target), strict=True)
    torch.testing.assert_close(
        Perceptual(smooth_encoder, [0.5, 2.0])(output, target), 0.5 * F.l1_loss(*shallow) + 2 * F.l1_loss(*deep)
    )
    torch.testing.assert_close(
        Perceptual(smooth_encoder, distance="l2")(output, target), F.mse_loss(*shallow) + F.mse_loss(*deep)
    )


def test_gram_is_basicsrs(smooth_encoder, pair) -> None:
    features = smooth_encoder(pair()[0])[1]
    reference = basicsr_module("losses.basic_loss").PerceptualLoss._gram_mat
    torch.testing.assert_close(gram(features), reference(None, features))


def test_style_by_hand_and_across_sizes(smooth_encoder, pair) -> None:
    output, _ = pair(2, 30, 33)
    _, target = pair(2, 41, 28)
    pairs = zip(smooth_encoder(output), smooth_encoder(target), strict=True)
    expected = [(gram(a) - gram(b)).abs().mean() for a, b in pairs]
    torch.testing.assert_close(Style(smooth_encoder, [1.0, 3.0])(output, target), expected[0] + 3 * expected[1])


def test_style_does_not_care_where() -> None:
    features = torch.randn(1, 4, 6, 6)
    shuffled = features.flatten(2)[..., torch.randperm(36)].view(1, 4, 6, 6)
    torch.testing.assert_close(gram(features), gram(shuffled))


@pytest.mark.parametrize("kind", [Perceptual, Style])
def test_weights_are_as_many_as_taps(kind, smooth_encoder) -> None:
    with pytest.raises(ValueError, match="3 of them for an encoder with 2 taps"):
        kind(smooth_encoder, [1, 1, 1])


@pytest.mark.filterwarnings("ignore")  # lpips asks torchvision in a way that torchvision would rather not be asked
@pytest.mark.parametrize(("net", "name"), [("alex", "alexnet"), pytest.param("vgg", "vgg16", marks=pytest.mark.slow)])
def test_lpips_is_the_package(net, name, backbone, pair) -> None:
    import lpips

    reference = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = torch.load(backbone(name), weights_only=True)
    for key, parameter in reference.net.named_parameters():  # "slice2.5.weight" is "features.5.weight"
        parameter.data.copy_(state["features." + key.split(".", 1)[1]])
    output, target = pair(2, 67, 71)
    expected = reference(output.requires_grad_(), target, normalize=True).mean()
    (slope,) = torch.autograd.grad(expected, output)
    found = LPIPS(net, backbone(name)).train()(output, target)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(torch.autograd.grad(found, output)[0], slope, rtol=1e-4, atol=1e-5 * float(slope.max()))


@pytest.mark.parametrize("layers", [1, 5])
def test_lpips_is_finite_where_all_channels_are_silent(layers, backbone) -> None:
    """The package's square root has no finite slope there; the ReLU before it must stop that."""
    loss = LPIPS("alex", backbone("alexnet"))
    for name in ("slice1", "slice2", "slice3", "slice4", "slice5")[:layers]:
        (conv,) = (module for module in getattr(loss.network.net, name) if isinstance(module, torch.nn.Conv2d))
        torch.nn.init.constant_(conv.bias, -100)
    output = torch.rand(1, 3, 64, 64).requires_grad_()
    value = loss(output, torch.rand(1, 3, 64, 64))
    value.backward()
    assert value.isfinite()
    assert output.grad.isfinite().all()


def test_lpips_downloads_nothing(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(MissingWeightsError, match=r"alexnet-owt-7be5be79\.pth"):
        LPIPS("alex")


def test_lpips_without_its_package(monkeypatch, backbone) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(MissingExtraError, match="LPIPS"):
        LPIPS("alex", backbone("alexnet"))


def test_dists_is_torchmetrics(backbone, pair, monkeypatch) -> None:
    from torchmetrics.functional.image import dists as theirs
    from torchvision.models import vgg16

    def saved_vgg(weights: object) -> torch.nn.Module:
        network = vgg16(weights=None)
        network.load_state_dict(torch.load(backbone("vgg16"), weights_only=True), strict=False)
        return network

    monkeypatch.setattr(theirs, "vgg16", saved_vgg)
    output, target = pair(2, 67, 71)
    expected = theirs.DISTSNetwork()(output, target).mean().detach()
    term = LOSSES["dists"].model_validate({"weights": backbone("vgg16")}).build()
    torch.testing.assert_close(term(output, target, target, torch.Generator()), expected, rtol=1e-4, atol=1e-6)


def test_dists_without_its_package(monkeypatch, backbone) -> None:
    monkeypatch.setattr("restore.losses.dists.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="DISTS"):
        DISTS(backbone("vgg16"))


@pytest.mark.filterwarnings("ignore")
def test_lpips_backbone_runs_in_the_precision_of_the_run(backbone, pair) -> None:
    """In bf16 the backbone's features are rounded, and nothing else: two digits of the distance stay, in float32."""
    loss, (output, target) = LPIPS("alex", backbone("alexnet")), pair()
    whole = loss(output, target)
    with torch.autocast("cpu", torch.bfloat16):
        half = loss(output.requires_grad_(), target)
        half.backward()
    assert half.dtype == torch.float32
    assert 0 < abs(float(half - whole)) < 0.01 * float(whole)
    assert output.grad is not None
    assert bool(output.grad.isfinite().all())
    assert float(loss(output, target)) == float(whole)  # outside, in float32 again
