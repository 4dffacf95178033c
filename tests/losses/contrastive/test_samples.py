"""Samples: what is drawn, from what, and how often."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from pydantic import ValidationError
from scipy.ndimage import convolve1d
from torch import Tensor

from restore.losses.contrastive import augment
from restore.losses.contrastive.samples import (
    SAMPLES,
    BlurSample,
    InputSample,
    NoiseSample,
    SampleOptions,
    Samples,
    SharpenSample,
    ShuffleSample,
    TargetSample,
)
from restore.losses.enlarge import enlarged
from tests.losses.contrastive.conftest import pictures, seeded

every = pytest.mark.parametrize("sample", [kind() for kind in SAMPLES.values()], ids=list(SAMPLES))
drawn_ones = [ShuffleSample(count=2), SharpenSample(), BlurSample(), NoiseSample(count=2, sigma=(0.01, 0.1))]


def to_pil(image: Tensor) -> Image.Image:
    return Image.fromarray((255 * image).round().byte().permute(1, 2, 0).numpy())


@every
def test_shape_and_range(sample: SampleOptions) -> None:
    target = pictures(4)
    got = sample.draw(target, 0.5 * target, seeded())
    assert got.shape == (4, getattr(sample, "count", 1), *target.shape[1:])
    assert got.dtype == target.dtype
    assert got.min() >= 0
    assert got.max() <= 1


@pytest.mark.parametrize("sample", drawn_ones, ids=lambda sample: sample.kind)
def test_draws_come_from_the_generator_alone(sample: SampleOptions) -> None:
    target = pictures(8)
    first = sample.draw(target, target, seeded(1))
    torch.manual_seed(99)
    assert torch.equal(first, sample.draw(target, target, seeded(1)))
    assert not torch.equal(first, sample.draw(target, target, seeded(2)))
    state = torch.get_rng_state()
    sample.draw(target, target, seeded(1))
    assert torch.equal(state, torch.get_rng_state()), "torch's own generator is left alone"


@pytest.mark.parametrize("sample", drawn_ones[1:], ids=lambda sample: sample.kind)
def test_every_variant_has_its_own_draw(sample: SampleOptions) -> None:
    same = pictures(1).expand(3, -1, -1, -1)
    variants = sample.draw(same, same, seeded()).flatten(0, 1)
    assert len({variant.numpy().tobytes() for variant in variants}) == len(variants)


def test_variants_stay_with_their_picture() -> None:
    target = pictures(3)
    for sample in (SharpenSample(), BlurSample(), NoiseSample()):
        got = sample.draw(target, target, seeded())
        distance = (got[:, :, None] - target[None, None]).abs().mean(dim=(3, 4, 5))
        assert (distance.argmin(dim=2) == torch.arange(3)[:, None]).all()


def test_target_and_input() -> None:
    target, low = pictures(2), pictures(2, seed=1)
    assert torch.equal(TargetSample().draw(target, low, seeded())[:, 0], target)
    assert torch.equal(InputSample().draw(target, low, seeded())[:, 0], low)


@pytest.mark.parametrize(("n", "count"), [(2, 1), (5, 2), (5, 4)])
def test_shuffle_takes_others(n: int, count: int) -> None:
    target = torch.arange(n).float()[:, None, None, None].expand(n, 3, 2, 2)
    seen = set()
    for seed in range(60):
        got = ShuffleSample(count=count).draw(target, target, seeded(seed))[:, :, 0, 0, 0].int().tolist()
        for i, others in enumerate(got):
            assert i not in others
            assert len(set(others)) == count
            seen.update((i, other) for other in others)
    assert len(seen) == n * (n - 1), "every other picture has its turn"


def test_shuffle_needs_others() -> None:
    with pytest.raises(ValueError, match="2 other pictures from a batch of 2"):
        ShuffleSample(count=2).draw(pictures(2), pictures(2), seeded())


@pytest.mark.parametrize("factor", [1.0, 1.7, 3.0])
def test_sharpen_is_pils(factor: float) -> None:
    image = augment.quantize(pictures(1, 16))
    expected = np.asarray(ImageEnhance.Sharpness(to_pil(image[0])).enhance(factor), np.float32)
    got = 255 * augment.sharpen(image, (factor, factor), seeded())[0].permute(1, 2, 0).numpy()
    # PIL rounds the smoothed picture to 8 bits before it extrapolates.
    np.testing.assert_allclose(got, expected, atol=1 + 0.5 * abs(1 - factor))


def test_sharpening_sharpens_and_blurring_blurs() -> None:
    def detail(x: Tensor) -> Tensor:
        return (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3))

    target = pictures(4, 32)
    assert (detail(augment.sharpen(target, (1.5, 3.0), seeded())) > detail(target)).all()
    assert (detail(augment.blur(target, (3, 11), (0.5, 2.0), seeded())) < detail(target)).all()


@pytest.mark.parametrize(("size", "sigma"), [(1, 1.0), (3, 0.4), (5, 1.3), (11, 2.0)])
def test_blur_is_a_gaussian_with_reflected_borders(size: int, sigma: float) -> None:
    image = pictures(2, 14).double()
    x = np.arange(size) - size // 2
    kernel = np.exp(-(x**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    expected = convolve1d(convolve1d(image.numpy(), kernel, axis=2, mode="mirror"), kernel, axis=3, mode="mirror")
    got = augment.blur(image, (size, size), (sigma, sigma), seeded())
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-7)


def test_blur_draws_odd_sizes_along_each_axis() -> None:
    """Seen by what becomes of a single bright pixel under a wide Gaussian."""
    dot = torch.zeros(200, 1, 23, 23, dtype=torch.float64)
    dot[:, :, 11, 11] = 1
    got = augment.blur(dot, (3, 11), (1.9, 2.0), seeded())[:, 0]
    heights = (got.sum(dim=2) > 0).sum(dim=1).tolist()
    widths = (got.sum(dim=1) > 0).sum(dim=1).tolist()
    assert set(heights) == set(widths) == {3, 5, 7, 9, 11}
    assert heights != widths
    torch.testing.assert_close(got.sum(dim=(1, 2)), torch.ones(200, dtype=torch.float64))


def test_noise_has_the_deviation_that_was_drawn() -> None:
    gray = torch.full((40, 3, 32, 32), 0.5)
    spread = augment.noise(gray, (0.02, 0.1), seeded()).std(dim=(1, 2, 3))
    assert spread.min() > 0.018
    assert spread.max() < 0.105
    assert spread.max() > 2 * spread.min()
    assert augment.noise(torch.ones_like(gray), (0.1, 0.1), seeded()).max() == 1


def test_quantize_is_a_stored_picture() -> None:
    image = 1.4 * torch.rand(3, 8, 8, generator=seeded()) - 0.2
    stored = np.clip(np.rint(255 * image.numpy().astype(np.float64)), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(np.rint(255 * augment.quantize(image).numpy()), stored)
    torch.testing.assert_close(augment.quantize(augment.quantize(image)), augment.quantize(image))


@pytest.mark.parametrize("sample", [SharpenSample, BlurSample, NoiseSample])
def test_variants_are_on_the_grid_of_8_bits(sample: type[SampleOptions]) -> None:
    target = augment.quantize(pictures(2))

    def off_grid(x: Tensor) -> float:
        return float((255 * x - (255 * x).round()).abs().max())

    assert off_grid(sample().draw(target, target, seeded())) < 1e-3
    assert off_grid(sample(quantise=False).draw(target, target, seeded())) > 0.1


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarged_is_pils_bicubic(scale: int) -> None:
    low = pictures(1, 9)[:, :, :7]
    size = (9 * scale, 7 * scale)
    bands = [Image.fromarray(np.ascontiguousarray(band.numpy())) for band in low[0]]
    expected = np.stack([np.asarray(band.resize(size, Image.Resampling.BICUBIC)) for band in bands]).clip(0, 1)
    np.testing.assert_allclose(enlarged(low, 7 * scale, 9 * scale)[0].numpy(), expected, atol=1e-5)
    assert enlarged(low, 7, 9) is low


def test_samples_put_the_kinds_side_by_side() -> None:
    target, low = pictures(2), pictures(2, seed=1)
    samples = Samples.model_validate(
        {
            "positives": [{"kind": "target"}, {"kind": "sharpen", "count": 3}],
            "negatives": [{"kind": "blur", "count": 2}, {"kind": "input"}],
        }
    )
    positive, negative = samples.draw(target.requires_grad_(), low, seeded())
    assert positive.shape[:2] == (2, 4)
    assert negative.shape[:2] == (2, 3)
    assert torch.equal(positive[:, 0], target)
    assert torch.equal(negative[:, 2], low)
    assert not positive.requires_grad


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("sharpen", {"factor": [0.5, 3]}, r"factor \[0.5, 3.0\]: give the smaller first, 1.0 or more"),
        ("sharpen", {"factor": [3, 2]}, "give the smaller first"),
        ("blur", {"kernel": [3, 8]}, r"kernel \[3, 8\]: both sizes must be odd"),
        ("blur", {"kernel": [-1, 3]}, "1 or more"),
        ("blur", {"sigma": [2, 1]}, r"sigma \[2.0, 1.0\]: give the smaller first"),
        ("blur", {"sigma": [0, 1]}, "greater than 0"),
        ("noise", {"sigma": [-0.1, 0.1]}, "0.0 or more"),
        ("noise", {"count": 0}, "greater than 0"),
        ("target", {"count": 2}, "Extra inputs"),
    ],
)
def test_wrong_options(kind: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Samples.model_validate({"positives": [{"kind": kind, **options}]})


def test_both_sides_are_needed() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Samples.model_validate({"negatives": []})
