"""Training learns, resumes exactly, and survives being stopped."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save_file

from restore.data.folder import list_photos
from restore.data.sources.base import hold_out
from restore.data.sources.bicubic import reduced_samples
from restore.data.sources.degraded import degraded_samples
from restore.errors import DataError, DeviceError, MissingWeightsError, ModelError, RecipeError
from restore.export.load_source import make_spec
from restore.imaging.color.conversions import luma
from restore.losses.pixel import PixelOptions
from restore.metrics.psnr import psnr
from restore.plugins import Trust
from restore.training import loop
from restore.training.checkpoint import BEST, FORMAT, LAST, Checkpoint
from restore.training.environment import git_state
from restore.training.lock import patience, run_lock
from restore.training.logging import Reporter, Step
from restore.training.optim import rate
from restore.training.recipe_file import parse_recipe
from restore.training.state import Run
from restore.training.step import step_generator, total_loss
from restore.training.train import Options, choose_device, start
from restore.training.train_options import Schedule
from restore.training.trained_network import load_trained
from restore.training.training_data import open_training_data
from tests.conftest import picture, save
from tests.encoders.weights import torchvision_weights

RECIPE = """\
name: test
scale: 2
network: {kind: plain, width: 16, depth: 1}
data: {train: [photos], patch: 12, holdout: 2}
validation: {every: 10, crop: 64}
train:
  steps: 24
  batch: 4
  save_every: 8
  optimizer: {lr: 2e-3}
  schedule: {warmup: 4}
"""


def go(
    data: Path,
    run: Path,
    *changes: str,
    resume: bool = False,
    text: str = RECIPE,
    start_from: Path | None = None,
    workers: int = 0,
) -> bool:
    recipe = data / "recipe.yaml"
    recipe.write_text(text)
    screen = Console(file=io.StringIO())
    options = Options(start_from, resume, changes, "cpu", threads=1, workers=workers, trust=Trust(recipe=True))
    return start(None if resume else recipe, data, run, options, screen)


def tensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(str(path), framework="pt") as file:
        return {key: file.get_tensor(key) for key in list(file.keys())}


def assert_same(a: Path, b: Path) -> None:
    x, y = tensors(a), tensors(b)
    assert set(x) == set(y)
    assert [k for k in x if not torch.equal(x[k], y[k])] == []


CONTRASTIVE = """\
losses:
  - {kind: l1}
  - kind: contrastive
    weight: 0.5
    positives: [{kind: target}, {kind: sharpen, count: 1}]
    negatives: [{kind: input}, {kind: blur, count: 1}]
    encoder: {kind: module, factory: "tests.training.encoders:edges", channels: [4]}
    objective: {kind: infonce, temperature: 1.0}
"""


# A discriminator, its features, heads with a queue, and losses that begin later: everything a checkpoint can hold.
ADVERSARIAL = """\
discriminator:
  network: {kind: haar, width: 4, taps: [2, 4]}
  form: contrastive
  penalty: {kind: r1, weight: 1.0, every: 3}
  begin: 2
losses:
  - {kind: l1}
  - {kind: adversarial, weight: 0.01, begin: 4}
  - {kind: contrastive, weight: 0.1, encoder: {kind: discriminator}, objective: {kind: infonce, temperature: 1}}
  - {kind: patch-nce, weight: 0.1, encoder: {kind: discriminator}, dim: 8, positions: 9, queue: 24, mixing: {}}
"""


@contextmanager
def stopping_at(stop: int) -> Iterator[None]:
    """Simulate Ctrl-C during a step."""
    original = loop.update

    def stopping(run: Run, *samples: torch.Tensor) -> Step:
        result = original(run, *samples)
        run.stopping = run.step + 1 == stop
        return result

    loop.update = stopping
    try:
        yield
    finally:
        loop.update = original


@pytest.mark.parametrize(
    ("stop", "losses"),
    [(8, ""), (13, ""), (13, CONTRASTIVE), (11, ADVERSARIAL)],
    ids=["save", "between", "draws", "adversarial"],
)
def test_a_resumed_run_equals_the_unbroken_one(photos: Path, tmp_path: Path, stop: int, losses: str) -> None:
    """Also when stopped between saves and validations, and with losses that use random numbers."""
    data, text = photos.parent, RECIPE + losses
    assert go(data, tmp_path / "whole", text=text)
    with stopping_at(stop):
        assert not go(data, tmp_path / "broken", text=text)
    assert Checkpoint(tmp_path / "broken" / LAST).step == stop
    assert go(data, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "broken" / LAST)
    assert_same(tmp_path / "whole" / BEST, tmp_path / "broken" / BEST)


def test_a_degradation_is_trained_and_validated_on(photos: Path, tmp_path: Path) -> None:
    """Validation pictures are degraded too, always in the same way, and the run resumes exactly."""
    changes = ("data.degradation={preset: light}", "train.steps=12", "validation.every=6")
    assert go(photos.parent, tmp_path / "whole", *changes)
    with stopping_at(7):
        assert not go(photos.parent, tmp_path / "broken", *changes)
    assert go(photos.parent, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "broken" / LAST)
    recipe = parse_recipe(RECIPE, "r", changes)
    held = hold_out(list_photos([photos]), recipe.data.holdout)[1]
    first, again = (degraded_samples(held, 2, 64, recipe.data.degradation, 0) for _ in range(2))
    plain = reduced_samples(held, 2, 64)
    for one, other, bicubic in zip(first, again, plain, strict=True):
        np.testing.assert_array_equal(one.low, other.low)
        np.testing.assert_array_equal(one.high, bicubic.high)
        assert one.low.shape == bicubic.low.shape
        assert (one.low != bicubic.low).any()


def test_a_run_may_begin_with_the_weights_of_another(photos: Path, tmp_path: Path) -> None:
    data = photos.parent
    assert go(data, tmp_path / "first")
    assert go(data, tmp_path / "second", "train.steps=5", "train.optimizer.lr=1e-12", start_from=tmp_path / "first")
    first, second = (tensors(tmp_path / name / LAST) for name in ("first", "second"))
    for key in (key for key in first if key.startswith("average.")):
        torch.testing.assert_close(second[key], first[key], rtol=0, atol=1e-9)
        torch.testing.assert_close(second[key.replace("average.", "network.")], first[key], rtol=0, atol=1e-9)
    begun_from = Checkpoint(tmp_path / "second" / LAST).facts["begun_from"]
    digest = hashlib.sha256((tmp_path / "first" / LAST).read_bytes()).hexdigest()
    assert re.fullmatch(rf"a run of 24 steps and 0.0\d hours \(checkpoint's SHA-256 {digest}\)", begun_from)
    recipe, network, checkpoint = load_trained(tmp_path / "second")
    assert make_spec(recipe, network, checkpoint).start == begun_from
    assert go(data, tmp_path / "grandchild", "train.steps=1", start_from=tmp_path / "second")
    assert Checkpoint(tmp_path / "grandchild" / LAST).facts["begun_from"].endswith(f", begun with {begun_from}")
    with pytest.raises(ModelError, match="another network"):
        go(data, tmp_path / "third", "network.depth=2", start_from=tmp_path / "first" / LAST)
    assert not (tmp_path / "third").exists()
    with pytest.raises(RecipeError, match="remove --start"):
        go(data, tmp_path / "second", resume=True, start_from=tmp_path / "first")


def test_a_loss_counts_from_its_first_step_to_its_last(photos: Path, tmp_path: Path) -> None:
    """The run equals one without the loss up to its first step, and differs afterwards."""
    late = "losses:\n  - {kind: l1, end: 12}\n  - {kind: l2, weight: 20, begin: 12}\n"
    assert go(photos.parent, tmp_path / "l1", "train.steps=24")
    assert go(photos.parent, tmp_path / "staged", text=RECIPE + late)
    logged = [
        {
            row["step"]: row["psnr-y"]
            for row in map(json.loads, (tmp_path / n / "log.jsonl").read_text().splitlines())
            if "psnr-y" in row
        }
        for n in ("l1", "staged")
    ]
    assert logged[0][10] == logged[1][10]
    assert logged[0][20] != logged[1][20]


def test_a_contrastive_term_reaches_the_weights(photos: Path, tmp_path: Path) -> None:
    """Compared with a control of the same schedule and seed; the released PCL-SR would equal the control."""
    assert go(photos.parent, tmp_path / "control", "train.steps=5")
    assert go(photos.parent, tmp_path / "contrastive", "train.steps=5", text=RECIPE + CONTRASTIVE)
    control, trained = (tensors(tmp_path / name / LAST) for name in ("control", "contrastive"))
    assert set(control) == set(trained), "a frozen encoder is not saved in a checkpoint"
    weights = [key for key in control if key.startswith("network.") and key.endswith("weight")]
    assert weights
    assert [key for key in weights if torch.equal(control[key], trained[key])] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_signals(photos: Path, tmp_path: Path, number: int) -> None:
    """SIGTERM saves at once; after SIGKILL the last complete checkpoint is there."""
    process, run = begun(photos, tmp_path)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    checkpoint = Checkpoint(run / LAST)
    assert checkpoint.step >= 8
    assert not list(run.glob(".restore-*")) or number == signal.SIGKILL
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert b"--resume" in told


def test_signals_to_the_workers_too(photos: Path, tmp_path: Path) -> None:
    """Ctrl-C in a terminal signals the whole process group; a worker must not die first and end the run."""
    process, run = begun(photos, tmp_path, "--workers", "1")
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert b"--resume" in told
    assert Checkpoint(run / LAST).step > 8, "steps after the last regular checkpoint are saved"
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def begun(photos: Path, tmp_path: Path, *options: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a long run in its own process group and wait for a checkpoint. Returns the process and the folder."""
    (photos.parent / "recipe.yaml").write_text(RECIPE)
    run = tmp_path / "run"
    command = [sys.executable, "-m", "restore.cli.main", "train", str(photos.parent / "recipe.yaml")]
    command += ["--data", str(photos.parent), "--out", str(run), "--set", "train.steps=100000", "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, *options], env=environment, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (run / LAST).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return process, run


def test_it_learns(photos: Path, tmp_path: Path) -> None:
    """After 300 steps it is better than nearest-neighbor enlargement on unseen pictures."""
    changes = ("train.steps=300", "validation.every=100", "network.depth=2", "train.batch=8")
    assert go(photos.parent, tmp_path / "run", *changes)
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    values = [row["psnr-y"] for row in rows if "psnr-y" in row]
    recipe = parse_recipe(RECIPE, "r", changes)
    samples = reduced_samples(hold_out(list_photos([photos]), recipe.data.holdout)[1], 2, 64)
    nearest = np.mean([psnr(luma(s.low.repeat(2, 0).repeat(2, 1)), luma(s.high), 2) for s in samples])
    assert len(values) == 3
    assert values[-1] > nearest + 0.5, (values, nearest)


def test_logs(photos: Path, tmp_path: Path) -> None:
    go(photos.parent, tmp_path / "run")
    assert list((tmp_path / "run/tensorboard").glob("events*"))
    assert parse_recipe((tmp_path / "run/recipe.yaml").read_text(), "r").train.steps == 24
    assert {"step", "loss", "lr", "gradient", "seconds"} <= set(
        json.loads((tmp_path / "run/log.jsonl").read_text().splitlines()[-2])
    )


def test_a_run_is_not_begun_over_another(photos: Path, tmp_path: Path) -> None:
    go(photos.parent, tmp_path / "run")
    with pytest.raises(RecipeError, match="already contains a run"):
        go(photos.parent, tmp_path / "run")
    with pytest.raises(RecipeError, match="other: there is no run to continue; give a RECIPE to start one"):
        go(photos.parent, tmp_path / "other", resume=True)


def test_one_command_starts_a_run_and_continues_it(photos: Path, tmp_path: Path) -> None:
    """For systems that run a job again: with RECIPE and --resume, it starts only if there is no checkpoint."""
    (recipe := photos.parent / "recipe.yaml").write_text(RECIPE)
    screen = Console(file=io.StringIO())

    def run(*changes: str) -> bool:
        options = Options(None, True, changes, "cpu", threads=1, workers=0)
        return start(recipe, photos.parent, tmp_path / "run", options, screen)

    assert run("train.save_every=8", "train.steps=8")
    assert Checkpoint(tmp_path / "run" / LAST).step == 8
    with pytest.raises(
        RecipeError, match=r"not the recipe of the run .*(train.save_every: 8 -> 1000|train.steps: 8 ->)"
    ):
        run()
    again = tensors(tmp_path / "run" / LAST)
    assert run("train.save_every=8", "train.steps=8"), "it is done already"
    assert all(torch.equal(value, again[key]) for key, value in tensors(tmp_path / "run" / LAST).items())


def test_two_processes_do_not_train_in_one_folder(photos: Path, tmp_path: Path) -> None:
    with run_lock(tmp_path / "run"):
        with pytest.raises(RecipeError, match="run: another process is training here"):
            go(photos.parent, tmp_path / "run")
        (tmp_path / "run/kept").touch()
    assert go(photos.parent, tmp_path / "run")
    with run_lock(tmp_path / "run"), pytest.raises(RecipeError, match="another process is training here"):
        go(photos.parent, tmp_path / "run", resume=True)


def test_a_lost_process_may_hold_the_lock_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a machine that died does on a file server, until the server notices."""
    monkeypatch.delenv("TORCHELASTIC_MAX_RESTARTS", raising=False)
    assert patience() == 0
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "0")
    assert patience() == 0
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    assert patience() >= 100
    with run_lock(tmp_path / "run"):
        with pytest.raises(RecipeError), run_lock(tmp_path / "run", 0.05):
            pass
        held = FileLock(tmp_path / "run/.lock", thread_local=False)
    held.acquire()
    release = threading.Timer(0.3, held.release)
    release.start()
    with run_lock(tmp_path / "run", patience()):
        assert not held.is_locked
    release.join()


def test_a_file_system_without_locks_is_trained_on_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        # No stub: the error, word for word, with which filelock meets such a file system.
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", none)
    with run_lock(tmp_path / "run"):
        (tmp_path / "run/kept").touch()
    assert (tmp_path / "run/kept").exists()


def test_a_run_that_is_refused_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for data, *changes in ((tmp_path / "empty",), (photos.parent, "network.width=-1")):
        with pytest.raises((DataError, RecipeError)):
            go(data, tmp_path / "run", *changes)
        assert not (tmp_path / "run").exists()
    assert go(photos.parent, tmp_path / "run")
    before = (tmp_path / "run/recipe.yaml").read_bytes()
    with pytest.raises(DataError):
        go(tmp_path / "empty", tmp_path / "run", "train.seed=5", resume=True)
    with pytest.raises(RecipeError, match=r"train\.steps = 3: 24 steps are already done"):
        go(photos.parent, tmp_path / "run", "train.steps=3", resume=True)
    assert (tmp_path / "run/recipe.yaml").read_bytes() == before


def test_the_best_score_of_another_metric_does_not_count(photos: Path, tmp_path: Path) -> None:
    assert go(photos.parent, tmp_path / "run", "validation.every=4")
    before = Checkpoint(tmp_path / "run" / LAST).facts["best"]
    assert before > 1
    more = ("train.steps=28", "validation.every=2", "validation.patience=50")
    assert go(photos.parent, tmp_path / "run", *more, resume=True)
    assert Checkpoint(tmp_path / "run" / LAST).facts["best"] >= before
    assert go(photos.parent, tmp_path / "run", "train.steps=32", "validation.metric=ssim-y", resume=True)
    assert 0 < Checkpoint(tmp_path / "run" / LAST).facts["best"] <= 1
    assert Checkpoint(tmp_path / "run" / BEST).step > 28


def test_too_little_memory_is_reported_with_a_remedy(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr(loop, "update", full)
    with pytest.raises(DeviceError, match=r"cpu: not enough memory to train; .*train\.accumulate=4"):
        go(photos.parent, tmp_path / "run")


def test_a_run_that_fails_gives_the_terminal_back(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = []
    monkeypatch.setattr(Reporter, "finish", lambda *_: finished.append(True))
    monkeypatch.setattr(loop, "update", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        go(photos.parent, tmp_path / "run")
    assert finished == [True]


@pytest.mark.parametrize(
    "metadata",
    [
        {"recipe": "x", "facts": '{"seconds": 1}'},
        {"step": "abc", "recipe": "x", "facts": '{"seconds": 1}'},
        {"step": "1", "facts": '{"seconds": 1}'},
        {"step": "1", "recipe": "x", "facts": "{"},
        {"step": "1", "recipe": "x", "facts": "[]"},
        {"step": "1", "recipe": "x", "facts": "{}"},
    ],
)
def test_a_checkpoint_with_damaged_metadata_is_named(metadata: dict[str, str], tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors", {"format": FORMAT, **metadata})
    with pytest.raises(ModelError, match=r"x\.safetensors: the metadata of this checkpoint is damaged"):
        Checkpoint(tmp_path / "x.safetensors")


def test_a_damaged_checkpoint_is_named(photos: Path, tmp_path: Path) -> None:
    go(photos.parent, tmp_path / "run")
    last = tmp_path / "run" / LAST
    last.write_bytes(last.read_bytes()[:500])
    with pytest.raises(ModelError, match=r"last\.safetensors: cannot read this checkpoint"):
        go(photos.parent, tmp_path / "run", resume=True)


def test_changed_network_does_not_resume(photos: Path, tmp_path: Path) -> None:
    go(photos.parent, tmp_path / "run")
    with pytest.raises(ModelError, match="it is from another network"):
        go(photos.parent, tmp_path / "run", "network.width=32", resume=True)


@pytest.mark.parametrize(
    ("photos", "holdout", "held"), [(30, 12, 12), (40, 58, 12), (82, 58, 16), (400, 58, 58), (13, 58, 12), (5, 2, 2)]
)
def test_a_recipe_for_thousands_leaves_dozens_to_train_on(photos: int, holdout: int, held: int) -> None:
    recipe = parse_recipe(RECIPE, "r", [f"data.holdout={holdout}"])
    training, kept = hold_out(range(photos), recipe.data.holdout)
    assert (len(kept), len(training)) == (held, photos - held)
    assert sorted([*training, *kept]) == list(range(photos))


def test_the_split_is_clean(photos: Path) -> None:
    recipe = parse_recipe(RECIPE, "r")
    training, held = hold_out(list_photos([photos]), recipe.data.holdout)
    assert len(training) == 3
    assert len(held) == 2
    assert not set(training) & set(held)
    with pytest.raises(DataError, match="would leave none of 5"):
        hold_out(list_photos([photos]), 5)
    with pytest.raises(DataError, match="nothing to validate on"):
        hold_out(list_photos([photos]), 0)
    save(photos.parent / "val/x.png", picture(40, 40))
    data = open_training_data(parse_recipe(RECIPE, "r", ["validation.folder=val"]), photos.parent, 2**20)
    assert data.description == "5 photographs to train on"
    assert [sample.name for sample in data.samples] == ["x"]


def test_total_loss_is_the_weighted_sum() -> None:
    a, b = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)

    def total(*options: PixelOptions) -> torch.Tensor:
        return total_loss([(o, o.build()) for o in options], a, b, b, step_generator(0, 0), {})

    one = total(PixelOptions(kind="l1"))
    torch.testing.assert_close(one, (a - b).abs().mean())
    three = total(PixelOptions(kind="l1", weight=2), PixelOptions(kind="l1", weight=1))
    torch.testing.assert_close(three, 3 * one)
    assert total(PixelOptions(kind="l1", space="luma")) < one


def test_a_step_draws_the_same_whenever_it_is_done() -> None:
    first = [torch.rand(3, generator=step_generator(5, step)) for step in (0, 1, 2)]
    assert torch.equal(first[1], torch.rand(3, generator=step_generator(5, 1)))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], torch.rand(3, generator=step_generator(6, 0)))


def test_schedule() -> None:
    plain = Schedule(warmup=10, floor=0.1)
    values = [rate(plain, step, 100) for step in range(100)]
    assert values[0] == pytest.approx(0.1)
    assert values[9] == pytest.approx(1)
    assert all(a >= b for a, b in pairwise(values[10:]))
    assert rate(plain, 100, 100) == pytest.approx(0.1)
    held = Schedule(warmup=10, hold=0.5, floor=0)
    assert rate(held, 49, 100) == 1
    assert rate(held, 75, 100) == pytest.approx(0.5)


@pytest.mark.parametrize(("steps", "cycles", "warm"), [(20_000, 1, 500), (600, 2, 150), (5, 1, 2), (1, 1, 0)])
def test_a_short_run_warms_up_less(steps: int, cycles: int, warm: int) -> None:
    schedule = Schedule(peaks=[1.0] * cycles)
    shorter = schedule.model_copy(update={"warmup": warm})
    assert [rate(schedule, step, steps) for step in range(steps)] == [
        rate(shorter, step, steps) for step in range(steps)
    ]
    assert rate(schedule, max(warm - 1, 0), steps) == 1


def test_warm_restarts() -> None:
    """The first cycle equals that of the shorter run, so that a run can continue with another cycle."""
    once, twice = Schedule(warmup=10), Schedule(warmup=10, peaks=[1.0, 0.5])
    first = [rate(once, step, 100) for step in range(100)]
    both = [rate(twice, step, 200) for step in range(200)]
    assert both[:100] == first
    assert both[100:] == [0.5 * value for value in first]


def test_a_run_that_ended_goes_on_with_another_cycle(photos: Path, tmp_path: Path) -> None:
    more = ("train.steps=48", "train.schedule={warmup: 4, peaks: [1, 0.5]}")
    assert go(photos.parent, tmp_path / "whole", *more)
    assert go(photos.parent, tmp_path / "two")
    assert go(photos.parent, tmp_path / "two", *more, resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "two" / LAST)


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available():
        assert choose_device("auto") == torch.device("cpu")
        with pytest.raises(DeviceError, match="finds no CUDA GPU"):
            choose_device("cuda")


def test_divergence_is_reported_and_the_last_good_checkpoint_kept(photos: Path, tmp_path: Path) -> None:

    original = loop.update

    def diverging(run, *samples):
        result = original(run, *samples)
        return replace(result, loss=result.loss * float("nan")) if run.step >= 12 else result

    loop.update = diverging
    try:
        with pytest.raises(RecipeError, match=r"nan, its gradient .*at step 16.*train\.optimizer\.lr"):
            go(photos.parent, tmp_path / "run")
    finally:
        loop.update = original
    assert Checkpoint(tmp_path / "run" / LAST).step == 8


def test_patience_ends_a_run_that_gets_no_better(photos: Path, tmp_path: Path) -> None:
    """Also if it was interrupted in between, and resuming it does nothing."""
    constant = ("train.steps=100", "validation={every: 4, crop: 64, patience: 3}", "train.optimizer.lr=1e-12")
    assert go(photos.parent, tmp_path / "whole", *constant, "train.ema=0")
    checkpoint = Checkpoint(tmp_path / "whole" / LAST)
    assert checkpoint.step == 16, "the first is the best, and three more do not improve"
    assert checkpoint.facts["stale"] == 3
    with stopping_at(10):
        assert not go(photos.parent, tmp_path / "broken", *constant, "train.ema=0")
    assert go(photos.parent, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "broken" / LAST)
    assert go(photos.parent, tmp_path / "broken", resume=True)
    assert Checkpoint(tmp_path / "broken" / LAST).step == 16


def test_ssim_may_be_what_best_means(photos: Path, tmp_path: Path) -> None:
    assert go(photos.parent, tmp_path / "run", "validation.metric=ssim-y", "train.steps=10")
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert 0 < rows[-1]["ssim-y"] <= 1
    with pytest.raises(
        DataError, match="10 x 10 pixels.*cannot be validated by ssim-y: SSIM needs 11 x 11.*Increase validation.crop"
    ):
        go(photos.parent, tmp_path / "other", "validation={metric: ssim-y, crop: 10}")


def logged(run: Path, name: str) -> list[float]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row[name] for row in rows if name in row]


def test_the_lowest_is_the_best_of_a_metric_whose_lower_values_are_better(photos: Path, tmp_path: Path) -> None:
    changes = ("validation.metric=ciede2000", "validation.every=4")
    assert go(photos.parent, tmp_path / "whole", *changes)
    values = logged(tmp_path / "whole", "ciede2000")
    assert len(set(values)) > 1
    assert Checkpoint(tmp_path / "whole" / BEST).facts["best"] == min(values)
    assert Checkpoint(tmp_path / "whole" / LAST).facts["best"] == min(values) < max(values)
    with stopping_at(10):
        assert not go(photos.parent, tmp_path / "broken", *changes)
    assert go(photos.parent, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "broken" / LAST)
    assert_same(tmp_path / "whole" / BEST, tmp_path / "broken" / BEST)
    assert logged(tmp_path / "broken", "ciede2000") == values
    assert go(photos.parent, tmp_path / "broken", "train.steps=28", "validation.metric=psnr-y", resume=True)
    last = Checkpoint(tmp_path / "broken" / LAST).facts["best"]
    assert last == max(logged(tmp_path / "broken", "psnr-y")) > min(values), "the best ciede2000 is no best PSNR"


def test_patience_waits_for_lower_values_of_such_a_metric(photos: Path, tmp_path: Path) -> None:
    still = ("train.steps=100", "validation={metric: ciede2000, every: 4, crop: 64, patience: 2}")
    assert go(photos.parent, tmp_path / "run", *still, "train.optimizer.lr=1e-12", "train.ema=0")
    assert Checkpoint(tmp_path / "run" / LAST).step == 12


def test_weights_that_a_metric_lacks_are_reported_before_the_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(MissingWeightsError, match=r"alexnet-owt.*Download https://"):
        go(photos.parent, tmp_path / "run", "validation.metric=lpips")
    assert not (tmp_path / "run").exists()
    weights = torchvision_weights("alexnet", tmp_path)
    change = f"validation={{metric: lpips, every: 4, crop: 64, weights: {weights}}}"
    assert go(photos.parent, tmp_path / "run", change, "train.steps=8")
    assert len(logged(tmp_path / "run", "lpips")) == 2
    assert Checkpoint(tmp_path / "run" / BEST).facts["best"] == min(logged(tmp_path / "run", "lpips"))


def test_a_run_says_what_it_was_made_with(photos: Path, tmp_path: Path) -> None:
    """One line when it starts, and one when it resumes."""
    with stopping_at(6):
        go(photos.parent, tmp_path / "run")
    go(photos.parent, tmp_path / "run", resume=True)
    first, second = (json.loads(line) for line in (tmp_path / "run/environment.jsonl").read_text().splitlines())
    assert (first["step"], second["step"]) == (0, 6)
    assert first["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert first["threads"] == 1


def test_the_state_of_the_code(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    assert git_state(package) is None
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "before")
    assert git_state(package) is None, "another repository"
    git("add", ".")
    git("commit", "-q", "-m", "one")
    assert git_state(package) == {"commit": git("rev-parse", "HEAD"), "changed": False}
    (package / "__init__.py").write_text("changed")
    assert git_state(package) == {"commit": git("rev-parse", "HEAD"), "changed": True}


def test_compiled(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled network is used; if compilation fails, the message gives the reason and a way out."""
    made = []

    def compiling(network: torch.nn.Module) -> object:
        made.append(network)
        return lambda x: network(x) * 1.0

    monkeypatch.setattr(torch, "compile", compiling)
    data = photos.parent
    (data / "recipe.yaml").write_text(RECIPE)
    options, screen = Options(device="cpu", threads=1, compile=True), Console(file=io.StringIO())
    assert start(data / "recipe.yaml", data, tmp_path / "compiled", options, screen)
    assert len(made) == 1
    assert go(data, tmp_path / "eager")
    assert_same(tmp_path / "eager" / LAST, tmp_path / "compiled" / LAST)

    def failing(network: torch.nn.Module) -> object:
        raise RuntimeError("no compiler\nmore")

    monkeypatch.setattr(torch, "compile", failing)
    with pytest.raises(DeviceError, match=r"torch\.compile fails here \(no compiler\).*remove --compile"):
        start(data / "recipe.yaml", data, tmp_path / "none", options, screen)


@pytest.mark.slow
def test_compiled_for_real(photos: Path, tmp_path: Path) -> None:
    data = photos.parent
    (data / "recipe.yaml").write_text(RECIPE)
    options, screen = Options(changes=["train.precision=fp32"], device="cpu", threads=1, compile=True), Console()
    assert start(data / "recipe.yaml", data, tmp_path / "compiled", options, screen)
    assert go(data, tmp_path / "eager", "train.precision=fp32")
    a, b = (tensors(tmp_path / name / LAST) for name in ("eager", "compiled"))
    for key in a:
        torch.testing.assert_close(a[key], b[key], rtol=0, atol=1e-4)
    with stopping_at(9):
        assert not start(data / "recipe.yaml", data, tmp_path / "stopped", options, screen)
    assert start(None, data, tmp_path / "stopped", replace(options, resume=True), screen)
    assert_same(tmp_path / "compiled" / LAST, tmp_path / "stopped" / LAST)


@pytest.mark.parametrize("loses", ["loss", "norm"])
def test_what_diverged_is_not_saved_when_it_is_stopped(loses: str, photos: Path, tmp_path: Path) -> None:
    """If stopped between checkpoints, neither the last nor the best checkpoint is overwritten."""
    original = loop.update

    def diverging(run, *samples):
        result = original(run, *samples)
        run.stopping = run.step + 1 == 14
        return replace(result, **{loses: result.norm * float("inf")}) if run.step >= 12 else result

    loop.update = diverging
    try:
        with pytest.raises(RecipeError, match=r"at step 14: the training has diverged"):
            go(photos.parent, tmp_path / "run", "train.save_every=8")
    finally:
        loop.update = original
    assert Checkpoint(tmp_path / "run" / LAST).step == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("losses=[{kind: ms-ssim}]", "step 0: .*176"),
        ("losses=[{kind: perceptual, taps: [1.0]}]", "test: weights: 1 of them for an encoder with 5 taps"),
        (
            "network={kind: bilateral-grid}",
            "test: the network 'bilateral-grid' does not enlarge: it needs scale 1, not 2",
        ),
        ("losses=[{kind: contrastive, negatives: [{kind: shuffle, count: 99}]}]", "step 0: shuffle: 99 other pictures"),
    ],
)
def test_errors_that_only_the_parts_can_find_are_recipe_errors(
    change: str, message: str, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=message):
        go(photos.parent, tmp_path / "run", change)


def test_a_run_that_goes_on_with_other_losses_says_what_does_not_fit(photos: Path, tmp_path: Path) -> None:
    learned = "losses=[{kind: l1}, {kind: patch-nce, dim: 8, positions: 8, weight: 0.1, encoder: {kind: efficientnet-lite0, taps: [stem]}}]"
    with stopping_at(3):
        go(photos.parent, tmp_path / "run", learned)
    with pytest.raises(ModelError, match=r"last\.safetensors: has more trained parameters than the recipe"):
        go(photos.parent, tmp_path / "run", "losses=[{kind: l1}]", resume=True)
    with pytest.raises(ModelError, match="loss1 does not fit"):
        go(photos.parent, tmp_path / "run", learned.replace("dim: 8", "dim: 4"), resume=True)
