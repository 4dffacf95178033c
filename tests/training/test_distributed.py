"""Several processes give the same result as one; tested with two processes of torchrun on the CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from restore.errors import DeviceError, RecipeError
from restore.training.checkpoint import BEST, LAST, Checkpoint
from restore.training.distributed import Team
from restore.training.train import choose_device
from tests.training.test_loop import RECIPE, assert_same, go, tensors

# Losses that are means over samples, because those that compare samples, such as the relativistic form, only see their
# process's share. And smooth ones, because the slope of |x| jumps if rounding moves x past 0.
LOSSES = """\
discriminator: {network: {kind: patchgan, width: 4, layers: 1}, form: lsgan}
losses:
  - {kind: l2}
  - {kind: adversarial, weight: 0.01}
  - {kind: perceptual, distance: l2, jitter: 0, weight: 0.1}
"""
# Adam divides a gradient by its magnitude: if it is nearly zero, rounding moves a weight by up to the learning rate.
EXACT = (
    "train.precision=fp32",
    "train.steps=8",
    "validation.every=3",
    "train.ema=0.5",
    "train.optimizer.lr=1e-4",
    "data.patch=32",
    "network={kind: residual, width: 16, blocks: 1}",
)


def torchrun(
    data: Path, run: Path, *changes: str, resume: bool = False, elastic: bool = False
) -> subprocess.Popen[str]:
    (recipe := data / "recipe.yaml").write_text(RECIPE + LOSSES)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [*(["--max-restarts", "3"] if elastic else []), "-m", "restore", "train"]
    command += [*([] if resume else [str(recipe)]), *(["--resume"] if resume or elastic else []), "--data", str(data)]
    command += ["--out", str(run), "--device", "cpu", "--threads", "1", *(x for c in changes for x in ("--set", c))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out + err


def assert_close(a: Path, b: Path) -> None:
    x, y = tensors(a), tensors(b)
    assert set(x) == set(y)
    for key in x:
        torch.testing.assert_close(x[key], y[key], rtol=0, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.slow
def test_two_processes_equal_one_with_the_double_batch(photos: Path, tmp_path: Path) -> None:
    """Each process gets half of every batch; weights, averages and moments are the same in the end."""
    data = photos.parent
    assert go(data, tmp_path / "one", *EXACT, text=RECIPE + LOSSES)
    told = finish(torchrun(data, tmp_path / "two", *EXACT))
    assert told.count("2 processes") == 1, "only one process reports"
    for name in (LAST, BEST):
        assert_close(tmp_path / "one" / name, tmp_path / "two" / name)


@pytest.mark.slow
def test_a_team_stops_together_and_goes_on(photos: Path, tmp_path: Path) -> None:
    data, run = photos.parent, tmp_path / "run"
    process = torchrun(data, run, *EXACT, "train.steps=100000", "train.save_every=4")
    deadline = time.monotonic() + 300
    while not (run / LAST).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    step = Checkpoint(run / LAST).step
    assert step >= 4, err
    assert f"--out {run} --resume" in err
    finish(torchrun(data, run, f"train.steps={step + 3}", "train.schedule.warmup=2", resume=True))
    assert Checkpoint(run / LAST).step == step + 3


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="finds a process of the team in /proc")
def test_a_process_is_lost_and_the_team_goes_on(photos: Path, tmp_path: Path) -> None:
    """torchrun starts all again: they go on from the last checkpoint, and end as if nothing had happened, bit for bit."""
    data, run = photos.parent, tmp_path / "run"
    changes = (*EXACT, "train.steps=80", "train.save_every=5")
    finish(torchrun(data, tmp_path / "undisturbed", *changes))
    team = torchrun(data, run, *changes, elastic=True)
    deadline = time.monotonic() + 300
    while not (run / LAST).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    of_it = f"\nPPid:\t{team.pid}\n"
    processes = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/status") if of_it in path.read_text()]
    assert len(processes) == 2
    os.kill(max(processes), signal.SIGKILL)
    assert 0 < Checkpoint(run / LAST).step < 80
    finish(team)
    assert Checkpoint(run / LAST).step == 80
    assert_same(tmp_path / "undisturbed" / LAST, run / LAST)
    starts = (run / "environment.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] > 0 for line in starts][:2] == [False, True]


def test_shares() -> None:
    shares = [list(Team(rank, 3).share(range(12, 24))) for rank in range(3)]
    assert [sample for share in shares for sample in share] == list(range(12, 24))
    assert {len(share) for share in shares} == {4}
    assert list(Team().share(range(4))) == [0, 1, 2, 3]
    with pytest.raises(RecipeError, match=r"16 cannot be split over 3 processes\. .*train\.batch=18"):
        Team(0, 3).check_shares(16, 1)
    with pytest.raises(RecipeError, match=r"20 cannot be split over 2 processes in 4 pieces each\. .*train\.batch=24"):
        Team(0, 2).check_shares(20, 4)
    Team(0, 2).check_shares(24, 4)


def test_a_process_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert choose_device("auto", 1) == torch.device("cuda", 1)
    assert chosen == [], "the caller sets the device"
    assert choose_device("cpu", 1) == torch.device("cpu")
    with pytest.raises(DeviceError, match="process 3 on this machine finds 2 GPUs"):
        choose_device("cuda", 2)


@pytest.mark.slow
def test_a_gradient_that_some_processes_lack_is_averaged(tmp_path: Path) -> None:
    """Each of two processes uses another part of a network, like the experts of aRGB."""
    script = tmp_path / "apart.py"
    script.write_text(
        """
import torch
from torch import nn
from restore.training.distributed import join_team

with join_team(False) as team:
    parts = nn.ModuleList(nn.Linear(2, 1, bias=False) for _ in range(4))
    for part in parts:
        nn.init.ones_(part.weight)
    x = torch.tensor([[1.0, 2.0]]) * (team.rank + 1)
    (parts[0](x) + parts[1 + team.rank](x)).sum().backward()
    team.average_gradients(parts.parameters())
    found = [None if p.grad is None else p.grad.flatten().tolist() for p in parts.parameters()]
    print(found, flush=True)
"""
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told = finish(process)
    expected = [[1.5, 3.0], [0.5, 1.0], [1.0, 2.0], None]
    assert told.count(str(expected)) == 2, told
