"""``restore enhance --watch`` goes on: folders that come back, names that clash, writers that pause."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_enhance import begin, outputs, wait_for
from tests.conftest import picture, save

pytest.importorskip("watchfiles")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@contextmanager
def watching(source: Path, out: Path, *options: object) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A job that watches until the end of the block; then what it printed is in the list."""
    process = begin(source, out, "--watch", *options)
    told: list[str] = []
    try:
        yield process, told
        process.send_signal(signal.SIGINT)
        told += process.communicate(timeout=30)
        assert process.returncode == 130, told
        assert "Traceback" not in told[1]
    finally:
        process.kill()


def removed(source: Path) -> None:
    shutil.rmtree(source)


def moved(source: Path) -> None:
    source.rename(source.with_name("moved"))


@pytest.mark.parametrize("go", [removed, moved])
def test_a_folder_that_comes_back_is_watched_again(tmp_path: Path, go: Callable[[Path], None]) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    save(source / "first.png", picture(12, 12))
    with watching(source, out, "--settle", 0.2) as (_, told):
        wait_for((out / "first.png").exists)
        go(source)
        time.sleep(1.5)
        save(source / "second.png", picture(14, 12))
        wait_for((out / "second.png").exists, 15)
        save(source / "third.png", picture(16, 12))
        wait_for((out / "third.png").exists, 15)
    assert f"{source} is gone: waiting until it is back" in told[1]
    assert f"{source} is back" in told[1]


def test_a_folder_replaced_at_once_is_watched_again(tmp_path: Path) -> None:
    """So quickly that nobody sees it gone; the new one may even have its number."""
    source, out = tmp_path / "in", tmp_path / "out"
    save(source / "first.png", picture(12, 12))
    with watching(source, out, "--settle", 0.2) as (process, _):
        wait_for((out / "first.png").exists)
        shutil.rmtree(source)
        source.mkdir()
        time.sleep(1.5)
        save(source / "second.png", picture(14, 12))
        wait_for((out / "second.png").exists, 15)
        assert process.poll() is None, "it goes on"
    assert set(outputs(out)) == {"first.png", "second.png"}


def test_names_that_clash_do_not_hold_up_the_others(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    save(source / "a.png", picture(12, 12))
    with watching(source, out, "--settle", 0.2, "--format", "png", "--json") as (_, told):
        wait_for((out / "a.png").exists)
        save(source / "a.jpg", picture(14, 12))
        save(source / "b.png", picture(14, 12))
        wait_for((out / "b.png").exists, 15)
        save(source / "c.png", picture(14, 12))
        wait_for((out / "c.png").exists, 15)
        (source / "a.png").unlink()
        (source / "a.jpg").rename(source / "d.jpg")
        wait_for((out / "d.png").exists, 15)
    assert told[1].count("would both be written to") == 1
    assert f"{source / 'a.jpg'} and {source / 'a.png'}" in told[1]
    statuses = [one["status"] for one in map(json.loads, told[0].splitlines()) if one["type"] == "picture"]
    assert statuses == ["enhanced"] * 4


def test_a_clash_that_is_there_at_the_beginning_holds_up_nothing_else(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "a.jpg", "b.png"):
        save(source / name, picture(12, 12))
    with watching(source, out, "--settle", 0.2, "--format", "png") as (_, told):
        wait_for((out / "b.png").exists)
    assert "would both be written to" in told[1]
    assert set(outputs(out)) == {"b.png"}


def test_a_writer_that_pauses_is_waited_for(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    whole = save(tmp_path / "elsewhere.png", picture(30, 20)).read_bytes()
    source.mkdir()
    with watching(source, out, "--settle", 3, "--json") as (_, told):
        wait_for((out / ".restore-journal.jsonl").exists)
        with (source / "slow.png").open("wb") as file:
            for part in (whole[:100], whole[100:200], whole[200:]):
                file.write(part)
                file.flush()
                time.sleep(2)
        wait_for((out / "slow.png").exists, 15)
    statuses = [one["status"] for one in map(json.loads, told[0].splitlines()) if one["type"] == "picture"]
    assert statuses == ["enhanced"], "it was tried while it was incomplete"
