"""fp16 with scaled gradients, and gradient checkpointing. The scaler works on a CPU too, where fp16 is only slow."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from restore.errors import RecipeError
from restore.networks.registry import NETWORKS
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.gradient_checkpointing import checkpoint_blocks
from restore.training.recipe_file import parse_recipe
from restore.training.state import Run, new_run
from restore.training.step import update
from tests.training.test_loop import RECIPE, assert_same, go, stopping_at


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose fp16 is not emulated, by its own word."""
    monkeypatch.setattr(Run, "precision", property(lambda run: run.recipe.train.precision))


def run_of(folder: Path, *changes: str) -> Run:
    return new_run(parse_recipe(RECIPE, "r", changes), folder, torch.device("cpu"))


def batch(scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.rand(4, 3, 12, 12, generator=draw), torch.rand(4, 3, 24, 24, generator=draw) * scale


def test_on_a_cpu_it_is_fp32(tmp_path: Path) -> None:
    run = run_of(tmp_path, "train.precision=fp16")
    assert (run.precision, run.scaler) == ("fp32", None)


def test_it_trains_like_fp32_with_scaled_gradients(half: None, tmp_path: Path) -> None:
    runs = [run_of(tmp_path, f"train.precision={name}") for name in ("fp16", "fp32")]
    assert runs[0].scaler is not None
    assert runs[1].scaler is None
    for run in runs:
        for step in range(3):
            run.step = step
            result = update(run, *batch())
            assert torch.isfinite(result.norm)
    assert runs[0].scaler.get_scale() == 65536
    losses = [update(run, *batch()).loss for run in runs]
    assert losses[0] == pytest.approx(float(losses[1]), rel=2e-2)
    first, second = (dict(run.network.named_parameters()) for run in runs)
    assert all(value.dtype == torch.float32 for value in first.values())
    assert any(not torch.equal(first[name], second[name]) for name in first), "it did compute in fp16"


def test_a_step_that_overflows_is_skipped_and_scaled_less(half: None, tmp_path: Path) -> None:
    run = run_of(tmp_path, "train.precision=fp16")
    assert run.scaler is not None
    before = [value.clone() for value in run.network.parameters()]
    with torch.no_grad():
        run.scaler.scale(torch.ones(()))  # creates the scale
        run.scaler._scale.fill_(1e38)
    update(run, *batch())
    assert all(torch.equal(a, b) for a, b in zip(before, run.network.parameters(), strict=True))
    assert run.scaler.get_scale() == pytest.approx(5e37, rel=1e-3)


def test_the_scale_is_resumed(half: None, photos: Path, tmp_path: Path) -> None:
    changes = "train.precision=fp16", "train.steps=8", "validation.every=8"
    assert go(photos.parent, tmp_path / "whole", *changes)
    with stopping_at(4):
        assert not go(photos.parent, tmp_path / "stopped", *changes)
    assert Checkpoint(tmp_path / "stopped" / LAST).facts["scaler"]["_growth_tracker"] == 4
    assert go(photos.parent, tmp_path / "stopped", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "stopped" / LAST)
    assert Checkpoint(tmp_path / "stopped" / LAST).facts["scaler"]["_growth_tracker"] == 8


def test_a_discriminator_beside_it(half: None, photos: Path, tmp_path: Path) -> None:
    changes = (
        "discriminator={network: {kind: patchgan, width: 4, layers: 1}}",
        "losses=[{kind: l1}, {kind: adversarial, weight: 0.01}]",
        "train.steps=3",
        "train.precision=fp16",
    )
    assert go(photos.parent, tmp_path / "run", *changes)


DEEP = "network={kind: residual, width: 8, blocks: 3}"


def test_checkpointing_changes_no_weight(photos: Path, tmp_path: Path) -> None:
    for name, more in (("plain", ()), ("saving", ("train.checkpointing=true",))):
        assert go(photos.parent, tmp_path / name, DEEP, "train.steps=6", "validation.every=6", *more)
    assert_same(tmp_path / "plain" / LAST, tmp_path / "saving" / LAST)


def kept_bytes(network: torch.nn.Module) -> int:
    """What a forward pass keeps for the backward pass."""
    sizes: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network(torch.rand(1, 3, 32, 32))
    return sum(sizes.values())


def test_checkpointing_keeps_less() -> None:
    torch.manual_seed(0)
    usual, saving = (NETWORKS["residual"](width=16, blocks=6).build(2).train() for _ in range(2))
    assert checkpoint_blocks(saving) == 6
    assert set(saving.state_dict()) == set(usual.state_dict())
    assert kept_bytes(saving) < 0.7 * kept_bytes(usual)


def test_a_network_without_blocks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Conv2d has no blocks to compute twice"):
        checkpoint_blocks(torch.nn.Conv2d(3, 3, 3))
    with pytest.raises(RecipeError, match=r"train\.checkpointing"):
        run_of(tmp_path, "network={kind: compact}", "train.checkpointing=true")
