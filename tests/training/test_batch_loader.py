"""The number of workers is chosen during a run, and affects only its speed."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from restore.data.dataset import PairDataset
from restore.data.folder import PhotoStore
from restore.data.sources.bicubic import PatchPairs
from restore.training import batch_loader
from restore.training.batch_loader import SETTLE, TRIAL, BatchLoader
from restore.training.data_loading import fill
from restore.training.recipe_file import load_recipe
from restore.training.state import Run, new_run
from restore.training.train import Options, start
from tests.conftest import picture, save
from tests.training.test_loop import RECIPE


def small_run(folder: Path, *changes: str) -> Run:
    (folder / "r.yaml").write_text(RECIPE)
    return new_run(load_recipe(folder / "r.yaml", changes), folder / "run", torch.device("cpu"))


class NoSamples(PairDataset):
    """For loaders whose batches are replaced: it must not be asked."""

    def cut(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError("a sample was cut")


def timed(
    monkeypatch: pytest.MonkeyPatch, folder: Path, seconds: dict[int, tuple[float, float]], cores: int = 8
) -> tuple[BatchLoader, list[str], list[int]]:
    """Run steps whose waiting and working time depend on the number of workers.

    Returns the loader, its messages, and the number of workers at each step.
    """
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr(batch_loader, "usable_cores", lambda: cores)

    def batches(run: object, patches: object, workers: int, skipped: object):
        nonlocal now
        for _ in itertools.count():
            now += seconds[workers][0]
            yield None

    monkeypatch.setattr(batch_loader, "batches", batches)
    loader = BatchLoader(small_run(folder), NoSamples(), None)
    said: list[str] = []
    used: list[int] = []
    for _ in range(3 * (SETTLE + TRIAL)):
        next(loader)
        used.append(loader.workers)
        now += seconds[loader.workers][1]
        if (line := loader.after_step()) is not None:
            said.append(line)
    return loader, said, used


def test_workers_that_make_it_faster_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loader, said, used = timed(monkeypatch, tmp_path, {0: (0.25, 0.15), 2: (0.0, 0.125)})
    assert loader.workers == 2
    assert said == ["2 workers: 8.0 steps/s, without 2.5"]
    assert used.count(0) == SETTLE + TRIAL


def test_workers_that_make_it_slower_are_dropped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loader, said, used = timed(monkeypatch, tmp_path, {0: (0.1, 0.1), 1: (0.0, 0.4)}, cores=2)
    assert loader.workers == 0
    assert said == ["no workers: 5.0 steps/s, with 1 worker 2.5"]
    assert used.count(1) == SETTLE + TRIAL


@pytest.mark.parametrize(("times", "cores"), [({0: (0.004, 0.1)}, 8), ({0: (1.0, 0.1)}, 1)])
def test_none_are_tried_where_they_cannot_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, times: dict[int, tuple[float, float]], cores: int
) -> None:
    loader, said, _ = timed(monkeypatch, tmp_path, times, cores)
    assert loader.workers == 0
    assert said == []


def test_weights_do_not_depend_on_the_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_loader, "SETTLE", 1)
    monkeypatch.setattr(batch_loader, "TRIAL", 2)
    monkeypatch.setattr(batch_loader, "_WAITING", 0.0)
    monkeypatch.setattr(batch_loader, "usable_cores", lambda: 2)
    for number in range(4):
        save(tmp_path / "photos" / f"{number}.png", picture(40, 50, seed=number))
    (tmp_path / "r.yaml").write_text(RECIPE)
    screen = io.StringIO()
    console = Console(file=screen, width=200)
    for name, workers in (("auto", None), ("none", 0)):
        options = Options(threads=1, workers=workers, changes=["train.steps=9"])
        assert start(tmp_path / "r.yaml", tmp_path, tmp_path / name, options, console)
    assert "worker" in screen.getvalue(), "workers were tried"
    left, right = (load(tmp_path / name / "last.safetensors") for name in ("auto", "none"))
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)


def load(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


def test_photographs_are_decoded_ahead_of_a_long_run_only(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.png", picture(40, 44, seed=i)) for i in range(3)]
    pairs = PatchPairs(paths, 2, 8, seed=0)
    assert list(fill(small_run(tmp_path, "train.steps=2", "train.batch=2"), pairs, 0)) == []
    run = small_run(tmp_path, "train.steps=100", "train.batch=2")
    assert list(fill(run, pairs, 0))[-1] == (3, 3)
    assert all(pairs.store.derived(i) is not None for i in range(3))


def test_filling_keeps_to_the_budget_and_passes_over_damage(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.png", picture(40, 44, seed=i)) for i in range(3)]
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    store = PhotoStore(paths, budget=40 * 44 * 3 + 10)
    list(store.fill())
    assert store.free == 10
    assert store[0] is store[0]
    np.testing.assert_array_equal(store[2], PhotoStore(paths)[2])


def test_bf16_is_not_emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for features, precision in ((frozenset({"avx2"}), "fp32"), (frozenset({"amx_bf16"}), "bf16")):
        monkeypatch.setattr("restore.training.precision.cpu_features", lambda features=features: features)
        run = small_run(tmp_path, "train.precision=bf16")
        assert run.precision == precision
        with run.autocast():
            assert torch.is_autocast_enabled("cpu") == (precision == "bf16")
    monkeypatch.setattr("restore.training.precision.cpu_features", lambda: frozenset({"amx_bf16"}))
    assert small_run(tmp_path, "train.precision=fp32").precision == "fp32"
