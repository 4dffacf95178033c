"""Waiting for a child: its exit code, and signals in the meantime, also one that comes just before the wait."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading

import pytest

from restore.cli import child_wait
from restore.cli.child_wait import wait_for

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")


def child(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


@pytest.mark.parametrize("old_kernel", [False, True])
def test_it_returns_the_exit_code(old_kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if old_kernel:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert wait_for(child("raise SystemExit(7)")) == 7
    ended = child("")
    ended.wait()
    assert wait_for(ended) == 0


@UNIX
@pytest.mark.parametrize("old_kernel", [False, True])
def test_handlers_run_while_it_waits(old_kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if old_kernel:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = child("import time; time.sleep(60)")
    before = signal.signal(signal.SIGUSR1, lambda *_: process.terminate())
    try:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert wait_for(process) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert signal.set_wakeup_fd(-1) == -1


@UNIX
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux's way to wait")
def test_a_signal_just_before_the_wait_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python's own handler leaves behind ends the wait, before any handler of ours has run."""
    process = child("import time; time.sleep(60)")
    waited = []

    def late(readable: list[int], *others: list[int]) -> object:
        if not waited:
            os.write(signal.set_wakeup_fd(-1), b"\1")
        waited.append(select_as_it_is(readable, *others, 20)[0])
        process.kill()
        return None

    select_as_it_is = select.select
    monkeypatch.setattr(child_wait.select, "select", late)
    assert wait_for(process) == -signal.SIGKILL
    assert len(waited[0]) == 1
