"""An entry counts as done only if a file with its digest exists."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restore.jobs.journal import Journal, JournalIndex, file_digest, job_key, model_digest
from restore.jobs.naming import PlanError

NAME = ".restore-journal.jsonl"


def write(journal: Journal, target: str, data: bytes, source: str = "a.png", digest: str = "s") -> None:
    """A line, and the file that it index."""
    journal.append(source, digest, target, data)


def test_a_line_says_what_was_made_of_what(tmp_path: Path) -> None:
    with Journal(tmp_path / "out", "key") as journal:
        write(journal, "sub/a.png", b"result")
    head, line = (tmp_path / "out" / NAME).read_text().splitlines()
    assert json.loads(head) == {"restore-journal": 1}
    assert json.loads(line) == {
        "source": "a.png",
        "source_digest": "s",
        "key": "key",
        "target": "sub/a.png",
        "target_digest": hashlib.sha256(b"result").hexdigest(),
    }


def test_only_a_file_that_matches_its_entry_is_done(tmp_path: Path) -> None:
    with Journal(tmp_path, "key") as journal:
        write(journal, "a.png", b"result")
        write(journal, "b.png", b"result", "b.png")
    (tmp_path / "a.png").write_bytes(b"result")
    index = JournalIndex(tmp_path)
    assert index.is_done("a.png", "s", "key", "a.png")
    assert not index.is_done("a.png", "other pixels", "key", "a.png")
    assert not index.is_done("a.png", "s", "other model", "a.png")
    assert not index.is_done("c.png", "s", "key", "a.png")
    assert index.is_ours("a.png")
    assert not index.is_ours("b.png"), "promised, never written"
    (tmp_path / "a.png").write_bytes(b"retouched")
    assert not index.is_done("a.png", "s", "key", "a.png")
    assert not index.is_ours("a.png")


def test_an_older_result_is_still_ours(tmp_path: Path) -> None:
    """A kill between the line for its replacement and the rename."""
    with Journal(tmp_path, "key") as journal:
        write(journal, "a.png", b"old", digest="before")
        (tmp_path / "a.png").write_bytes(b"old")
        write(journal, "a.png", b"new", digest="after")
    index = JournalIndex(tmp_path)
    assert index.is_ours("a.png")
    assert not index.is_done("a.png", "after", "key", "a.png")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 400), more=st.booleans())
def test_a_torn_line_costs_its_picture_alone(tmp_path_factory: pytest.TempPathFactory, cut: int, more: bool) -> None:
    folder = tmp_path_factory.mktemp("out")
    with Journal(folder, "key") as journal:
        for name in "abc":
            write(journal, f"{name}.png", b"result")
    for name in "abcd":
        (folder / f"{name}.png").write_bytes(b"result")
    path = folder / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: max(len(b'{"restore-journal": 1}\n'), len(whole) - cut)])
    left = path.read_bytes().count(b'"}\n') + path.read_bytes().endswith(b'"}')
    if more:
        with Journal(folder, "key") as journal:
            write(journal, "d.png", b"result")
    index = JournalIndex(folder)
    assert [index.is_ours(f"{name}.png") for name in "abc"] == [i < left for i in range(3)]
    assert index.is_ours("d.png") == more


def test_a_write_that_failed_half_way_does_not_spoil_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, "key")
    append = journal._file

    class Full:
        def write(self, data: bytes) -> int:
            append.write(data[:20])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "_file", Full())
    with pytest.raises(OSError, match="No space"):
        write(journal, "a.png", b"result")
    monkeypatch.setattr(journal, "_file", append)
    write(journal, "b.png", b"result")
    (tmp_path / "b.png").write_bytes(b"result")
    assert JournalIndex(tmp_path).is_ours("b.png")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is named like a journal"),
        (b"my diary\n", "is named like a journal"),
        (b"[1]\n", "is named like a journal"),
        (b'{"other": 1}\n', "is named like a journal"),
        (b"\xff\xfe\n", "is named like a journal"),
        (b'{"restore-journal": 2}\n', "journal of version 2.*update restore"),
    ],
)
@pytest.mark.parametrize("name", [NAME, ".restore-journal-1-of-3.jsonl"])
def test_what_is_not_our_journal_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, says: str, name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PlanError, match=says):
        Journal(tmp_path, "key")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {name: content}


def test_shards_write_apart_and_read_all(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, "key", (1, 2)), Journal(tmp_path, "key", (2, 2))
    write(first, "a.png", b"result")
    write(second, "b.png", b"result", "b.png")
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"result")
    assert {p.name for p in tmp_path.glob(".*")} == {
        ".restore-journal-1-of-2.jsonl",
        ".restore-journal-2-of-2.jsonl",
    }
    whole = Journal(tmp_path, "key").index
    assert whole.is_done("a.png", "s", "key", "a.png")
    assert whole.is_done("b.png", "s", "key", "b.png")


def test_threads_append_whole_lines(tmp_path: Path) -> None:
    with Journal(tmp_path, "key") as journal, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: write(journal, f"{i}.png", b"result"), range(200)))
    lines = (tmp_path / NAME).read_text().splitlines()[1:]
    assert {json.loads(line)["target"] for line in lines} == {f"{i}.png" for i in range(200)}


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="their file systems have no such names to keep")
def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n'\".png")
    with Journal(tmp_path, "key") as journal:
        write(journal, name, b"result", name)
    (tmp_path / name).write_bytes(b"result")
    assert JournalIndex(tmp_path).is_done(name, "s", "key", name)


def test_the_key_is_the_model_and_the_options() -> None:
    keys = [
        job_key("model", {"quality": 95, "format": None}),
        job_key("other", {"quality": 95, "format": None}),
        job_key("model", {"quality": 90, "format": None}),
        job_key("model", {"quality": 95, "format": "png"}),
    ]
    assert len(set(keys)) == 4
    assert job_key("model", {"format": None, "quality": 95}) == keys[0]


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, 3_000_001])
def test_a_files_digest(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)
    assert file_digest(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def test_a_models_digest_knows_the_weights_beside_it(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"graph")
    alone = model_digest(tmp_path / "m.onnx")
    assert alone == file_digest(tmp_path / "m.onnx")
    digests = {alone}
    for name, data in (("m.onnx.data", b"one"), ("m.onnx.data", b"two"), ("m.onnx_data", b"three")):
        (tmp_path / name).write_bytes(data)
        digests.add(model_digest(tmp_path / "m.onnx"))
    assert len(digests) == 4
