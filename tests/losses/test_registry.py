"""Every loss that a recipe can name: it builds, its gradient reaches the output, and it is least where it should be."""

from __future__ import annotations

import pytest
import torch

from restore.encoders.haar import HaarDiscriminator
from restore.errors import MissingWeightsError
from restore.losses.adversarial_term import Opponent
from restore.losses.base import LossOptions, LossTerm, TrainingContext
from restore.losses.jitter import Jittered
from restore.losses.registry import LOSSES
from restore.training.step import step_generator

# Those want weights that no package brings, prompts or a network of one kind, and have their tests beside:
# test_features.py, test_argb.py, contrastive/test_guidance.py, test_filter_code.py. So has clipping, for which a blurred
# picture is as good as a sharp one: test_clipping.py.
APART = {"lpips", "dists", "argb", "translation", "prompt-score", "filter-class", "filter-contrast", "clean-code"} | {
    "clipping"
}
NAMES = [name for name in LOSSES if name not in APART]


def build(name: str) -> LossTerm:
    torch.manual_seed(0)
    term = options(name).build(TrainingContext(discriminator=Opponent(HaarDiscriminator(width=4), "lsgan")))
    if term.calibration_samples:
        list(term.calibrate([(picture(48) * 0.3, picture(48))]))
    return term


def options(name: str) -> LossOptions:
    more = {
        "ms-ssim": {"scales": 2},
        "contrastive": {"objective": {"kind": "l1-ratio"}},
        # Deeper, so small a picture has so few places that each finds itself.
        "id-mrf": {"encoder": {"kind": "efficientnet-lite0", "taps": ["stem"]}},
    }
    return LOSSES[name].model_validate({"kind": name, **more.get(name, {})})


def picture(side: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(side) / 9, torch.arange(side) / 7, indexing="ij")
    waves = torch.stack([torch.sin(x + y), torch.sin(x * y), torch.cos(2 * x - y)])
    return (0.5 + 0.3 * waves).repeat(2, 1, 1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_reaches_the_output_and_nothing_else(name: str) -> None:
    target = picture(48)
    low = torch.nn.functional.avg_pool2d(target, 2)
    output = torch.nn.functional.interpolate(low, scale_factor=2, mode="bilinear").requires_grad_()
    target.requires_grad_()
    term = build(name)
    loss = term(output, target, low, step_generator(0, 0))
    assert loss.shape == ()
    assert torch.isfinite(loss)
    loss.backward()
    assert output.grad is not None
    assert output.grad.abs().sum() > 0
    learned = set(term.learned.parameters()) if term.learned is not None else set()
    assert [n for n, p in term.named_parameters() if p.grad is not None and p not in learned] == []
    assert all(p.grad is not None for p in learned)


@pytest.mark.parametrize("name", [name for name in NAMES if options(name).needs_pairs])
def test_it_is_least_at_the_target(name: str) -> None:
    target = picture(48)
    low = torch.nn.functional.avg_pool2d(target, 2)
    blurred = torch.nn.functional.interpolate(low, scale_factor=2, mode="bilinear")
    term = build(name)
    with torch.no_grad():
        assert term(target, target, low, step_generator(0, 0)) < term(blurred, target, low, step_generator(0, 0))


def test_missing_weights_are_named() -> None:
    lost = LOSSES["perceptual"].model_validate({"encoder": {"kind": "vgg16", "weights": "nowhere/vgg16.pth"}})
    with pytest.raises(MissingWeightsError, match=r"nowhere/vgg16\.pth"):
        lost.build()


def test_the_table_and_the_classes_agree() -> None:
    assert all(options(name).kind == name for name in NAMES)


def test_jitter_cuts_all_three_at_one_place_drawn_anew() -> None:
    seen: list[tuple[torch.Tensor, ...]] = []

    class Seeing(LossTerm):
        def forward(self, *given: object) -> torch.Tensor:
            seen.append(given[:3])
            return torch.zeros(())

    output = torch.arange(3 * 20 * 24.0).view(1, 3, 20, 24)
    term = Jittered(Seeing(), 7)
    for step in range(60):
        term(output, output + 1, output + 2, step_generator(0, step))
    assert {tuple(a.shape[-2:]) for a, _, _ in seen} == {(13, 17)}
    assert all(torch.equal(b, a + 1) and torch.equal(c, a + 2) for a, b, c in seen)
    corners = {(int(a[0, 0, 0, 0]) // 24, int(a[0, 0, 0, 0]) % 24) for a, _, _ in seen}
    assert {top for top, _ in corners} == {left for _, left in corners} == set(range(8))
    with pytest.raises(ValueError, match="too small for jitter 7"):
        term(output[..., :7], output[..., :7], output[..., :7], step_generator(0, 0))


def test_without_jitter_the_grid_of_the_strides_is_in_the_gradient() -> None:
    """The mean gradient of a perceptual loss by the place in blocks of 4 x 4: uneven without, nearly even with it."""

    def unevenness(jitter: int) -> float:
        torch.manual_seed(0)
        term = LOSSES["perceptual"].model_validate({"jitter": jitter}).build()
        sums = torch.zeros(4, 4)
        for step in range(24):
            target = torch.rand(2, 3, 64, 64, generator=step_generator(1, step))
            output = torch.nn.functional.avg_pool2d(target, 3, 1, 1).requires_grad_()
            term(output, target, target, step_generator(0, step)).backward()
            blocks = output.grad[..., 8:-8, 8:-8].abs().mean((0, 1)).reshape(12, 4, 12, 4)
            sums += blocks.mean((0, 2))
        return float(sums.std() / sums.mean())

    assert unevenness(7) < 0.4 * unevenness(0)
