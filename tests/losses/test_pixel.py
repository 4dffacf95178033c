"""Pixel losses: values, gradients, luma."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from restore.imaging.color.conversions import LUMA_WEIGHTS
from restore.losses import pixel


@pytest.mark.parametrize("loss", [pixel.l1, pixel.l2, pixel.charbonnier, pixel.psnr])
def test_gradients(loss: object) -> None:
    torch.manual_seed(0)
    output = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), output)
    loss(output, target).backward()
    assert output.grad.abs().sum() > 0


def test_values() -> None:
    a, b = torch.tensor([0.0, 1.0, 0.5]), torch.tensor([0.5, 1.0, 0.25])
    assert pixel.l1(a, b).item() == pytest.approx(0.25)
    assert pixel.l2(a, b).item() == pytest.approx((0.25 + 0.0625) / 3)
    assert pixel.charbonnier(a, a).item() == pytest.approx(1e-3)
    assert pixel.charbonnier(a, b).item() == pytest.approx(np.sqrt([0.25 + 1e-6, 1e-6, 0.0625 + 1e-6]).mean())


def test_psnr_is_that_of_skimage_picture_by_picture() -> None:
    torch.manual_seed(0)
    target = torch.rand(3, 3, 9, 8, dtype=torch.float64)
    output = target + torch.tensor([0.01, 0.1, 0.5])[:, None, None, None] * torch.randn_like(target)
    expected = [
        peak_signal_noise_ratio(t.numpy(), o.numpy(), data_range=1) for t, o in zip(target, output, strict=True)
    ]
    assert pixel.psnr(output, target, epsilon=1e-12).item() == pytest.approx(-np.mean(expected), rel=1e-6)
    assert pixel.psnr(target, target, epsilon=1e-4).item() == pytest.approx(-40)


def test_luma_weights_are_those_of_the_metric() -> None:
    colors = torch.eye(3)[:, :, None, None]
    got = pixel.luma(colors).flatten().numpy() * 255
    np.testing.assert_allclose(got, LUMA_WEIGHTS, rtol=1e-6)
