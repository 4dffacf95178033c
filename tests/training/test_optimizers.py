"""Optimizers by name are torch's own or their paper's, train, and resume exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from restore.errors import RecipeError
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.optimizers import OPTIMIZERS, build_optimizer
from restore.training.recipe import Recipe
from restore.training.recipe_file import parse_recipe
from tests.training.test_loop import RECIPE, assert_same, go, stopping_at


class ByTheBook(torch.optim.Optimizer):
    """Adan as its paper writes it, in double precision, with b = 1 - beta; without weight decay."""

    def __init__(self, params: list[torch.nn.Parameter]) -> None:
        super().__init__(params, {})
        self.gradients: list[np.ndarray] = []

    def step(self) -> None:
        (parameter,) = self.param_groups[0]["params"]
        self.gradients.append(parameter.grad.double().numpy().copy())
        b1, b2, b3 = 0.02, 0.08, 0.01
        m = v = n = 0.0
        for k, gradient in enumerate(self.gradients):
            change = gradient - self.gradients[max(0, k - 1)]
            m, v = (1 - b1) * m + b1 * gradient, (1 - b2) * v + b2 * change
            n = (1 - b3) * n + b3 * (gradient + (1 - b2) * change) ** 2
        k = len(self.gradients)
        m, v, n = m / (1 - (1 - b1) ** k), v / (1 - (1 - b2) ** k), n / (1 - (1 - b3) ** k)
        parameter.data -= torch.from_numpy(2e-3 * (m + (1 - b2) * v) / (np.sqrt(n) + 1e-8)).float()


TORCHS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda p: torch.optim.Adam(p, lr=2e-3, betas=(0.9, 0.99)),
    "adamw": lambda p: torch.optim.AdamW(p, lr=2e-3, betas=(0.9, 0.99), weight_decay=0.0),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3),
    "nadam": lambda p: torch.optim.NAdam(p, lr=2e-3),
    "radam": lambda p: torch.optim.RAdam(p, lr=1e-3),
    "adamax": lambda p: torch.optim.Adamax(p, lr=2e-3),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
    "adan": ByTheBook,
}


def descend(build: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]) -> torch.Tensor:
    weights = torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4))
    optimizer = build([weights])
    for step in range(5):
        optimizer.zero_grad()
        (weights.square() * (1 + step)).sum().backward()
        optimizer.step()
    return weights.detach()


@pytest.mark.parametrize("kind", sorted(OPTIMIZERS))
def test_it_is_torchs_own_or_its_papers(kind: str) -> None:
    options = parse_recipe(RECIPE, "r", [f"train.optimizer={{kind: {kind}}}"]).train.optimizer
    ours = descend(lambda parameters: build_optimizer(options, parameters, []))
    torch.testing.assert_close(ours, descend(TORCHS[kind]), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", sorted(set(OPTIMIZERS) - {"adam"}))
def test_a_resumed_run_equals_the_unbroken_one(kind: str, photos: Path, tmp_path: Path) -> None:
    changes = f"train.optimizer={{kind: {kind}, weight_decay: 1e-4}}", "train.steps=8", "validation.every=8"
    assert go(photos.parent, tmp_path / "whole", *changes)
    with stopping_at(4):
        assert not go(photos.parent, tmp_path / "stopped", *changes)
    assert go(photos.parent, tmp_path / "stopped", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "stopped" / LAST)


def test_adan_decays_weights_after_the_step() -> None:
    """Towards zero by a factor that does not depend on the gradient."""
    options = parse_recipe(RECIPE, "r", ["train.optimizer={kind: adan, lr: 0.5, weight_decay: 2.0}"]).train.optimizer
    weights = torch.nn.Parameter(torch.tensor([3.0]))
    optimizer = build_optimizer(options, [weights], [])
    weights.grad = torch.tensor([4.0])
    optimizer.step()  # the first step is as long as the rate
    assert weights.item() == pytest.approx((3.0 - 0.5) / (1 + 0.5 * 2.0))


def test_a_recipe_that_does_not_name_it_means_adam() -> None:
    said, default = parse_recipe(RECIPE, "r"), parse_recipe(RECIPE, "r", ["train.optimizer={kind: adam, lr: 2e-3}"])
    assert said == default
    assert said.digest() == default.digest()
    assert said.as_dict()["train"]["optimizer"] == {
        "kind": "adam",
        "lr": 2e-3,
        "betas": [0.9, 0.99],
        "weight_decay": 0.0,
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("{kind: nadm}", "'train.optimizer': no kind 'nadm' here; did you mean 'nadam'?"),
        ("{kind: sgd, momentm: 0.9}", "unknown option 'train.optimizer.momentm'; did you mean 'momentum'?"),
        ("{kind: sgd, betas: [0.9, 0.99]}", "unknown option 'train.optimizer.betas'"),
        ("{beta: 1}", "unknown option 'train.optimizer.beta'; did you mean 'betas'?"),
        ("{kind: sgd, momentum: 0, nesterov: true}", "nesterov needs a momentum above 0"),
    ],
)
def test_mistakes(change: str, says: str) -> None:
    with pytest.raises(RecipeError) as told:
        parse_recipe(RECIPE, "r", [f"train.optimizer={change}"])
    assert says in str(told.value)


def test_the_schema_takes_one_without_a_kind() -> None:
    schema = Recipe.model_json_schema()["$defs"]["Train"]["properties"]["optimizer"]
    assert {"$ref": "#/$defs/SgdOptions"} in schema["anyOf"]
    assert "oneOf" not in json.dumps(schema)


def test_the_discriminator_may_have_another(photos: Path, tmp_path: Path) -> None:
    changes = (
        "discriminator={network: {kind: patchgan, width: 4, layers: 1}, optimizer: {kind: rmsprop, lr: 1e-4}}",
        "losses=[{kind: l1}, {kind: adversarial, weight: 0.01}]",
        "train.steps=3",
    )
    assert go(photos.parent, tmp_path / "run", *changes)
    kept = Checkpoint(tmp_path / "run" / LAST)
    assert any(name.endswith("square_avg") for name in kept.part("discriminator-optimizer"))
    assert any(name.endswith("exp_avg") for name in kept.part("optimizer"))
