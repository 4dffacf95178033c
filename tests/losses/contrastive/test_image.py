"""Whole pictures: the law of the gradient, PCL-SR and AECR-Net in plain loops, and that it helps a picture."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from restore.imaging.decode import read_rgb8
from restore.losses.contrastive.beside_blur import beside_blur
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.grain import grain
from restore.losses.contrastive.image import ContrastiveLossOptions, ContrastiveRegularizer
from restore.losses.contrastive.objectives.base import Objective
from restore.losses.contrastive.objectives.infonce import InfoNCE
from restore.losses.contrastive.objectives.isogclr import IndividualTemperatures
from restore.losses.contrastive.objectives.l1_ratio import L1Ratio
from restore.losses.contrastive.objectives.registry import OBJECTIVES
from restore.losses.contrastive.samples import BlurSample, InputSample, Samples, SharpenSample, TargetSample
from restore.losses.pixel import luma
from tests.losses.contrastive.conftest import SmallEncoder, pictures, seeded

PCL = Samples(
    positives=[TargetSample(), SharpenSample(count=2)], negatives=[InputSample(), BlurSample(count=2, kernel=(3, 7))]
)
every = pytest.mark.parametrize("objective", [kind().build(4) for kind in OBJECTIVES.values()], ids=list(OBJECTIVES))


def batch(n: int = 3, side: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Output, target, input; the output is neither of the others."""
    target = pictures(n, side)
    low = nn.functional.avg_pool2d(target, 2)
    output = nn.functional.interpolate(low, scale_factor=2.0) + 0.05 * pictures(n, side, seed=5)
    return output, target, low


def regularizer(objective: Objective, samples: Samples = PCL, weights: tuple[float, ...] = (0.5, 0.5)):
    return ContrastiveRegularizer(SmallEncoder(), samples, objective, weights)


def loss_of(module: ContrastiveRegularizer, *images: Tensor) -> Tensor:
    return module(*images, seeded(), torch.arange(len(images[0])))


@every
def test_the_law(objective: Objective) -> None:
    """The gradient reaches the output, and nothing else; the encoder stays as it was, in training mode too."""
    module = regularizer(objective).train()
    output, target, low = (x.requires_grad_() for x in batch())
    before = {k: v.clone() for k, v in module.encoder.state_dict().items()}
    loss = loss_of(module, output, target, low)
    loss.backward()
    assert loss.shape == ()
    assert output.grad.isfinite().all()
    assert (output.grad.flatten(1).abs().sum(dim=1) > 1e-6).all(), "of every picture of the batch"
    assert target.grad is None
    assert low.grad is None
    assert all(p.grad is None and p.requires_grad for p in module.encoder.parameters())
    assert all(torch.equal(before[k], v) for k, v in module.encoder.state_dict().items())
    assert all(part.training for part in module.encoder.modules())


@every
def test_the_mode_of_the_encoder_does_not_matter(objective: Objective) -> None:
    images = batch()
    training, evaluating = (loss_of(regularizer(objective).train(mode), *images) for mode in (True, False))
    assert training == evaluating


@every
def test_the_target_is_better_than_the_input(objective: Objective) -> None:
    _, target, low = batch()
    enlarged = nn.functional.interpolate(low, scale_factor=2.0, mode="bicubic", antialias=True).clamp(0, 1)
    losses = [loss_of(regularizer(objective), output, target, low) for output in (target, enlarged)]
    assert losses[0] < losses[1]


def test_pcl_sr_in_plain_loops() -> None:
    module = regularizer(InfoNCE(1.0))
    output, target, low = batch(2)
    enlarged = nn.functional.interpolate(low, scale_factor=2.0, mode="bicubic", antialias=True).clamp(0, 1)
    positives, negatives = (drawn.detach() for drawn in PCL.draw(target, enlarged, seeded()))
    encoder = SmallEncoder().eval()

    def similarity(a: Tensor, b: Tensor, tap: int) -> float:
        x, y = (encoder(image[None])[tap][0].detach().flatten(1).T.double().numpy() for image in (a, b))
        return float(np.mean([u @ v / np.linalg.norm(u) / np.linalg.norm(v) for u, v in zip(x, y, strict=True)]))

    terms = []
    for tap in range(2):
        for i in range(2):
            against = sum(math.exp(similarity(output[i], n, tap)) for n in negatives[i])
            for p in positives[i]:
                up = math.exp(similarity(output[i], p, tap))
                terms.append(-math.log(up / (up + against)))
    assert loss_of(module, output, target, low).item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_aecr_net_in_its_own_words() -> None:
    """Weighted taps; a batch of one, for which its ratio of means is ours."""
    module = regularizer(L1Ratio(1e-6), Samples(), (1 / 32, 1 / 4))
    output, target, _ = batch(1)
    hazy = pictures(1, seed=3)
    encoder, l1 = SmallEncoder().eval(), nn.L1Loss()
    features = zip(encoder(output), encoder(target), encoder(hazy), strict=True)
    taps = [l1(a, p) / (l1(a, n) + 1e-7) for a, p, n in features]
    expected = taps[0] / 32 + taps[1] / 4
    torch.testing.assert_close(loss_of(module, output, target, hazy), expected, rtol=1e-5, atol=0)


def test_pictures_count_by_their_grain() -> None:
    """Of four inputs, two have less fine detail than their targets, and two have noise."""
    target = pictures(4, 32)
    low = nn.functional.avg_pool2d(target, 3, 1, 1, count_include_pad=False)
    low[1] += 0.1 * torch.randn(3, 32, 32, generator=seeded(7))
    low[3] = target[3] + 0.05 * torch.randn(3, 32, 32, generator=seeded(8))
    output = (0.5 * (low + target)).requires_grad_()

    def gradient(grain: tuple[float, float] | None) -> Tensor:
        module = ContrastiveRegularizer(SmallEncoder(), Samples(), L1Ratio(1e-6), (0.5, 0.5), grain=grain)
        return torch.autograd.grad(module(output, target, low, seeded()), output)[0]

    every, smooth, grainy = gradient(None), gradient((-1.0, 0.002)), gradient((0.002, 1.0))
    assert (every.abs().flatten(1).sum(1) > 1e-6).all()
    torch.testing.assert_close(smooth[::2], every[::2])
    torch.testing.assert_close(grainy[1::2], every[1::2])
    assert not smooth[1::2].any()
    assert not grainy[::2].any()


def test_grain_goes_from_less_to_more() -> None:
    options = ContrastiveLossOptions(grain=(-1, 0.002))
    assert options.regularizer(SmallEncoder(), (6, 10)).grain == (-1, 0.002)
    with pytest.raises(ValueError, match="grain \\[0.1, 0.0\\]: give the smaller first"):
        ContrastiveLossOptions(grain=(0.1, 0.0))


def test_grain_is_that_of_the_smooth_parts() -> None:
    """Noise counts by its deviation, also under edges, which count for nothing; the size of the picture does not."""
    flat = torch.full((1, 3, 64, 64), 0.5)
    edges = flat.clone()
    edges[..., 20:28] = 1.0
    assert grain(edges).item() < 1e-6
    # Beside 235 - 16 levels for the luma: a normal value's mean size, and 8 of 9 parts are the pixel's own.
    noise = torch.randn(1, 1, 64, 64, generator=seeded()).expand(1, 3, 64, 64)
    expected = 219 / 255 * math.sqrt(2 / math.pi) * math.sqrt(8 / 9)
    for deviation in (0.01, 0.04):
        assert grain(edges + deviation * noise).item() == pytest.approx(expected * deviation, rel=0.12)
    both = torch.cat([edges, edges + 0.02 * noise])
    torch.testing.assert_close(grain(both)[1], grain(both[1:])[0])


def test_pictures_count_by_their_blur() -> None:
    """Of four inputs, the first is out of focus, the others are compressed, noisy, and as good as their targets."""
    target = photo_patches(4, 64)
    low = target.clone()
    low[0] = out_of_focus(target[0], 2)
    low[1] = compressed(target[1], 30)
    low[2] += 0.05 * torch.randn(3, 64, 64, generator=seeded())
    output = (0.5 * (low + 0.9 * target)).requires_grad_()

    def gradient(most: float | None) -> Tensor:
        module = ContrastiveRegularizer(SmallEncoder(), Samples(), L1Ratio(1e-6), (0.5, 0.5), blurred=most)
        return torch.autograd.grad(module(output, target, low, seeded()), output)[0]

    every, blurred = gradient(None), gradient(0.35)
    assert every[:3].flatten(1).any(1).all()
    assert not blurred[1:].any()
    torch.testing.assert_close(blurred[:1], every[:1])
    options = ContrastiveLossOptions(grain=(-1, 0), blurred=0.35).regularizer(SmallEncoder(), (6, 10))
    assert (options.grain, options.blurred) == ((-1, 0), 0.35)


def test_what_is_left_beside_blur() -> None:
    target = photo_patches(4, 80)
    patches = torch.stack([compressed(one, 50) for one in target])
    assert beside_blur(target, target).tolist() == pytest.approx([1e4 * d for d in softest_change(target)], rel=1e-4)
    assert (beside_blur(patches, target) > 0.7).all()
    assert (beside_blur(target + 0.03 * torch.randn(target.shape, generator=seeded()), target) > 0.7).all()
    for deviation in (1.0, 2.0):
        soft = torch.stack([as_tensor(gaussian(one, deviation)) for one in target])
        assert (beside_blur(soft, target) < 0.03).all()
        torch.testing.assert_close(beside_blur(soft[1:2], target[1:2]), beside_blur(soft, target)[1:2])
    disks = torch.stack([out_of_focus(one, 2) for one in target])
    assert (beside_blur(disks, target) < 0.3).all()
    assert beside_blur(target[..., :9, :12], target[..., :9, :12]).shape == (4,)


def test_what_counts_does_not_depend_on_the_precision_of_training() -> None:
    """In bf16, the luma of a light picture has steps of a level, which is more than these measure."""
    target = photo_patches(3, 64)
    soft = torch.stack([as_tensor(gaussian(one, 1.0)) for one in target])
    expected = beside_blur(soft, target), grain(soft)
    with torch.autocast("cpu", torch.bfloat16):
        found = beside_blur(soft, target), grain(soft)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def softest_change(images: Tensor) -> list[float]:
    """What a blur of half a pixel changes in the luma of pictures, but for 8 pixels of border."""
    change = (luma(torch.stack([as_tensor(gaussian(one, 0.5)) for one in images])) - luma(images)).abs()
    return change[..., 8:-8, 8:-8].mean((1, 2, 3)).tolist()


def gaussian(image: Tensor, deviation: float) -> NDArray[np.float32]:
    """OpenCV's Gaussian blur of (3, H, W), as (H, W, 3) on 0..255."""
    side = 2 * math.ceil(3 * deviation) + 1
    pixels = 255 * image.permute(1, 2, 0).numpy()
    return cv2.GaussianBlur(pixels, (side, side), deviation, borderType=cv2.BORDER_REPLICATE)


def out_of_focus(image: Tensor, radius: int) -> Tensor:
    """Under a disk."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.float32)
    return as_tensor(cv2.filter2D(255 * image.permute(1, 2, 0).numpy(), -1, disk / disk.sum()))


def photo_patches(count: int, side: int) -> Tensor:
    """Parts of a photo, (count, 3, side, side), reduced so that its own blocks disappear."""
    photo = read_rgb8(Path(__file__).parents[3] / "samples/otters.jpg")
    small = cv2.resize(photo, None, fx=1 / 2, fy=1 / 2, interpolation=cv2.INTER_AREA)
    return torch.stack([as_tensor(small[:side, left : left + side]) for left in range(0, 40 * count, 40)])


def as_tensor(pixels: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def compressed(image: Tensor, quality: int) -> Tensor:
    """After JPEG."""
    bgr = (255 * image).round().byte().permute(1, 2, 0).numpy()[..., ::-1]
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return as_tensor(np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]))


def test_gradient_is_that_of_the_encoder() -> None:
    """In float64, against finite differences."""
    module = ContrastiveRegularizer(SmallEncoder().double(), Samples(), InfoNCE(0.5), (0.5, 0.5))
    output, target, low = (x.double() for x in batch(1, 6))
    assert torch.autograd.gradcheck(lambda x: module(x, target, low, seeded()), output.requires_grad_())


def test_taps_do_not_share_a_memory() -> None:
    module = regularizer(IndividualTemperatures(3))
    loss_of(module, *batch())
    first, second = module.objectives
    assert first.log_mean.isfinite().all()
    assert not torch.equal(first.log_mean, second.log_mean)
    keys = [key for key in module.objectives.state_dict() if key.endswith("temperature")]
    assert keys == ["0.temperature", "1.temperature"]


def test_an_encoder_on_loan_can_learn_elsewhere() -> None:
    """As PCL-SR's discriminator does, in the same step: its own loss reaches it, the regularizer's does not."""
    encoder = SmallEncoder()
    module = ContrastiveRegularizer(encoder, PCL, InfoNCE(1.0), (0.5, 0.5))
    output, target, low = batch()
    own = encoder(target)[1].square().mean()
    expected = torch.autograd.grad(own, encoder.first[0].weight, retain_graph=True)[0]
    (own + module(output.requires_grad_(), target, low, seeded())).backward()
    torch.testing.assert_close(encoder.first[0].weight.grad, expected)
    assert output.grad.abs().sum() > 0


def test_frozen_puts_everything_back() -> None:
    """What was in evaluation, or not learning, before; also after an error."""
    encoder = SmallEncoder()
    encoder.first.eval()
    encoder.second[0].bias.requires_grad_(False)
    before = [m.training for m in encoder.modules()], [p.requires_grad for p in encoder.parameters()]

    def use() -> None:
        with frozen(encoder):
            assert not any(m.training for m in encoder.modules())
            assert not any(p.requires_grad for p in encoder.parameters())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()
    assert before == ([m.training for m in encoder.modules()], [p.requires_grad for p in encoder.parameters()])


@every
def test_autocast(objective: Objective) -> None:
    images = batch()
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(regularizer(objective), *images)
    assert loss.dtype == torch.float32
    expected = loss_of(regularizer(objective), *images)
    assert loss.item() == pytest.approx(expected.item(), rel=0.2, abs=0.05)


def test_draws_come_from_the_generator() -> None:
    module, images = regularizer(InfoNCE(0.1)), batch()
    assert module(*images, seeded(1)) == module(*images, seeded(1))
    assert module(*images, seeded(1)) != module(*images, seeded(2))


def test_wrong_use() -> None:
    output, target, low = batch()
    with pytest.raises(ValueError, match=r"output \(3, 3, 6, 12\) and target \(3, 3, 12, 12\)"):
        loss_of(regularizer(InfoNCE()), output[:, :, :6], target, low)
    with pytest.raises(ValueError, match="3 weights for 2 taps"):
        loss_of(regularizer(InfoNCE(), PCL, (1.0, 1.0, 1.0)), output, target, low)
    with pytest.raises(ValueError, match="IndividualTemperatures needs the samples' numbers"):
        regularizer(IndividualTemperatures(3))(output, target, low, seeded())


class EdgeEncoder(nn.Module):
    """Differences of neighbors only, so that a picture and its negative are opposites."""

    def __init__(self) -> None:
        super().__init__()
        weight = torch.randn(12, 3, 3, 3, generator=seeded())
        self.register_buffer("weight", weight - weight.mean(dim=(2, 3), keepdim=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [nn.functional.conv2d(x, self.weight)]


def descend(module: ContrastiveRegularizer, start: Tensor, target: Tensor, other: Tensor, steps: int) -> Tensor:
    """What becomes of a picture by the loss alone."""
    picture = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([picture], 1e-2)
    for step in range(steps):
        loss = module(picture, target, other, seeded(step), torch.arange(len(target)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return picture.detach()


def likeness(encoder: nn.Module, a: Tensor, b: Tensor) -> float:
    """Cosine of the deepest features, the mean over positions and pictures."""
    with torch.no_grad():
        return float(nn.functional.cosine_similarity(encoder(a)[-1], encoder(b)[-1], dim=1).mean())


@every
def test_a_picture_moves_toward_its_positives(objective: Objective) -> None:
    """From a picture of something else, with the target's negative as the only negative."""
    target, start, encoder = pictures(2), pictures(2, seed=1), EdgeEncoder()
    module = ContrastiveRegularizer(encoder, Samples(), objective, (1.0,))
    picture = descend(module, start, target, 1 - target, steps=80)
    before, after = likeness(encoder, start, target), likeness(encoder, picture, target)
    assert after > before + (1 - before) / 3  # the sharp ones rest once they are sure


def test_a_near_negative_carries_the_output_past_its_target() -> None:
    """Why it is a regularizer: what is best by cosines alone lies beyond the positive, away from the negative.

    A ratio of distances has its best at the positive.
    """
    target, encoder = pictures(2), SmallEncoder().eval()
    near = nn.functional.avg_pool2d(target, 3, stride=1, padding=1, count_include_pad=False)
    for objective, stays in ((InfoNCE(1.0), False), (L1Ratio(1e-3), True)):
        module = ContrastiveRegularizer(encoder, Samples(), objective, (0.5, 0.5))
        picture = descend(module, target, target, near, steps=30)
        assert (likeness(encoder, picture, target) > 0.99) == stays
        assert likeness(encoder, picture, near) < likeness(encoder, target, near) or stays
