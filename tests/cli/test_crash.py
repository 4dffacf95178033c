"""A decoder or a network that crashes does not end the job: the file is named, and the rest is enhanced."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from restore.jobs.decoding_record import DecodingRecord
from restore.jobs.journal import file_digest
from restore.jobs.ledger import Ledger
from restore.jobs.outcome import Outcome
from restore.jobs.plan import Item
from restore.jobs.report import record
from restore.utils.processes import is_running
from tests.cli.test_enhance import COMMAND, hidden, many, needs_signals, outputs, own_environment, wait_for
from tests.conftest import picture, save

# Imported by every Python process: a decoder that notes its process and then does something when a JPEG file has this
# comment.
CRASHING = """
import ctypes, io, os, pathlib, sys, time
from PIL import Image
whole = Image.open
def crashing(file, *more, **options):
    if isinstance(file, io.BytesIO) and b"CRASH" in file.getvalue():
        with open(pathlib.Path(__file__).with_name("crashes"), "a") as noted:
            noted.write(f"{os.getpid()}\\n")
        alone = any("decode_apart" in word for word in sys.orig_argv)
        HOW
    return whole(file, *more, **options)
Image.open = crashing
"""
CRASH = CRASHING.replace("HOW", "ctypes.string_at(0)")

# A network that reads address 0, or is killed as when memory runs out, on pictures of 9 x 40 pixels.
CRASHING_NETWORK = """
import ctypes, os
from onnxruntime import InferenceSession
whole = InferenceSession.run
def crashing(self, names, feed, *more):
    if any(values.shape[-2] - values.shape[-1] == 31 for values in feed.values()):  # with a border or without
        {how}
    return whole(self, names, feed, *more)
InferenceSession.run = crashing
"""


def imports_first(tmp_path: Path, code: str) -> dict[str, str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(code)
    known = own_environment().get("PYTHONPATH", "")
    return {**own_environment(), "PYTHONPATH": f"{tmp_path / 'site'}:{known}" if known else str(tmp_path / "site")}


def run(source: Path, out: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, str(source), str(out), "--threads", "1", "--workers", "2", "--json", *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def crashes(tmp_path: Path) -> list[str]:
    """The processes in which the decoder met the file."""
    return (tmp_path / "site/crashes").read_text().split()


def verdicts(out: Path) -> list[dict[str, str]]:
    lines = map(json.loads, (out / ".restore-journal.jsonl").read_text().splitlines())
    return [line["crash"] for line in lines if "crash" in line]


def records(done: subprocess.CompletedProcess[str]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The record of each picture by its source, and the summary."""
    *pictures, summary = map(json.loads, done.stdout.splitlines())
    assert len({one["source"] for one in pictures}) == len(pictures), "told once"
    return {one["source"]: one for one in pictures}, summary


@needs_signals
def test_a_job_goes_on_when_a_file_crashes_the_decoder(tmp_path: Path) -> None:
    environment = imports_first(tmp_path, CRASH)
    source, out, report = many(tmp_path / "in", 8), tmp_path / "out", tmp_path / "report.csv"
    bad = save(source / "004bad.jpg", picture(9, 9), comment=b"CRASH")
    done = run(source, out, environment, "--report", str(report))
    assert done.returncode == 1, done.stderr
    assert "restore: it crashed (signal 11). The job goes on" in done.stderr
    assert f"failed: {bad}: an earlier process died while it decoded this file, and so did a trial" in done.stderr
    assert len(outputs(out)) == 8
    told, summary = records(done)
    assert (summary["enhanced"], summary["done"], summary["failed"]) == (8, 0, 1)
    assert {path for path, one in told.items() if one["status"] == "failed"} == {str(bad)}
    assert "it crashed (signal 11)" in told[str(bad)]["error"]
    rows = list(csv.DictReader(report.open()))
    assert {(row["source"], row["status"]) for row in rows} == {(path, one["status"]) for path, one in told.items()}
    assert len(rows) == 9
    assert [verdict["source_digest"] for verdict in verdicts(out)] == [file_digest(bad)]
    assert hidden(out) == {".restore-journal.jsonl"}
    assert len(crashes(tmp_path)) == 2  # the job, and the trial

    done = run(source, out, environment, "--resume")
    assert done.returncode == 1
    assert (
        f"failed: {bad}: a process of its own died while it decoded this file (it crashed (signal 11))" in done.stderr
    )
    assert "--resume does not try it again" in done.stderr
    assert records(done)[1]["done"] == 8
    assert len(crashes(tmp_path)) == 2

    # Without --resume it is tried, apart at once.
    assert run(source, out, environment, "--overwrite").returncode == 1
    assert len(crashes(tmp_path)) == 3
    # With another decoder --resume tries it, too.
    journal = out / ".restore-journal.jsonl"
    journal.write_text(journal.read_text().replace("pillow ", "pillow 0."))
    done = run(source, out, own_environment(), "--resume")
    assert done.returncode == 0, done.stderr
    assert records(done)[1]["enhanced"] == 1
    assert hidden(out) == {".restore-journal.jsonl"}


@needs_signals
@pytest.mark.slow
def test_a_job_that_crashes_again_and_again_ends(tmp_path: Path) -> None:
    environment = imports_first(tmp_path, CRASHING.replace("HOW", "alone or ctypes.string_at(0)"))
    source, out = many(tmp_path / "in", 2), tmp_path / "out"
    save(source / "zzz.jpg", picture(9, 9), comment=b"CRASH")
    done = run(source, out, environment)
    assert done.returncode == 1
    assert "it crashed (signal 11) while this model was in use" in done.stderr
    assert "--resume continues" in done.stderr
    assert 2 <= done.stderr.count("The job goes on") <= 4
    assert verdicts(out) == []


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_job_that_goes_on_is_interrupted_in_order(tmp_path: Path, number: signal.Signals) -> None:
    how = "time.sleep(60) if alone else ctypes.string_at(0)"
    environment = imports_first(tmp_path, CRASHING.replace("HOW", how))
    source, out = tmp_path / "in", tmp_path / "out"
    save(source / "a.jpg", picture(9, 9), comment=b"CRASH")
    save(source / "b.jpg", picture(9, 9))
    command = [*COMMAND, str(source), str(out), "--threads", "1", "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    noted = tmp_path / "site/crashes"
    wait_for(lambda: noted.exists() and len(noted.read_text().split()) == 2)
    began = time.monotonic()
    process.send_signal(number)
    complaint = process.communicate(timeout=30)[1]
    assert time.monotonic() - began < 8  # two seconds, and what a busy machine takes
    assert process.returncode == 130
    assert "Interrupted" in complaint
    assert "Traceback" not in complaint
    assert verdicts(out) == [], "the trial did not end"
    wait_for(lambda: not is_running(int(crashes(tmp_path)[1])))


@needs_signals
@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("ctypes.string_at(0)", "it crashed (signal 11)"),
        ("os.kill(os.getpid(), 9)", "it was killed (signal 9), perhaps because memory ran out"),
    ],
)
def test_a_job_goes_on_when_a_picture_crashes_the_network(tmp_path: Path, how: str, says: str) -> None:
    environment = imports_first(tmp_path, CRASHING_NETWORK.format(how=how))
    source, out = many(tmp_path / "in", 4), tmp_path / "out"
    bad = save(source / "sub/zzz.png", picture(40, 9))
    options = ("--model", "sr-x2", "--device", "cpu", "--precision", "fp32")
    done = run(source, out, environment, *options)
    assert done.returncode == 1, done.stderr
    assert f"restore: {says}. The job goes on" in done.stderr
    assert f"failed: {bad}: an earlier process died while" in done.stderr
    assert "sr-x2.onnx ran on this picture, and so did a trial in a process of its own" in done.stderr
    assert len(outputs(out)) == 4
    assert records(done)[1]["enhanced"] == 4
    assert [verdict["source_digest"] for verdict in verdicts(out)] == [file_digest(bad)]
    assert hidden(out) == {".restore-journal.jsonl"}
    done = run(source, out, environment, "--resume", *options)
    assert done.returncode == 1, done.stderr
    assert "The job goes on" not in done.stderr
    assert "--resume does not try it again" in done.stderr
    # With another tile it is another network.
    done = run(source, out, own_environment(), "--resume", *options, "--tile", "64")
    assert done.returncode == 0, done.stderr
    assert records(done)[1]["enhanced"] == 1


def test_a_ledger_tells_what_was_reported_before(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "ledger", os.O_RDWR | os.O_CREAT)
    item = Item(tmp_path / "a.png", tmp_path / "out/a.png", "a.png", "a.png")
    one, failed = record(Outcome(item, "enhanced", size_in=(3, 4))), record(Outcome(item, "failed", "why"))
    first = Ledger(descriptor, again=False)
    first.begin(100)
    assert first.of(item.source, item.target) is None
    assert first.add(one)
    with (tmp_path / "ledger").open("ab") as file:
        file.write(b'{"source": "cut')
    second = Ledger(descriptor, again=True)
    assert second.journaled == 100
    assert second.of(item.source, item.target) == one
    assert not second.add(one)
    assert second.add(failed), "once more, as in a watched folder"
    third = Ledger(descriptor, again=True)
    assert third.of(item.source, item.target) == failed
    assert third.add(one)


def test_the_record_has_what_is_decoded_now_and_is_gone_at_the_end(tmp_path: Path) -> None:
    record = DecodingRecord(tmp_path)
    path = tmp_path / ".restore-decoding"
    first, second, third = ("a" * 64, "b" * 64, "c" * 64)
    with record.recorded(first):
        with record.recorded(second):
            assert path.read_text().split() == [first, second]
        with record.recorded(third):
            assert path.read_text().split() == [first, third], "a slot is used again"
        assert DecodingRecord(tmp_path)._suspects == {first}
    assert path.read_text().split() == []
    record.close()
    assert not path.exists()


def test_a_thread_that_decodes_after_the_end_leaves_no_record(tmp_path: Path) -> None:
    record = DecodingRecord(tmp_path)
    record.close()
    with record.recorded("a" * 64):
        assert not list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"\xff" * 99, b"no digest\n", b"A" * 64 + b"\n"])
def test_what_is_no_record_names_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".restore-decoding").write_bytes(content)
    assert DecodingRecord(tmp_path)._suspects == frozenset()
