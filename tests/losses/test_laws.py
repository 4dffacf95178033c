"""What holds for every loss of (output, target): one table, and every file of losses is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import restore.losses
from restore.losses import (
    edge,
    exposure,
    frequency,
    illumination_smoothness,
    pattern,
    pixel,
    spatial_consistency,
    ssim,
    total_variation,
)
from restore.losses.argb import ARGB
from restore.losses.color import color
from restore.losses.color_constancy import color_constancy
from restore.losses.dists import DISTS
from restore.losses.lpips import LPIPS
from restore.losses.perceptual import Perceptual
from restore.losses.style import Style
from restore.networks.argb_autoencoder import TranslatingAutoencoder


def small_argb() -> ARGB:
    torch.manual_seed(2)
    return ARGB(TranslatingAutoencoder(experts=3, channels=8))


# Name of the file, then what makes the loss from an encoder and from the backbone files.
LOSSES = {
    "pixel (l1)": lambda e, b: pixel.l1,
    "pixel (l2)": lambda e, b: pixel.l2,
    "pixel (charbonnier)": lambda e, b: pixel.charbonnier,
    "pixel (psnr)": lambda e, b: pixel.psnr,
    "pixel (luma)": lambda e, b: lambda o, t: pixel.l1(pixel.luma(o), pixel.luma(t)),
    "ssim": lambda e, b: ssim.ssim,
    "ssim (ms)": lambda e, b: lambda o, t: ssim.ms_ssim(o, t, scales=2),
    "frequency": lambda e, b: frequency.frequency,
    "pattern": lambda e, b: pattern.pattern,
    "edge": lambda e, b: edge.edge,
    "color": lambda e, b: color,
    "total_variation": lambda e, b: lambda o, t: total_variation.total_variation(o),
    "total_variation (squared)": lambda e, b: lambda o, t: total_variation.total_variation(o, power=2),
    "color_constancy": lambda e, b: lambda o, t: color_constancy(o),
    "exposure": lambda e, b: lambda o, t: exposure.exposure_control(o),
    "spatial_consistency": lambda e, b: spatial_consistency.spatial_consistency,
    "illumination_smoothness": lambda e, b: illumination_smoothness.illumination_smoothness,
    "perceptual": lambda e, b: Perceptual(e, [0.5, 2.0]),
    "perceptual (l2)": lambda e, b: Perceptual(e, distance="l2"),
    "style": lambda e, b: Style(e, [1.0, 3.0]),
    "lpips": lambda e, b: LPIPS("alex", b("alexnet")),
    "dists": lambda e, b: DISTS(b("vgg16")),
    "argb": lambda e, b: small_argb(),
}
OF_ONE_PICTURE = {"total_variation", "total_variation (squared)", "color_constancy", "exposure"}
BEST = {"pixel (charbonnier)": 1e-3, "edge": 1e-3, "pixel (psnr)": -80}  # 0 for the rest
NO_LOSSES = {"__init__", "base", "enlarge", "features", "jitter", "full_precision", "registry"}
TESTED_ALONE = {
    "adversarial",
    "adversarial_term",
    "clipping",
    "filter_code",
    "id_mrf",
    "prompt_score",
    "unit_distance",
}


def test_every_file_of_losses_is_tested() -> None:
    files = {path.stem for path in Path(restore.losses.__file__).parent.glob("*.py")}
    assert files - NO_LOSSES - TESTED_ALONE == {name.split()[0] for name in LOSSES}


@pytest.fixture(params=LOSSES)
def named(request, smooth_encoder, backbone):
    return request.param, LOSSES[request.param](smooth_encoder, backbone)


@pytest.fixture
def loss(named):
    return named[1]


def test_a_scalar_in_float32_with_a_gradient(named, pair) -> None:
    name, loss = named
    output, target = pair()
    value = loss(output.requires_grad_(), target)
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert value > BEST.get(name, 0)
    value.backward()
    assert output.grad.isfinite().all()
    assert (output.grad != 0).float().mean() > 0.5, "nearly every pixel counts"


def test_what_is_best_is_equal_pictures(named, pair) -> None:
    name, loss = named
    if name in OF_ONE_PICTURE:
        target = torch.full((2, 3, 37, 41), 0.6)
    else:
        _, target = pair()
    output = target.clone().requires_grad_()
    value = loss(output, target)
    assert value.item() == pytest.approx(BEST.get(name, 0), abs=1e-6)
    value.backward()
    assert output.grad.isfinite().all()


def test_gradients(loss, pair) -> None:
    loss = loss.double() if isinstance(loss, nn.Module) else loss
    output, target = pair(1, 35, 36, torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), output.requires_grad_(), fast_mode=True)


def test_a_batch_is_the_mean_of_its_pictures(loss, pair) -> None:
    output, target = pair(3)
    alone = torch.stack([loss(o[None], t[None]) for o, t in zip(output, target, strict=True)])
    torch.testing.assert_close(loss(output, target), alone.mean())


def test_the_memory_layout_is_nothing(loss, pair) -> None:
    output, target = pair()
    last = torch.channels_last
    value = loss(output.contiguous(memory_format=last), target.contiguous(memory_format=last))
    torch.testing.assert_close(value, loss(output, target))


def test_autocast_and_bfloat16_change_little(loss, pair) -> None:
    """The pictures' own rounding shows, and no more."""
    output, target = pair()
    exact = loss(output, target)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(loss(output, target), exact, rtol=0.02, atol=1e-4)
        rough = loss(output.bfloat16(), target.bfloat16())
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("name", ["perceptual", "style", "argb", "lpips", "dists"])
def test_a_losss_network_stays_asleep(name, smooth_encoder, backbone, pair) -> None:
    loss = LOSSES[name](smooth_encoder, backbone).train()
    inner = getattr(loss, {"argb": "autoencoder", "lpips": "network"}.get(name, "encoder"))
    assert not any(module.training for module in inner.modules())
    assert not any(parameter.requires_grad for parameter in loss.parameters())
    before = {key: value.clone() for key, value in loss.state_dict().items()}
    loss(*pair())
    assert all(torch.equal(before[key], value) for key, value in loss.state_dict().items())


@pytest.mark.parametrize("name", ["perceptual", "style", "argb"])
def test_no_gradient_goes_into_the_target(name, smooth_encoder, backbone, pair) -> None:
    output, target = pair()
    LOSSES[name](smooth_encoder, backbone)(output.requires_grad_(), target.requires_grad_()).backward()
    assert target.grad is None
