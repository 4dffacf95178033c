"""A decoder or a network that crashes ends one job, not every one after it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from restore.jobs.decoding_record import DecodingRecord
from restore.jobs.journal import file_digest
from tests.cli.test_enhance import COMMAND, ENVIRONMENT, hidden, many, outputs
from tests.conftest import picture, save

# Imported by every Python process: a decoder that reads address 0 when a JPEG file has this comment.
CRASHING = """
import ctypes, io
from PIL import Image
whole = Image.open
def crashing(file, *more, **options):
    if isinstance(file, io.BytesIO) and b"CRASH" in file.getvalue():
        ctypes.string_at(0)
    return whole(file, *more, **options)
Image.open = crashing
"""

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


@pytest.fixture
def fragile(tmp_path: Path) -> dict[str, str]:
    return imports_first(tmp_path, CRASHING)


def imports_first(tmp_path: Path, code: str) -> dict[str, str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(code)
    known = ENVIRONMENT.get("PYTHONPATH", "")
    return {**ENVIRONMENT, "PYTHONPATH": f"{tmp_path / 'site'}:{known}" if known else str(tmp_path / "site")}


def run(source: Path, out: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, str(source), str(out), "--threads", "1", "--workers", "2", "--json", *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.skipif(sys.platform == "win32", reason="a crash has another exit code there")
def test_a_file_that_crashes_the_decoder_is_got_past(tmp_path: Path, fragile: dict[str, str]) -> None:
    source, out = many(tmp_path / "in", 8), tmp_path / "out"
    bad = save(source / "sub/zzz.jpg", picture(9, 9), comment=b"CRASH")
    assert run(source, out, fragile).returncode < 0
    assert file_digest(bad) in (out / ".restore-decoding").read_text()
    for _ in range(2):  # also the job after the one that found out
        done = run(source, out, fragile, "--resume")
        assert done.returncode == 1, done.stderr
        assert "an earlier job died while it decoded this file" in done.stderr
        assert "crashed (signal 11)" in done.stderr
        assert len(outputs(out)) == 8
        assert hidden(out) == {".restore-journal.jsonl", ".restore-decoding"}
    # With a better decoder it is enhanced, and nothing is left over.
    done = run(source, out, ENVIRONMENT, "--resume")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["enhanced"] == 1
    assert hidden(out) == {".restore-journal.jsonl"}


@pytest.mark.skipif(sys.platform == "win32", reason="a crash has another exit code there")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("ctypes.string_at(0)", "it crashed (signal 11)"),
        ("os.kill(os.getpid(), 9)", "it was killed (signal 9), perhaps because memory ran out"),
    ],
)
def test_a_picture_that_crashes_the_network_is_got_past(tmp_path: Path, how: str, says: str) -> None:
    environment = imports_first(tmp_path, CRASHING_NETWORK.format(how=how))
    source, out = many(tmp_path / "in", 4), tmp_path / "out"
    bad = save(source / "sub/zzz.png", picture(40, 9))
    # The model comes with restore: no process watches over the one that runs it.
    options = ("--model", "sr-x2", "--device", "cpu", "--precision", "fp32")
    assert run(source, out, environment, *options).returncode < 0
    assert file_digest(bad) in (out / ".restore-network").read_text()
    for _ in range(2):
        done = run(source, out, environment, "--resume", *options)
        assert done.returncode == 1, done.stderr
        assert "an earlier job died while" in done.stderr
        assert "sr-x2.onnx ran on this picture, and so did a trial in a process of its own" in done.stderr
        assert says in done.stderr
        assert len(outputs(out)) == 4
        assert hidden(out) == {".restore-journal.jsonl", ".restore-network"}
    done = run(source, out, ENVIRONMENT, "--resume", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["enhanced"] == 1
    assert hidden(out) == {".restore-journal.jsonl"}


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
