"""``restore enhance --engine ray`` on real clusters of this machine: slow to start, so what needs none is in
tests/jobs/test_ray_engine.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.test_crash import CRASH, imports_first
from tests.cli.test_enhance import COMMAND, contents, inside, needs_signals, wait_for
from tests.conftest import picture, save

pytestmark = [pytest.mark.slow, needs_signals]
FIXED = ("--device", "cpu", "--precision", "fp32", "--threads", "1")
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
COUNT = 500


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install '.[dev]'")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    # Nodes without the parts of Ray's dashboard start faster.
    monkeypatch.setattr("ray._private.utils.get_dashboard_dependency_error", lambda: ImportError("not wanted"))


def begin(*arguments: object) -> subprocess.Popen[str]:
    command = [*COMMAND, *map(str, arguments), "--engine", "ray", "--cpus-per-worker", "1", *FIXED]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ), start_new_session=True
    )


def patiently(start: Callable[[], Any]) -> Any:
    """Ray gives a node half a minute to start, which is too little on a machine that is busy with other tests."""
    for _ in range(7):
        try:
            return start()
        except Exception as error:
            if "timed out" not in str(error).lower():
                raise
    return start()


@contextmanager
def two_nodes() -> Iterator[tuple[Any, Any]]:
    """A cluster of two nodes with a CPU each, and its second node."""
    from ray.cluster_utils import Cluster

    own = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=own))
    try:
        yield cluster, patiently(lambda: cluster.add_node(num_cpus=1, object_store_memory=100 << 20))
    finally:
        cluster.shutdown()


def filled(folder: Path, count: int) -> Path:
    for i in range(count):
        save(folder / f"{i % 7}/{i:03}.png", picture(48 + i % 5, 64, seed=i))
    return folder


def hidden(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


def have_worked(folder: Path) -> int:
    """How many workers have noted a result in a journal of their own, behind its first line."""
    return sum(path.read_bytes().count(b"\n") > 1 for path in folder.glob(".restore-journal.worker-*"))


def test_a_node_that_dies_costs_nothing_but_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = filled(tmp_path / "photos", COUNT), tmp_path / "out"
    (photos / "damaged.jpg").write_bytes(b"\xff\xd8nothing")
    began = time.monotonic()
    assert inside(photos, tmp_path / "expected", *FIXED)[0] == 1
    local = time.monotonic() - began
    with two_nodes() as (cluster, second):
        began = time.monotonic()
        job = begin(photos, out, "--json", "--report", tmp_path / "report.json", "--address", cluster.address)
        wait_for(lambda: job.poll() is not None or have_worked(out) == 2, 300)
        assert job.poll() is None, job.communicate()
        # What the second has open now is lost.
        cluster.remove_node(second, allow_graceful=False)
        said, told = job.communicate(timeout=600)
        wall = time.monotonic() - began
    records = [json.loads(line) for line in said.splitlines()]
    assert job.returncode == 1, told
    *pictures, summary = records
    assert Counter(one["status"] for one in pictures) == {"enhanced": COUNT, "failed": 1}
    assert set(Counter(one["source"] for one in pictures).values()) == {1}, "none lost, none twice"
    assert (summary["enhanced"], summary["failed"], summary["done"]) == (COUNT, 1, 0)
    assert contents(out) == contents(tmp_path / "expected")
    assert hidden(out) == [".restore-journal.jsonl"], "nothing half-written"
    report = json.loads((tmp_path / "report.json").read_text())["pictures"]
    assert [one["source"] for one in report] == sorted(one["source"] for one in pictures)
    again = inside(photos, out, "--resume", *FIXED)
    assert again[1].startswith(f"0 enhanced, {COUNT} already done, 1 failed")
    note = next(line for line in told.splitlines() if line.startswith("Ray: "))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{COUNT} pictures: {summary['enhanced']} enhanced, {summary['failed']} failed, each once; local {local:.1f} "
            f"s, with a node killed {wall:.1f} s, of which {summary['seconds']:.1f} s after the first worker was ready; "
            f"{note}\n"
        )


def test_one_machine_and_ctrl_c(tmp_path: Path) -> None:
    photos, out = filled(tmp_path / "photos", 120), tmp_path / "out"
    assert inside(photos, tmp_path / "expected", *FIXED)[0] == 0
    job = begin(photos, out, "--max-workers", "2")
    wait_for(lambda: job.poll() is not None or len(contents(out)) >= 20, 300)
    job.send_signal(signal.SIGINT)
    said, told = job.communicate(timeout=60)
    assert job.returncode == 130, told
    assert "written files are complete; run the same command with --resume to continue" in told
    some = contents(out)
    assert said.startswith(f"{len(some)} enhanced"), "what is written is told"
    assert 20 <= len(some) < 120
    code, said, told = inside(photos, out, "--resume", *FIXED)
    assert (code, said.split(";")[0]) == (0, f"{120 - len(some)} enhanced, {len(some)} already done")
    assert contents(out) == contents(tmp_path / "expected")


def test_a_worker_that_is_killed_by_one_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes die of it; it is a row, and all others are enhanced."""
    photos, out = filled(tmp_path / "photos", 20), tmp_path / "out"
    Image.fromarray(picture(20, 20)).save(photos / "3/evil.jpg", comment=b"CRASH")
    for name, value in imports_first(tmp_path, CRASH).items():
        monkeypatch.setenv(name, value)
    job = begin(photos, out, "--json", "--max-workers", "1")
    said, told = job.communicate(timeout=600)
    assert job.returncode == 1, told
    *pictures, summary = map(json.loads, said.splitlines())
    assert Counter(one["status"] for one in pictures) == {"enhanced": 20, "failed": 1}
    (failed,) = [one for one in pictures if one["status"] == "failed"]
    assert failed["source"].endswith("evil.jpg")
    assert failed["error"].startswith("3 workers have died while they had this picture")
    assert summary["enhanced"] == len(contents(out)) == 20


def test_a_program_that_uses_ray_itself_goes_on_with_it(tmp_path: Path) -> None:
    """restore.enhance uses its cluster, leaves its actors and its connection alone, and leaves no worker behind."""
    photos = filled(tmp_path / "photos", 12)
    assert inside(photos, tmp_path / "expected", *FIXED)[0] == 0
    program = f"""
import json
import ray
import restore
ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False)

@ray.remote(num_cpus=0)
class Mine:
    def answer(self):
        return 42

mine = Mine.remote()
records = restore.enhance({str(photos)!r}, {str(tmp_path / "out")!r}, device="cpu", precision="fp32", threads=1,
    engine="ray", cpus_per_worker=1, max_workers=2)
free = 0
for _ in range(100):
    free = ray.available_resources().get("CPU")
    if free == 2:
        break
    __import__("time").sleep(0.1)
print(json.dumps([records[-1]["enhanced"], ray.get(mine.answer.remote()), free]))
"""
    done = patiently(lambda: _run(program))
    assert json.loads(done.splitlines()[-1]) == [12, 42, 2]
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout
