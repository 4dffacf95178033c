"""Training on two machines, of which one is lost: two agents of torchrun with two processes each, on this one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from restore.training.checkpoint import LAST, Checkpoint
from tests.conftest import picture, save
from tests.training.test_distributed import EXACT, LOSSES
from tests.training.test_loop import RECIPE, assert_same, tensors

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="finds the processes of a node in /proc"),
]
STEPS = 120
# Of a weight, on average; a step of the optimizer changes one by up to 1e-4.
ROUNDING = 1e-4
CHANGES = (*EXACT, f"train.steps={STEPS}", "train.save_every=5")
# A node counts as dead after five seconds instead of fifteen.
FILE = "store_type=file,keep_alive_interval=1,keep_alive_max_attempt=5,last_call_timeout=2"


@dataclass
class Nodes:
    """The machines of one run.

    Attributes:
        data: folder of the recipe and its photographs.
        run: folder of the run.
        changes: to the recipe.
    """

    data: Path
    run: Path
    changes: tuple[str, ...] = CHANGES
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *options]
        command += ["-m", "restore", "train", str(self.data / "recipe.yaml"), "--resume", "--data", str(self.data)]
        command += ["--out", str(self.run), "--device", "cpu", "--threads", "1", "--workers", "0"]
        command += [word for change in self.changes for word in ("--set", change)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
        with (self.data / f"{self.run.name}-{len(self.started)}.log").open("wb") as log:
            node = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.started.append(node)
        return node

    def elastic(self, count: str) -> tuple[str, ...]:
        """Options for machines that meet in a file, as docs/training.md has them; ``count`` as torchrun takes it."""
        meet = ("--rdzv-backend", "c10d", "--rdzv-id", "job", "--rdzv-endpoint", f"{self.run}.rendezvous")
        return ("--nnodes", count, "--max-restarts", "3", *meet, "--rdzv-conf", FILE, "--local-addr", "127.0.0.1")

    def wait_for_a_checkpoint(self) -> None:
        deadline = time.monotonic() + 240
        while not (self.run / LAST).exists():
            assert time.monotonic() < deadline, self.said()
            assert all(node.poll() is None for node in self.started), self.said()
            time.sleep(0.05)

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """What the loss of a machine does: its agent and its processes are gone at once."""
        for process in (node.pid, *_children(node.pid)):
            os.kill(process, signal.SIGKILL)
        node.wait()
        assert 0 < Checkpoint(self.run / LAST).step < STEPS

    def said(self) -> str:
        logs = sorted(self.data.glob(f"{self.run.name}-*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')}" for log in logs)

    def finish(self, *nodes: subprocess.Popen[bytes]) -> None:
        for node in nodes:
            assert node.wait(300) == 0, self.said()
        assert Checkpoint(self.run / LAST).step == STEPS


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{parent}\n" in path.read_text():
                found.append(int(path.parent.name))
        except OSError:  # it has just ended
            continue
    return found


def _of_first_rank(nodes: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """The node with the process of rank 0, which saves, and whose store the others use."""
    for node in nodes:
        for child in _children(node.pid):
            if b"\0RANK=0\0" in b"\0" + Path(f"/proc/{child}/environ").read_bytes():
                return node
    raise AssertionError("no process has rank 0")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("nodes")
    for i in range(6):
        save(data / f"photos/{i}.png", picture(60 + 8 * i, 64, seed=i))
    (data / "recipe.yaml").write_text(RECIPE + LOSSES)
    return data


@pytest.fixture(scope="module")
def undisturbed(data: Path) -> Path:
    """The run as it is with four processes that all live."""
    nodes = Nodes(data, data / "undisturbed")
    nodes.finish(nodes.start("--standalone", "--nproc-per-node", "4"))
    return nodes.run / LAST


@pytest.fixture
def nodes(data: Path, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    nodes = Nodes(data, data / f"run-{abs(hash(request.node.name))}")
    yield nodes
    for node in nodes.started:
        if node.poll() is None:
            for process in (node.pid, *_children(node.pid)):
                os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("first", [True, False])
def test_another_node_takes_the_place_of_a_lost_one(nodes: Nodes, undisturbed: Path, first: bool) -> None:
    options = nodes.elastic("2")
    both = [nodes.start(*options), nodes.start(*options)]
    nodes.wait_for_a_checkpoint()
    lost = _of_first_rank(both)
    left = both[1] if lost is both[0] else both[0]
    if not first:
        lost, left = left, lost
    nodes.kill(lost)
    nodes.finish(left, nodes.start(*options))
    assert_same(undisturbed, nodes.run / LAST)


def test_the_node_that_is_left_goes_on_alone(nodes: Nodes, undisturbed: Path) -> None:
    """With half as many processes, so that the weights are the same up to rounding, which grows over the steps."""
    options = nodes.elastic("1:2")
    both = [nodes.start(*options), nodes.start(*options)]
    nodes.wait_for_a_checkpoint()
    lost = _of_first_rank(both)
    nodes.kill(lost)
    nodes.finish(both[1] if lost is both[0] else both[0])
    expected, found = tensors(undisturbed), tensors(nodes.run / LAST)
    for key in (key for key in expected if key.startswith(("network.", "average."))):
        assert (expected[key] - found[key]).abs().mean() < ROUNDING, key


def test_a_node_that_comes_later_joins(nodes: Nodes) -> None:
    options = nodes.elastic("1:2")
    nodes.changes = (*CHANGES, "train.steps=1000000")
    nodes.start(*options)
    nodes.wait_for_a_checkpoint()
    nodes.start(*options)
    deadline = time.monotonic() + 240
    began: list[dict[str, int]] = []
    while not (began and began[-1]["processes"] == 4):
        assert time.monotonic() < deadline, nodes.said()
        assert all(node.poll() is None for node in nodes.started), nodes.said()
        began = [json.loads(line) for line in (nodes.run / "environment.jsonl").read_text().splitlines()]
        time.sleep(0.1)
    assert (began[0]["processes"], began[0]["step"]) == (2, 0)
    assert began[-1]["step"] >= 5


def test_a_fixed_set_of_nodes_is_started_again(nodes: Nodes, undisturbed: Path) -> None:
    """By Slurm or Kubernetes, for example: the other node ends with a message, and the same commands go on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    fixed = ("--nnodes", "2", "--master-addr", "127.0.0.1", "--master-port", port)
    both = [nodes.start(*fixed, "--node-rank", rank) for rank in ("0", "1")]
    nodes.wait_for_a_checkpoint()
    nodes.kill(both[1])
    assert both[0].wait(120) == 1
    assert "of 4 has lost another" in nodes.said()
    assert "repeat the command with --resume" in nodes.said()
    nodes.finish(*(nodes.start(*fixed, "--node-rank", rank) for rank in ("0", "1")))
    assert_same(undisturbed, nodes.run / LAST)
