"""One job at a time in an output folder: the second is refused, and a dead one's lock holds nobody up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from restore.jobs import lock
from restore.jobs.lock import locked, refuse_locked
from restore.jobs.naming import PlanError
from restore.utils.processes import host_identity, is_running


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def put(path: Path, **facts: object) -> Path:
    """A lock of this process, with other facts."""
    with locked(path.parent, (1, 1)):
        own = json.loads((path.parent / ".restore-lock").read_bytes())
    path.write_text(json.dumps({**own, **facts}))
    return path


def test_the_second_job_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    with locked(tmp_path, (1, 1)):
        with pytest.raises(PlanError) as refused, locked(tmp_path, (1, 1)):
            pass
        for part in (str(tmp_path), f"process {os.getpid()} on ", "since 20", "--shard i/n", ".restore-lock"):
            assert part in str(refused.value)
        assert (tmp_path / ".restore-lock").exists(), "the refused job leaves the lock of the first"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        ((1, 2), (2, 2), True),
        ((1, 2), (1, 2), False),
        ((1, 2), (1, 1), False),
        ((1, 1), (1, 2), False),
        ((1, 2), (3, 4), False),
    ],
)
def test_parts_of_one_job_run_side_by_side_and_nothing_else_does(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int], fits: bool
) -> None:
    with locked(tmp_path, first):
        if fits:
            with locked(tmp_path, second):
                pass
        else:
            with pytest.raises(PlanError, match="another job"), locked(tmp_path, second):
                pass
    assert list(tmp_path.iterdir()) == []


def test_a_dead_owners_lock_is_broken(tmp_path: Path, dead_process: int) -> None:
    put(tmp_path / ".restore-lock", process=dead_process)
    with locked(tmp_path, (1, 1)):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when a process started")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the parent must have taken note of the end")
def test_an_owner_that_ended_holds_nothing_until_its_parent_takes_note() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    assert is_running(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process.pid)
    process.communicate()


def test_a_process_that_only_has_the_same_number_holds_nothing(tmp_path: Path) -> None:
    put(tmp_path / ".restore-lock", started="1")
    refuse_locked(tmp_path, (1, 1))
    assert list(tmp_path.iterdir()) == []


def test_another_computers_lock_holds_as_long_as_it_is_touched(tmp_path: Path, dead_process: int) -> None:
    path = put(tmp_path / ".restore-lock", host="elsewhere", identity="01234567", process=dead_process)
    with pytest.raises(PlanError, match="on elsewhere"):
        refuse_locked(tmp_path, (1, 1))
    old = time.time() - 601
    os.utime(path, (old, old))
    refuse_locked(tmp_path, (1, 1))
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_touched_while_its_job_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_TOUCH_SECONDS", 0.02)
    with locked(tmp_path, (1, 1)):
        path = tmp_path / ".restore-lock"
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 10
        while path.stat().st_mtime < 1:
            assert time.monotonic() < deadline, "it is not touched"
            time.sleep(0.01)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 3000, b'{"process": "x"}'])
def test_what_is_no_lock_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".restore-lock"
    path.write_bytes(content)
    with pytest.raises(PlanError, match="remove"), locked(tmp_path, (1, 1)):
        pass
    assert path.read_bytes() == content


def test_breaking_spares_a_lock_that_was_just_put_in_its_place(tmp_path: Path, dead_process: int) -> None:
    path = put(tmp_path / ".restore-lock", process=dead_process)
    stale = lock._read(path)
    assert stale is not None
    put(path, token="another's")
    lock._break(path, stale)
    assert [p.name for p in tmp_path.iterdir()] == [".restore-lock"]
    assert json.loads(path.read_bytes())["token"] == "another's"
    assert json.loads(path.read_bytes())["identity"] == host_identity()
