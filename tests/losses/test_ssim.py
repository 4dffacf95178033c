"""SSIM and MS-SSIM beside scikit-image, kornia, pytorch-msssim and the formulas by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from restore.losses.ssim import ms_ssim, ssim


def test_ssim_is_scikit_images(pair) -> None:
    from skimage.metrics import structural_similarity

    output, target = pair(1, 43, 57, torch.float64)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0, "full": True}
    values = []
    for o, t in zip(output[0].numpy(), target[0].numpy(), strict=True):
        _, similarity = structural_similarity(o, t, **options)
        values.append(similarity[5:-5, 5:-5].mean())
    assert ssim(output, target).item() == pytest.approx(1 - sum(values) / 3, abs=1e-12)


def test_ssim_is_twice_kornias(pair) -> None:
    from kornia.losses import ssim_loss

    output, target = pair(2, 43, 57)
    torch.testing.assert_close(ssim(output, target), 2 * ssim_loss(output, target, 11, padding="valid"))


def test_ms_ssim_is_pytorch_msssims(pair) -> None:
    """Sides that halve four times without a remainder, where that package pads nothing."""
    from pytorch_msssim import ms_ssim as reference

    output, target = pair(2, 176, 192)
    torch.testing.assert_close(ms_ssim(output, target), 1 - reference(output, target, data_range=1.0))


def by_scipy(x: np.ndarray, y: np.ndarray, scales: int) -> float:
    """MS-SSIM of one channel, from the formulas."""
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    product = 1.0
    for scale, weight in enumerate(weights / weights.sum()):
        if scale:
            height, width = (side // 2 for side in x.shape)
            x, y = (z[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean((1, 3)) for z in (x, y))
        mx, my, xx, yy, xy = (gaussian_filter(z, 1.5, truncate=3.5)[5:-5, 5:-5] for z in (x, y, x * x, y * y, x * y))
        value = (2 * (xy - mx * my) + 0.03**2) / (xx - mx**2 + yy - my**2 + 0.03**2)
        if scale == scales - 1:
            value = value * (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
        product *= value.mean() ** weight
    return product


@pytest.mark.parametrize(("scales", "height", "width"), [(4, 89, 103), (3, 50, 61), (1, 11, 20)])
def test_ms_ssim_at_odd_sizes_and_fewer_scales(scales, height, width, pair) -> None:
    output, target = pair(2, height, width, torch.float64)
    channels = zip(output.flatten(0, 1).numpy(), target.flatten(0, 1).numpy(), strict=True)
    expected = np.mean([by_scipy(o, t, scales) for o, t in channels])
    assert ms_ssim(output, target, scales).item() == pytest.approx(1 - expected, abs=1e-12)


def test_a_constant_offset() -> None:
    """Flat pictures have luminance alone."""
    a, b = torch.full((1, 3, 20, 20), 0.4), torch.full((1, 3, 20, 20), 0.6)
    expected = (2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4)
    assert ssim(a, b).item() == pytest.approx(1 - expected, abs=1e-4)
    assert ms_ssim(a, b, 1).item() == pytest.approx(1 - expected, abs=1e-4)


def test_an_inverted_picture_is_the_worst_and_has_a_gradient() -> None:
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    output = (1 - x).requires_grad_()
    assert ssim(output, x) > 1.5
    value = ms_ssim(output, x, 2)
    value.backward()
    assert 0.99 < value <= 1
    assert output.grad.isfinite().all()


def test_too_small_pictures_and_wrong_shapes() -> None:
    x = torch.rand(1, 3, 100, 200)
    with pytest.raises(ValueError, match="sides of 176 pixels, not 100: use larger patches or fewer scales"):
        ms_ssim(x, x)
    with pytest.raises(ValueError, match="sides of 11 pixels, not 10"):
        ssim(x[..., :10], x[..., :10])
    with pytest.raises(ValueError, match="differ in shape"):
        ssim(x, x[:, :1])
    with pytest.raises(ValueError, match="scales: 6"):
        ms_ssim(x, x, 6)
