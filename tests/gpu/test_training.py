"""Training on the GPU: it learns, resumes exactly, and what it exports is right on the CPU."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rich.console import Console

from restore.training.checkpoint import LAST
from restore.training.train import Options, start
from tests.conftest import picture, save
from tests.training.test_loop import RECIPE, stopping_at, tensors


def trained(tmp_path: Path, run: str, *changes: str, resume: bool = False) -> Path:
    for number in range(4):
        save(tmp_path / f"photos/{number}.png", picture(96, 96, seed=number))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    options = Options(None, resume, changes, "cuda", workers=0)
    start(None if resume else recipe, tmp_path, tmp_path / run, options, Console(quiet=True))
    return tmp_path / run / LAST


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_it_learns_as_on_the_cpu(torch_on_gpu: ModuleType, tmp_path: Path, precision: str) -> None:
    weights = tensors(trained(tmp_path, "gpu", f"train.precision={precision}"))
    assert all(bool(value.isfinite().all()) for value in weights.values() if value.is_floating_point())
    options = Options(None, False, ("train.precision=fp32",), "cpu", threads=1, workers=0)
    start(tmp_path / "recipe.yaml", tmp_path, tmp_path / "cpu", options, Console(quiet=True))
    other = tensors(tmp_path / "cpu" / LAST)
    a, b = (
        np.concatenate([v.float().numpy().ravel() for k, v in sorted(w.items()) if k.startswith("average.")])
        for w in (weights, other)
    )
    assert np.corrcoef(a, b)[0, 1] > 0.999


def test_a_resumed_run_goes_on_where_it_stopped(torch_on_gpu: ModuleType, tmp_path: Path) -> None:
    """To rounding: cuDNN may sum in another order."""
    whole = tensors(trained(tmp_path, "whole", "train.precision=fp32"))
    with stopping_at(13):
        trained(tmp_path, "parts", "train.precision=fp32")
    parts = tensors(trained(tmp_path, "parts", resume=True))
    assert set(whole) == set(parts)
    for name, value in whole.items():
        torch_on_gpu.testing.assert_close(parts[name], value, rtol=1e-3, atol=1e-5)


def test_teacher_and_losses_run_there(torch_on_gpu: ModuleType, tmp_path: Path) -> None:
    """A discriminator, its features, a teacher, and losses with spectra and statistics."""
    teacher = trained(tmp_path, "teacher", "train.steps=2", "train.schedule.warmup=1")
    changes = (
        f"teacher={{file: {teacher.parent}, samples: 8, cache: {tmp_path / 'cache'}}}",
        "discriminator={network: {kind: unet, width: 4}, form: vanilla}",
        "losses=[{kind: l1}, {kind: l1, teacher: true}, {kind: frequency}, {kind: ssim}, {kind: adversarial, weight: 0.01}, "
        "{kind: contrastive, weight: 0.01, encoder: {kind: discriminator}}]",
        "train.steps=4",
        "train.schedule.warmup=1",
    )
    weights = tensors(trained(tmp_path, "run", *changes))
    assert all(bool(value.isfinite().all()) for value in weights.values() if value.is_floating_point())
