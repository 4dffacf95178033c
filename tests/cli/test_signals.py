"""Signals end a job within two seconds, whatever it hangs in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.errors import ModelError
from tests.cli.test_enhance import COMMAND, begin, hidden, many, outputs, own_environment, wait_for
from tests.conftest import picture, save
from tests.endless import endless_model

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

# Two seconds, and what a machine that runs other tests may take to notice and to leave; without an end it is 30.
LIMIT = 8


@pytest.fixture(autouse=True)
def hangups_arrive() -> Iterator[None]:
    """Whoever runs the tests under nohup ignores SIGHUP, and so would the processes started here."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@contextmanager
def never_left_behind(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def in_a_process(code: str) -> subprocess.Popen[str]:
    """A job in which something was replaced, as by a patch of this code; it prints ``hangs`` once it hangs."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=own_environment(),
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "hangs\n"
    time.sleep(0.3)
    return process


HANGING = """
import ctypes, sys, threading, time
def hang(*_, **__):
    print("hangs", flush=True)
    {how}
{patch}
from restore.cli.main import main
main(["enhance", {source!r}, {out!r}, "--threads", "1", "--model", "sr-x2", "--device", "cpu"], prog_name="restore")
"""
# A mutex that is locked twice: Python's handlers never run inside this call, as inside a network.
NATIVE = "lock, mutex = ctypes.CDLL(None).pthread_mutex_lock, ctypes.create_string_buffer(64); lock(mutex); lock(mutex)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_network_that_never_ends_is_ended_in_order(tmp_path: Path, number: signal.Signals) -> None:
    model = endless_model(tmp_path / "endless.onnx")
    source, out = many(tmp_path / "in", 3), tmp_path / "out"
    report = tmp_path / "r.json"
    process = begin(source, out, "--model", model, "--device", "cpu", "--report", report)
    with never_left_behind(process):
        wait_for((out / ".restore-journal.jsonl").exists)
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
        assert time.monotonic() - began < LIMIT
        assert process.returncode == 130
        assert "run the same command with --resume to continue" in told
        assert "ended at once" not in told
        assert "Traceback" not in told
        assert report.exists(), "it ended in order"
        assert outputs(out) == {}


def test_a_network_that_never_looks_up_ends_within_two_seconds(tmp_path: Path) -> None:
    source = many(tmp_path / "in", 3)
    patch = "import restore.runtime.model as model\nmodel.Model.enlarge = hang"
    process = in_a_process(HANGING.format(how=NATIVE, patch=patch, source=str(source), out=str(tmp_path / "out")))
    with never_left_behind(process):
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
        assert 1 < time.monotonic() - began < LIMIT
        assert process.returncode == 130
        assert "did not end within 2 seconds" in told


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    source = many(tmp_path / "in", 3)
    patch = "import restore.runtime.model as model\nmodel.Model.enlarge = hang"
    process = in_a_process(HANGING.format(how=NATIVE, patch=patch, source=str(source), out=str(tmp_path / "out")))
    with never_left_behind(process):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert time.monotonic() - began < 1
        assert process.returncode == 130
        assert "a second signal came" in told


@pytest.mark.parametrize(
    "patch",
    [
        "import restore.jobs.worker as worker\nworker.picture_digest = hang",
        "import restore.jobs.worker as worker\nworker.read_file = hang",
        "import restore.jobs.worker as worker\nworker.write_bytes = hang",
        "import restore.jobs.enhance as enhance\nenhance.make_plan = hang",
    ],
    ids=["digest", "read", "write", "plan"],
)
def test_hanging_threads_do_not_keep_the_job_from_ending(tmp_path: Path, patch: str) -> None:
    source = many(tmp_path / "in", 1)
    process = in_a_process(HANGING.format(how=NATIVE, patch=patch, source=str(source), out=str(tmp_path / "out")))
    with never_left_behind(process):
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert time.monotonic() - began < LIMIT
        assert process.returncode == 130
        assert "Interrupted" in told
        assert "Traceback" not in told


def test_nohup_is_respected(tmp_path: Path) -> None:
    source, out = many(tmp_path / "in", 12, side=60), tmp_path / "out"
    command = ["nohup", *COMMAND, str(source), str(out), "--threads", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own_environment()
    )
    with never_left_behind(process):
        wait_for(lambda: outputs(out))
        process.send_signal(signal.SIGHUP)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "12 enhanced" in said


def test_a_terminal_that_is_gone_loses_no_report(tmp_path: Path) -> None:
    """What SIGHUP means: nothing can be printed any more."""
    source, out, report = many(tmp_path / "in", 200, side=90), tmp_path / "out", tmp_path / "r.json"
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, str(source), str(out), "--threads", "1", "--report", str(report)],
        stdin=theirs, stdout=theirs, stderr=theirs, env=own_environment(), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    wait_for(lambda: outputs(out))
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    process.wait(timeout=30)
    assert process.returncode in (1, 130)
    assert report.exists()
    assert hidden(out) == {".restore-journal.jsonl"}


def test_a_pipe_that_closes_ends_the_job_without_a_traceback(tmp_path: Path) -> None:
    source, out, report = many(tmp_path / "in", 60), tmp_path / "out", tmp_path / "r.json"
    process = begin(source, out, "--json", "--report", report)
    with never_left_behind(process):
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        assert report.exists()
        assert hidden(out) == {".restore-journal.jsonl"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["models", "--json"], ["enhance", "--help"]])
def test_a_full_disk_under_standard_output_is_told_in_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=own_environment(),
        )
    assert done.returncode == 1
    assert done.stderr == "restore: standard output: No space left on device\n"


def test_one_picture_is_interrupted_too(tmp_path: Path) -> None:
    model = endless_model(tmp_path / "endless.onnx")
    process = begin(save(tmp_path / "a.png", picture(9, 9)), tmp_path / "b.png", "--model", model, "--device", "cpu")
    with never_left_behind(process):
        time.sleep(4)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert time.monotonic() - began < LIMIT
        assert process.returncode == 130
        assert "nothing was written" in told


@pytest.mark.parametrize("last", [ImportError("initialization failed"), ModelError("a.onnx: cannot be opened")])
def test_ctrl_c_that_an_import_turned_into_its_own_error(last: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Native modules do that when the signal arrives while they are initialized."""

    def invoke(*_: object) -> None:
        try:
            raise ImportError("initialization failed") from KeyboardInterrupt()
        except ImportError as error:
            raise last from error

    monkeypatch.setattr(click.Group, "invoke", invoke)
    result = CliRunner().invoke(main, ["models"])
    assert result.exit_code == 130
    assert result.stderr.startswith("Interrupted: written files are complete")


def test_an_error_while_an_interruption_is_handled_is_that_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def write_report() -> None:
        raise ModelError("no space left")

    def invoke(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            write_report()

    monkeypatch.setattr(click.Group, "invoke", invoke)
    result = CliRunner().invoke(main, ["models"])
    assert result.exit_code == 2
    assert "no space left" in result.stderr
