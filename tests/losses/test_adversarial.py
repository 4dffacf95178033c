"""Adversarial losses beside basicsr's, and penalties where the slope is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from restore.losses.adversarial import ADVERSARIAL, gradient_penalty, r1_penalty
from restore.losses.adversarial_term import AdversarialTerm, Opponent
from restore.networks.basicsr_adapter import basicsr_module


def logits(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    fake, real = (2 * torch.randn(3, 16, generator=draw, dtype=torch.float64) for _ in range(2))
    return fake.to(dtype), real.to(dtype)


@pytest.mark.parametrize("kind", ["vanilla", "lsgan", "hinge", "wgan"])
def test_both_sides_are_basicsrs(kind) -> None:
    reference = basicsr_module("losses.gan_loss").GANLoss(kind, loss_weight=1.0)
    fake, real = logits()
    sides = ADVERSARIAL[kind]
    torch.testing.assert_close(sides.generator(fake, real), reference(fake, True, is_disc=False))
    expected = reference(real, True, is_disc=True) + reference(fake, False, is_disc=True)
    torch.testing.assert_close(sides.discriminator(fake, real), expected)


def test_relativistic_is_twice_what_basicsrs_esrgan_writes_out() -> None:
    bce = nn.BCEWithLogitsLoss()
    fake, real = logits()
    ones, zeros = torch.ones_like(fake), torch.zeros_like(fake)
    sides = ADVERSARIAL["relativistic"]
    torch.testing.assert_close(
        sides.generator(fake, real), bce(real - fake.mean(), zeros) + bce(fake - real.mean(), ones)
    )
    torch.testing.assert_close(
        sides.discriminator(fake, real), bce(real - fake.mean(), ones) + bce(fake - real.mean(), zeros)
    )


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_photographs_are_judged_for_the_network_only_where_its_side_compares_with_them(kind) -> None:
    (fake, real), seen = logits(), []

    class Judge(nn.Module):
        def logits(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x

    value = AdversarialTerm(Opponent(Judge(), kind))(fake, real, fake, torch.Generator())
    torch.testing.assert_close(value, ADVERSARIAL[kind].generator(fake, real))
    assert (len(seen) == 2) == (kind in ("relativistic", "contrastive"))


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_gradients_and_directions(kind) -> None:
    fake, real = (x.requires_grad_() for x in logits(torch.float64))
    sides = ADVERSARIAL[kind]
    assert torch.autograd.gradcheck(sides.discriminator, (fake, real))
    assert torch.autograd.gradcheck(lambda f: sides.generator(f, real.detach()), fake)
    if kind == "lsgan":  # it draws toward 0 and 1 from both sides
        return
    (wish,) = torch.autograd.grad(sides.generator(fake, real), fake)
    assert (wish < 0).all(), "the generator wants larger logits"
    down, up = torch.autograd.grad(sides.discriminator(fake, real), (fake, real))
    assert down.sum() > 0
    assert up.sum() < 0


def test_an_undecided_discriminator() -> None:
    zeros = torch.zeros(2, 4)
    for kind in ("vanilla", "relativistic"):
        assert ADVERSARIAL[kind].discriminator(zeros, zeros).item() == pytest.approx(2 * math.log(2))
    assert ADVERSARIAL["hinge"].discriminator(zeros, zeros).item() == pytest.approx(2)


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_extreme_logits_in_half_precision_stay_finite(kind) -> None:
    fake = torch.tensor([-6e4, 6e4], dtype=torch.float16)
    with torch.autocast("cpu", torch.bfloat16):
        for side in ADVERSARIAL[kind][:2]:
            value = side(fake, -fake)
            assert value.dtype == torch.float32
            assert value.isfinite()


def linear(slope: float) -> nn.Module:
    """A discriminator whose gradient has this norm everywhere, that of the sum of its two outputs."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 2, bias=False))
    with torch.no_grad():
        network[1].weight.fill_(slope / math.sqrt(60) / 2)
    return network


def test_penalties_of_a_known_slope() -> None:
    fake, real = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    assert gradient_penalty(linear(6), fake, real).item() == pytest.approx(4, rel=1e-5)
    assert gradient_penalty(linear(2), fake, real).item() == pytest.approx(0, abs=1e-9)
    assert r1_penalty(linear(3), real).item() == pytest.approx(4.5, rel=1e-5)


def curved() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 1, 2))


def test_r1_is_half_of_basicsrs() -> None:
    discriminator = curved()
    real = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    seen = real.clone().requires_grad_()
    expected = basicsr_module("losses.gan_loss").r1_penalty(discriminator(seen), seen) / 2
    torch.testing.assert_close(r1_penalty(discriminator, real), expected)


def test_gradient_penalty_picture_by_picture() -> None:
    discriminator = curved()
    fake, real = torch.rand(2, 3, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    places = torch.rand((3, 1, 1, 1), generator=torch.Generator().manual_seed(7))
    slope = torch.func.grad(lambda x: discriminator(x[None]).mean())
    terms = [(slope(f + p * (r - f)).norm() - 1) ** 2 for f, r, p in zip(fake, real, places, strict=True)]
    value = gradient_penalty(discriminator, fake, real, torch.Generator().manual_seed(7))
    torch.testing.assert_close(value, torch.stack(terms).mean())


def test_the_gradient_penalty_is_of_the_mean_whatever_the_number_of_outputs() -> None:
    """So that what a generator sees of a discriminator of patches is not held to one over their number."""
    fake, real = torch.zeros(2, 3, 8, 8), torch.ones(2, 3, 8, 8)
    values = [
        gradient_penalty(lambda x, n=n: 3 * x.mean((1, 2, 3))[:, None].expand(-1, n), fake, real).item()
        for n in (1, 50)
    ]
    assert values[0] == pytest.approx(values[1])


def test_penalties_train_the_discriminator_and_leave_the_pictures() -> None:
    discriminator = curved()
    fake, real = (torch.rand(2, 3, 4, 5).requires_grad_() for _ in range(2))
    for penalty in (gradient_penalty(discriminator, fake, real), r1_penalty(discriminator, real)):
        gradients = torch.autograd.grad(penalty, discriminator[0].weight)
        assert gradients[0].abs().sum() > 0
    (gradient_penalty(discriminator, fake, real) + r1_penalty(discriminator, real)).backward()
    assert fake.grad is None
    assert real.grad is None


def test_a_flat_discriminator_can_still_learn() -> None:
    """The length of a slope of zero has no derivative; it must not become a gradient that is not a number."""
    discriminator = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1, 2))
    nn.init.zeros_(discriminator[1].weight)
    penalty = gradient_penalty(discriminator, torch.zeros(2, 3, 4, 5), torch.ones(2, 3, 4, 5))
    assert penalty.item() == 1
    assert all(g.isfinite().all() for g in torch.autograd.grad(penalty, discriminator[1].weight))


def test_the_places_between_are_drawn_from_the_generator_and_apart_for_each_picture() -> None:
    places = []

    def spy(x: torch.Tensor) -> torch.Tensor:
        places.append(x.detach())
        return x.square().mean((1, 2, 3))

    fake, real = torch.zeros(4, 3, 4, 5), torch.ones(4, 3, 4, 5)
    for seed in (0, 0, 1):
        gradient_penalty(spy, fake, real, torch.Generator().manual_seed(seed))
    assert torch.equal(places[0], places[1])
    assert not torch.equal(places[0], places[2])
    assert len(places[0][:, 0, 0, 0].unique()) == 4
    assert (places[0] == places[0][:, :1, :1, :1]).all()
    assert ((places[0] >= 0) & (places[0] <= 1)).all()


def test_dual_contrastive_in_plain_loops() -> None:
    torch.manual_seed(0)
    fake, real = torch.randn(3, 2, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    f, r = fake.flatten().tolist(), real.flatten().tolist()
    told = [-math.log(math.exp(x) / (math.exp(x) + sum(math.exp(y) for y in f))) for x in r]
    seen = [-math.log(math.exp(-y) / (math.exp(-y) + sum(math.exp(-x) for x in r))) for y in f]
    wanted = sum(told) / len(told) + sum(seen) / len(seen)
    assert ADVERSARIAL["contrastive"].discriminator(fake, real).item() == pytest.approx(wanted)
    assert ADVERSARIAL["contrastive"].generator(fake, real).item() == pytest.approx(
        ADVERSARIAL["contrastive"].discriminator(real, fake).item()
    )
    sure = ADVERSARIAL["contrastive"].discriminator(fake - 50, real + 50)
    assert sure.item() == pytest.approx(0, abs=1e-9)
