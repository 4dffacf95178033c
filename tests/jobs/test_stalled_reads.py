"""Sources that never end, or never begin, fail by themselves; the others are enhanced."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.header import header_size
from restore.jobs import worker
from restore.jobs.journal import Journal, file_digest
from restore.jobs.outcome import Outcome
from restore.jobs.pipeline import run_job
from restore.jobs.plan import Plan, make_plan
from restore.jobs.settings import Settings
from restore.utils.regular_file import NotRegularError, open_regular
from restore.utils.time_limit import StalledError, unless_stalled
from tests.jobs.streams import one_by_one

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes, devices and leases")


def within(seconds: float, work: Callable[[], object]) -> None:
    """Run in a thread that is left behind if it hangs, so that the test fails and does not hang too."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"it hangs for more than {seconds} s"
    if faults:
        raise faults[0]


def job(plan: Plan, settings: Settings, journal: Path | None = None) -> dict[str, Outcome]:
    told: list[Outcome] = []
    stream = one_by_one(lambda pixels: np.asarray(pixels))

    def run() -> None:
        if journal is None:
            run_job(plan, stream, told.append, settings)
        else:
            with Journal(journal, "key") as opened:
                run_job(plan, stream, told.append, settings, opened)

    within(20, run)
    return {outcome.item.source.stem: outcome for outcome in told}


def become_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("become", [become_pipe, become_device])
@pytest.mark.parametrize("journal", [True, False])
def test_a_source_that_became_a_pipe_or_a_device_fails_alone(
    photos: Path, tmp_path: Path, become: Callable[[Path], None], journal: bool
) -> None:
    out = tmp_path / "out"
    plan = make_plan(photos, out)
    become(photos / "b/2.png")
    told = job(plan, Settings(), out if journal else None)
    assert [told[stem].status for stem in "01234"] == ["enhanced", "enhanced", "failed", "enhanced", "enhanced"]
    assert "it is a folder, a pipe, a socket or a device, not a file" in told["2"].error


def test_whatever_reads_a_file_refuses_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "a.png"
    os.mkfifo(pipe)
    for read in (read_picture, file_digest):
        with pytest.raises((ImageError, NotRegularError), match="a pipe"):
            within(5, lambda read=read: read(pipe))
    within(5, lambda: header_size(pipe))
    assert header_size(pipe) is None


@pytest.mark.skipif(not hasattr(os, "O_NONBLOCK") or sys.platform != "linux", reason="leases are Linux's")
def test_a_file_that_another_program_has_leased_is_waited_for(tmp_path: Path) -> None:
    """File servers hold leases: opening without waiting fails until they give them up."""
    import fcntl
    import signal

    path = tmp_path / "a.png"
    path.write_bytes(b"leased")
    before = signal.signal(signal.SIGIO, lambda *_: None)
    holder = path.open("r+b")
    try:
        fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        threading.Timer(0.2, lambda: fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_UNLCK)).start()
        with open_regular(path) as file:
            assert file.read() == b"leased"
    finally:
        holder.close()
        signal.signal(signal.SIGIO, before)


@pytest.mark.parametrize("where", ["picture_digest", "read_file"])
def test_a_read_that_stalls_fails_its_picture_and_the_job_goes_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """As in a read from a share whose server is gone: the thread sleeps in the operating system, forever."""
    never, read = threading.Event(), getattr(worker, where)

    def stalling(path: Path, *more: object) -> object:
        if path.stem in "12":
            never.wait(30)
        return read(path, *more)

    monkeypatch.setattr(worker, where, stalling)
    began = time.monotonic()
    told = job(make_plan(photos, tmp_path / "out"), Settings(workers=1, read_timeout=0.3), tmp_path / "out")
    assert time.monotonic() - began < 10
    never.set()
    assert [told[stem].status for stem in "01234"] == ["enhanced", "failed", "failed", "enhanced", "enhanced"]
    assert "reading it made no progress for 0.3 s" in told["1"].error
    assert "--read-timeout" in told["1"].error


def test_slow_reads_that_make_progress_are_waited_for() -> None:
    def slow(progress: Callable[[], None]) -> str:
        for _ in range(8):
            time.sleep(0.1)
            progress()
        return "read"

    assert unless_stalled(slow, 0.4) == "read"
    with pytest.raises(StalledError, match=r"no progress for 0\.4 s"):
        unless_stalled(lambda _: time.sleep(0.8), 0.4)
    assert unless_stalled(lambda _: "the next helper works", 0.4) == "the next helper works"
