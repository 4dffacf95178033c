"""The discriminator learns, and only its own update changes it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from restore.losses.adversarial import r1_penalty
from restore.networks.discriminators.registry import DISCRIMINATORS
from restore.training.discriminator_trainer import DiscriminatorTrainer
from restore.training.recipe import Discriminator
from restore.training.recipe_file import parse_recipe
from restore.training.state import new_run
from restore.training.step import step_generator, update
from tests.training.test_loop import ADVERSARIAL, RECIPE

FORMS = ["vanilla", "lsgan", "hinge", "relativistic", "wgan", "contrastive"]


def small(kind: str) -> dict[str, object]:
    return {"kind": kind, "width": 4}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_it_learns_to_tell_blurred_from_sharp(kind: str, form: str) -> None:
    torch.manual_seed(0)
    options = Discriminator(network=small(kind), form=form, optimizer={"lr": 2e-3})
    trainer = DiscriminatorTrainer.build(options, torch.device("cpu"))
    real = torch.rand(4, 3, 64, 64)
    fake = torch.nn.functional.avg_pool2d(real, 3, 1, 1)
    losses = [float(trainer.learn([(fake, real)], step, 1.0, step_generator(0, step))) for step in range(30)]
    assert losses[-1] < losses[0] - 0.1


@pytest.mark.parametrize("penalty", ["r1", "gradient"])
def test_penalties_count_every_so_often(penalty: str) -> None:
    torch.manual_seed(0)
    plain = Discriminator(network=small("patchgan"))
    punished = Discriminator(network=small("patchgan"), penalty={"kind": penalty, "weight": 100, "every": 2})
    real, fake = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)

    def first_losses(options: Discriminator) -> list[float]:
        torch.manual_seed(0)
        trainer = DiscriminatorTrainer.build(options, torch.device("cpu"))
        return [float(trainer.learn([(fake, real)], step, 0.0, step_generator(0, step))) for step in (0, 1)]

    (a0, a1), (b0, b1) = first_losses(plain), first_losses(punished)
    assert b0 > a0
    assert b1 == pytest.approx(a1, rel=1e-3)


@pytest.mark.parametrize("every", [1, 4])
def test_a_penalty_computed_less_often_weighs_more(every: int) -> None:
    """Computed at every fourth step only, it counts four times as much (lazy regularization, StyleGAN2)."""
    real = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))

    def loss(**options: object) -> float:
        torch.manual_seed(0)
        trainer = DiscriminatorTrainer.build(Discriminator(network=small("patchgan"), **options), torch.device("cpu"))
        return float(trainer.learn([(real.flip(0), real)], 0, 0.0, step_generator(0, 0)))

    torch.manual_seed(0)
    judge = DISCRIMINATORS["patchgan"](**small("patchgan")).build().train()
    for seen in (real.flip(0), real):  # as in the step: spectral norm refines its estimate with each batch
        judge.logits(seen)
    expected = 100 * every * float(r1_penalty(judge.logits, real).detach())
    counted = loss(penalty={"kind": "r1", "weight": 100, "every": every}) - loss()
    assert expected > 1e-3
    assert counted == pytest.approx(expected, rel=1e-3)


def test_the_networks_step_leaves_the_discriminator_alone(tmp_path: Path) -> None:
    """Before it begins to learn, losses that judge and borrow features change neither weights nor batch statistics."""
    recipe = parse_recipe(RECIPE + ADVERSARIAL.replace("begin: 2", "begin: 20").replace(", begin: 4", ""), "r")
    run = new_run(recipe, tmp_path, torch.device("cpu"))
    assert run.discriminator is not None
    run.discriminator.network.train()
    before = {key: value.clone() for key, value in run.discriminator.network.state_dict().items()}
    network = {key: value.clone() for key, value in run.network.state_dict().items()}
    result = update(run, torch.rand(2, 3, 12, 12), torch.rand(2, 3, 24, 24))
    assert all(torch.equal(value, before[key]) for key, value in run.discriminator.network.state_dict().items())
    assert not all(torch.equal(value, network[key]) for key, value in run.network.state_dict().items())
    assert all(p.grad is None for p in run.discriminator.network.parameters())
    assert run.discriminator.network.training
    assert set(result.parts) == {"discriminator", "l1", "adversarial", "contrastive", "patch-nce"}
    assert result.parts["discriminator"] == 0


def test_the_discriminators_step_leaves_the_network_alone(tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE + ADVERSARIAL, "r")
    run = new_run(recipe, tmp_path, torch.device("cpu"))
    assert run.discriminator is not None
    output = run.network(torch.rand(2, 3, 12, 12))
    before = [p.clone() for p in run.discriminator.network.parameters()]
    run.discriminator.learn([(output, torch.rand(2, 3, 24, 24))], 5, 1.0, step_generator(0, 5))
    assert all(p.grad is None for p in run.network.parameters())
    assert any(not torch.equal(p, q) for p, q in zip(run.discriminator.network.parameters(), before, strict=True))
    output.sum().backward()  # its graph still exists
