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
from restore.training.muon import Muon, orthogonalized
from restore.training.optimizers import OPTIMIZERS, build_optimizer
from restore.training.recipe import Recipe
from restore.training.recipe_file import parse_recipe
from restore.training.schedule_free import ScheduleFree
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


class MuonByTheBook(torch.optim.Optimizer):
    """Muon of one matrix, in double precision, with steps of AdamW's size."""

    def __init__(self, params: list[torch.nn.Parameter]) -> None:
        super().__init__(params, {})
        self.average = 0.0

    def step(self) -> None:
        (parameter,) = self.param_groups[0]["params"]
        gradient = parameter.grad.double().numpy()
        self.average = 0.95 * self.average + 0.05 * gradient
        x = 0.05 * gradient + 0.95 * self.average
        x = x / np.sqrt((x * x).sum())
        for _ in range(5):
            x = 3.4445 * x - 4.7750 * x @ x.T @ x + 2.0315 * x @ x.T @ x @ x.T @ x
        parameter.data -= torch.from_numpy(2e-3 * 0.2 * np.sqrt(max(x.shape)) * x).float()


class ScheduleFreeByTheBook(torch.optim.Optimizer):
    """Schedule-free AdamW as its paper writes it, in double precision; the decay is there for what tests it."""

    def __init__(self, params: list[torch.nn.Parameter], lr: float = 2.5e-3, decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr})
        (parameter,) = params
        self.y = parameter.detach().double().numpy().copy()
        self.z, self.x, self.v, self.k, self.total, self.decay = self.y.copy(), self.y.copy(), 0.0, 0, 0.0, decay

    def step(self) -> None:
        (parameter,), lr = self.param_groups[0]["params"], self.param_groups[0]["lr"]
        gradient = parameter.grad.double().numpy()
        self.k, self.total = self.k + 1, self.total + lr * lr
        self.v = 0.999 * self.v + 0.001 * gradient**2
        root = np.sqrt(self.v / (1 - 0.999**self.k)) + 1e-8
        self.z = self.z - lr * gradient / root - lr * self.decay * self.y
        self.x = self.x + lr * lr / self.total * (self.z - self.x)
        self.y = 0.1 * self.z + 0.9 * self.x
        parameter.data.copy_(torch.from_numpy(self.y))


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
    "muon": MuonByTheBook,
    "schedule-free": ScheduleFreeByTheBook,
}
# What a recipe with the optimizer must say besides.
BESIDES = {"schedule-free": ["train.schedule={warmup: 4, floor: 1}"]}


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
    changes = [f"train.optimizer={{kind: {kind}}}", *BESIDES.get(kind, [])]
    options = parse_recipe(RECIPE, "r", changes).train.optimizer
    ours = descend(lambda parameters: build_optimizer(options, parameters, []))
    torch.testing.assert_close(ours, descend(TORCHS[kind]), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", sorted(set(OPTIMIZERS) - {"adam"}))
def test_a_resumed_run_equals_the_unbroken_one(kind: str, photos: Path, tmp_path: Path) -> None:
    changes = f"train.optimizer={{kind: {kind}, weight_decay: 1e-4}}", "train.steps=8", "validation.every=8"
    changes = (*changes, *BESIDES.get(kind, []))
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


def test_muon_makes_matrices_orthogonal() -> None:
    """All singular values come near 1, for wide and tall matrices, and their vectors stay."""
    for shape in ((16, 40), (40, 16), (2, 9)):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        inner = u.T @ orthogonalized(matrix) @ v.T
        assert inner.diagonal().min() > 0.6
        assert inner.diagonal().max() < 1.3
        torch.testing.assert_close(inner, inner.diagonal().diag(), atol=1e-4, rtol=0)


def test_muon_is_torchs_in_another_precision() -> None:
    torchs = descend(lambda p: torch.optim.Muon(p, 2e-3, weight_decay=0, adjust_lr_fn="match_rms_adamw"))
    # bfloat16 has two digits, and the weights move by 4e-3.
    torch.testing.assert_close(descend(lambda p: Muon(p, 2e-3)), torchs, atol=2e-4, rtol=0)


def test_muon_moves_kernels_as_matrices_and_vectors_as_adamw() -> None:
    torch.manual_seed(0)
    kernel = torch.randn(4, 3, 3, 3)
    vectors = {"bias": torch.randn(4), "each channel's factor": torch.randn(1, 4, 1, 1)}
    for name, vector in vectors.items():
        ours, theirs = torch.nn.Parameter(vector.clone()), torch.nn.Parameter(vector.clone())
        adamw = torch.optim.AdamW([theirs], lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1)
        for optimizer, parameter in ((Muon([ours], 1e-2, weight_decay=0.1), ours), (adamw, theirs)):
            for step in range(3):
                parameter.grad = torch.linspace(-1, 1 + step, 4).view_as(vector)
                optimizer.step()
        torch.testing.assert_close(ours, theirs, msg=lambda text, name=name: f"{name}: {text}")
    stored = [kernel.clone(), kernel.clone(memory_format=torch.channels_last), kernel.flatten(1).clone()]
    moved = []
    for one in stored:
        parameter = torch.nn.Parameter(one)
        parameter.grad = torch.linspace(-1, 1, 108).view_as(kernel).square().view(one.shape)
        Muon([parameter], 1e-2).step()
        moved.append(parameter.detach().reshape(kernel.shape))
    assert not torch.equal(moved[0], kernel)
    for other in moved[1:]:
        torch.testing.assert_close(moved[0], other, atol=1e-6, rtol=0)


def test_schedule_free_averages_decays_and_warms_up_by_the_book() -> None:
    weights, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 6)) for _ in range(2))
    ours, book = ScheduleFree([weights], 1e-2, weight_decay=0.1), ScheduleFreeByTheBook([theirs], 1e-2, decay=0.1)
    assert ours.averaged(weights) is weights, "before the first step"
    for step in range(8):
        for optimizer, parameter in ((ours, weights), (book, theirs)):
            optimizer.param_groups[0]["lr"] = 1e-2 * min(1, (step + 1) / 4)
            parameter.grad = 2 * parameter.detach() + step
            optimizer.step()
    torch.testing.assert_close(weights, theirs, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(ours.averaged(weights), torch.from_numpy(book.x).float(), atol=1e-6, rtol=1e-6)
    assert not torch.allclose(ours.averaged(weights), weights, atol=1e-4)


def test_what_schedule_free_averages_is_validated_and_exported(photos: Path, tmp_path: Path) -> None:
    """And not the weights that gradients were taken at, or train.ema's average of those."""
    changes = ("train.optimizer={kind: schedule-free}", *BESIDES["schedule-free"], "train.steps=6")
    assert go(photos.parent, tmp_path / "run", *changes)
    kept = Checkpoint(tmp_path / "run" / LAST)
    own = {key: value for key, value in kept.part("optimizer").items() if key.endswith(".average")}
    network, average = kept.part("network"), kept.result()
    built = parse_recipe(RECIPE, "r").network.build(2)
    for index, name in enumerate(dict(built.named_parameters())):
        assert torch.equal(average[name], own[f"{index}.average"])
        assert not torch.equal(average[name], network[name])


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
        (
            "{kind: schedule-free}",
            "'schedule-free' needs a constant learning rate: set train.schedule to {warmup: 4, floor: 1}",
        ),
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
