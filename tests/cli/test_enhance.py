"""``restore enhance`` as a process: killed, interrupted, shared out, watched, read by machines."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from restore.cli.main import main
from restore.jobs.journal import file_digest
from tests.compare.pages import embedded, facts, rows
from tests.conftest import picture, save
from tests.jobs.test_strict import DAMAGED

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "cli.py"), "enhance"]
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def own_environment() -> dict[str, str]:
    """Of commands, as it is in the test: without what the user has measured, which decides what runs a model."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments), "--threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, env=own_environment())


def begin(*arguments: object) -> subprocess.Popen[str]:
    command = [*COMMAND, *map(str, arguments), "--threads", "1"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own_environment())


def inside(*arguments: object) -> tuple[int, str, str]:
    """In this process, which is faster: exit code, standard output, standard error."""
    result = CliRunner().invoke(main, ["enhance", *map(str, arguments)], prog_name="restore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def outputs(folder: Path) -> dict[str, Path]:
    return {str(p.relative_to(folder)): p for p in sorted(folder.rglob("[!.]*")) if p.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in outputs(folder).items()}


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    return {name: (p.stat().st_ino, p.stat().st_mtime_ns) for name, p in outputs(folder).items()}


def hidden(folder: Path) -> set[str]:
    return {p.name for p in folder.rglob(".*")}


def many(folder: Path, count: int, side: int = 40) -> Path:
    for i in range(count):
        name = f"{('', 'sub/', 'sub/Größe 写/')[i % 3]}{i:03}.{('png', 'jpg')[i % 2]}"
        save(folder / name, picture(side + i % 7, side + i % 5, seed=i))
    return folder


def assert_nothing_is_lost_by_kills(tmp_path: Path, count: int, kills: int) -> None:
    """Every output whole and right, none missing, none made twice; sources untouched; nothing left over."""
    source, out = many(tmp_path / "in", count), tmp_path / "out"
    originals = contents(source)
    assert run(source, tmp_path / "wanted").returncode == 0
    wanted = contents(tmp_path / "wanted")
    draw = random.Random(5)
    kept: dict[str, tuple[int, int]] = {}
    for number in range(kills):
        process = begin(source, out, "--resume")
        # At a moment that is random within the writing of a few pictures.
        goal = len(kept) + draw.randrange(max(1, (count - len(kept)) // max(1, kills - number)))
        wait_for(lambda goal=goal, p=process: len(outputs(out)) > goal or p.poll() is not None)
        time.sleep(draw.random() * 0.02)
        process.kill()
        process.communicate()
        assert identities(out).items() >= kept.items(), "what was done is done again"
        kept = identities(out)
        assert {name: wanted[name] for name in kept} == contents(out), "an output is not whole"
    last = run(source, out, "--resume", "--json")
    assert last.returncode == 0, last.stderr
    assert identities(out).items() >= kept.items()
    assert contents(out) == wanted
    assert contents(source) == originals
    assert hidden(out) == {".restore-journal.jsonl"}
    told = [json.loads(line) for line in last.stdout.splitlines()]
    done = {str(Path(p["target"]).relative_to(out)) for p in told[:-1] if p["status"] == "done"}
    assert done == set(kept)
    lines = [json.loads(line) for line in whole_lines(out / ".restore-journal.jsonl")[1:]]
    assert [list(line) for line in lines].count(["backend"]) == 1, "what ran the model is recorded once"
    lines = [line for line in lines if "backend" not in line]
    assert {line["target"] for line in lines} == set(wanted)
    # A promise is repeated only where a kill came between it and the file: one for each writer and kill at most.
    assert len(lines) <= count + kills * 8
    assert all(line["target_digest"] == file_digest(out / line["target"]) for line in lines)
    assert all(line["source_digest"] == file_digest(source / line["source"]) for line in lines)


def whole_lines(path: Path) -> list[str]:
    def whole(line: str) -> bool:
        try:
            json.loads(line)
        except ValueError:
            return False
        return True

    return [line for line in path.read_text().splitlines() if whole(line)]


@needs_signals
def test_killed_three_times_it_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    assert_nothing_is_lost_by_kills(tmp_path, 20, 3)


@needs_signals
@pytest.mark.slow
def test_killed_twenty_times_it_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    assert_nothing_is_lost_by_kills(tmp_path, 200, 20)


@needs_signals
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_signal_ends_it_whole_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    source, out = many(tmp_path / "in", 200, side=90), tmp_path / "out"
    process = begin(source, out, "--json", "--report", tmp_path / "r.json")
    wait_for(lambda: outputs(out))
    process.send_signal(number)
    said, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Interrupted" in told
    assert "--resume" in told
    assert "Traceback" not in told
    assert hidden(out) == {".restore-journal.jsonl"}
    *pictures, summary = map(json.loads, said.splitlines())
    assert summary["interrupted"]
    assert 0 < summary["enhanced"] < 200
    assert {p["target"] for p in pictures} == set(map(str, outputs(out).values())), "every whole file is told"
    assert json.loads((tmp_path / "r.json").read_text()) == {"pictures": pictures, "summary": summary}
    for path in outputs(out).values():
        Image.open(path).load()
    again = run(source, out, "--resume")
    assert again.returncode == 0
    assert f"{200 - summary['enhanced']} enhanced, {summary['enhanced']} already done" in again.stdout


def test_two_shards_at_once_are_one_job(tmp_path: Path) -> None:
    source = many(tmp_path / "in", 13)
    assert inside(source, tmp_path / "one")[0] == 0
    shards = [begin(source, tmp_path / "two", "--shard", f"{i}/2") for i in (1, 2)]
    for process in shards:
        said, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
        assert " enhanced" in said
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert hidden(tmp_path / "two") == {".restore-journal-1-of-2.jsonl", ".restore-journal-2-of-2.jsonl"}
    code, said, _ = inside(source, tmp_path / "two", "--resume")
    assert code == 0
    assert "0 enhanced, 13 already done" in said
    code, said, _ = inside(source, tmp_path / "three", "--shard", "14/14")
    assert code == 0
    assert "0 enhanced" in said


@pytest.mark.parametrize("options", [("--quality", "60"), ("--model", "sr-x4")])
def test_resume_makes_again_what_an_option_changes(tmp_path: Path, options: tuple[str, ...]) -> None:
    source, out = many(tmp_path / "in", 4), tmp_path / "out"
    inside(source, out)
    before = contents(out)
    assert "4 already done" in inside(source, out, "--resume", "--workers", "5", "--tile", "64")[1]
    assert "4 enhanced" in inside(source, out, "--resume", *options)[1]
    assert contents(out) != before
    assert "4 already done" in inside(source, out, "--resume", *options)[1]


def test_resume_refuses_a_foreign_journal(tmp_path: Path) -> None:
    source, out = many(tmp_path / "in", 2), tmp_path / "out"
    out.mkdir()
    (out / ".restore-journal.jsonl").write_text('{"restore-journal": 9}\n')
    for more in ((), ("--resume",)):
        code, _, told = inside(source, out, *more)
        assert code == 2
        assert "version 9" in told
    assert outputs(out) == {}


def test_json_lines_match_what_happened(tmp_path: Path) -> None:
    source, out = many(tmp_path / "in", 5), tmp_path / "out"
    (source / "bad.png").write_bytes(b"no picture")
    (source / "notes.txt").write_text("x")
    save(out / "000.png", picture(4, 4))
    code, said, told = inside(source, out, "--json", "--skip-existing", "--report", tmp_path / "r.csv")
    assert code == 1
    *pictures, summary = map(json.loads, said.splitlines())
    assert {p["source"]: p["status"] for p in pictures} == {
        **{str(p): "enhanced" for p in outputs(source).values() if p.suffix != ".txt"},
        str(source / "000.png"): "skipped",
        str(source / "bad.png"): "failed",
    }
    for one in pictures:
        assert set(one) == {
            "type", "source", "target", "status", "error", "note", "seconds", "size_in", "size_out", "belief", "edit",
        }  # fmt: skip
        assert bool(one["error"]) == (one["status"] == "failed")
        if one["status"] == "enhanced":
            with Image.open(one["source"]) as before, Image.open(one["target"]) as after:
                assert (one["size_in"], one["size_out"]) == (list(before.size), list(after.size))
            assert one["seconds"]["network"] > 0
    assert (summary["type"], summary["interrupted"], summary["ignored"]) == ("summary", False, 1)
    assert (summary["enhanced"], summary["skipped"], summary["failed"], summary["done"]) == (4, 1, 1, 0)
    assert (summary["model"], summary["device"]) == ("sr-x2", "cpu")
    run = {"fp32": "sr-x2.onnx", "int8": "sr-x2.int8.onnx"}[summary["precision"]]
    assert summary["model_digest"] == file_digest(ROOT / "models/sr-x2" / run)
    assert summary["versions"]["pillow"] == Image.__version__
    assert summary["versions"]["numpy"] == np.__version__
    assert "4 enhanced, 1 skipped" in told, "people are told on standard error"
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["source"], r["status"]) for r in rows] == [(p["source"], p["status"]) for p in pictures]


def test_a_dry_run_says_all_and_writes_nothing(tmp_path: Path) -> None:
    source, out = many(tmp_path / "in", 3), tmp_path / "out"
    code, said, _ = inside(
        source, out, "--dry-run", "--name", "{stem}-x{scale}-{model}", "--report", tmp_path / "r.csv"
    )
    assert code == 0
    assert f"{source / 'sub/001.jpg'} -> {out / 'sub/001-x2-sr-x2.jpg'}" in said.splitlines()
    assert "3 to enhance" in said
    assert {p.name for p in tmp_path.iterdir()} == {"in"}
    save(out / "000.png", picture(4, 4))
    before = contents(out)
    assert f"{source / '000.png'}: skip, result exists" in inside(source, out, "--dry-run", "--skip-existing")[1]
    code, said, _ = inside(source, out, "--dry-run", "--json", "--skip-existing")
    assert [json.loads(line)["status"] for line in said.splitlines()] == ["skipped", "planned", "planned"]
    code, said, _ = inside(source, out, "--dry-run", "--resume")
    assert code == 1
    assert "is not a result of restore" in said
    assert (contents(out), hidden(out)) == (before, set())
    assert inside(source, out, "--overwrite")[0] == 0
    journal = (out / ".restore-journal.jsonl").read_bytes()
    save(source / "000.png", picture(6, 6))
    code, said, _ = inside(source, out, "--dry-run", "--resume")
    assert code == 0
    assert said.count("skip, already done") == 2
    assert f"{source / '000.png'} -> " in said
    assert (out / ".restore-journal.jsonl").read_bytes() == journal


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--name", "{name}"], "unknown field {name}"),
        (["--name", "same"], "would both be written to"),
        (["--shard", "0/2"], "write it as i/n"),
        (["--shard", "3/2"], "write it as i/n"),
        (["--shard", "half"], "write it as i/n"),
        (["--resume", "--skip-existing"], "remove one"),
        (["--report", "r.txt"], "not a report format"),
        (["--report", "{mine}"], "is not a page written by restore"),
        (["--watch", "--dry-run"], "--watch does not work"),
        (["--watch", "--shard", "1/2"], "--watch does not work"),
        (["--workers", "0"], "--workers"),
        (["--max-pixels", "0"], "--max-pixels"),
        (["--max-pixels", "nan"], "--max-pixels"),
        (["--max-pixels", "1e308"], "--max-pixels"),
        (["--strength", "nan"], "--strength"),
        (["--frames", "all", "--format", "jpg"], "--frames all and --format jpg contradict each other"),
        (["--format", "gif"], "add --frames all"),
    ],
)
def test_wrong_use_writes_nothing(tmp_path: Path, arguments: list[str], says: str) -> None:
    source = tmp_path / "in"
    save(source / "a.png", picture(8, 8))
    save(source / "b.png", picture(8, 8))
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    code, _, told = inside(source, tmp_path / "out", *(argument.replace("{mine}", str(mine)) for argument in arguments))
    assert code == 2, told
    assert says in told
    assert {p.name for p in tmp_path.iterdir()} == {"in", "mine.html"}
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("option", ["--resume", "--watch"])
def test_one_picture_is_no_folder_to_go_on_with(tmp_path: Path, option: str) -> None:
    source = save(tmp_path / "a.png", picture(8, 8))
    code, _, told = inside(source, tmp_path / "b.png", option)
    assert code == 2
    assert option in told


def test_one_picture_leaves_no_journal(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", picture(8, 8))
    assert inside(source, tmp_path / "out/b.png", "--report", tmp_path / "out/r.html")[0] == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"b.png", "r.html"}


def test_too_many_pixels(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(80, 80))
    save(tmp_path / "in/b.png", picture(50, 50))
    page = tmp_path / "r.html"
    code, said, told = inside(tmp_path / "in", tmp_path / "out", "--max-pixels", "0.005", "--report", page)
    assert code == 1
    assert "1 enhanced, 1 failed" in said
    assert "80 x 80 pixels are more than the limit" in told
    shown = {name: bool(row["thumbnail"]) for name, row in rows(page).items()}
    assert shown == {"a.png": False, "b.png": True}, "the limit is of what is read, not of its results"


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no line breaks and bytes that are no text in a name")
def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    for name in ("a.png", "sub/b.png"):
        save(tmp_path / "in" / name, picture(12, 16))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").write_text("mine")
    code, _, told = inside(tmp_path / "in", tmp_path / "out")
    assert code == 1
    assert f"{tmp_path / 'out/sub'} is a file, not a folder" in told
    assert "--overwrite" not in told
    assert (tmp_path / "out/sub").read_text() == "mine"
    assert (tmp_path / "out/a.png").is_file()


def test_odd_names_are_told_on_one_line(tmp_path: Path) -> None:
    raw = tmp_path / "in" / os.fsdecode(b"two\nlines \x1b[31m \xff.png")
    raw.parent.mkdir()
    raw.write_bytes(b"no picture")
    for more in ((), ("--json",), ("--dry-run",)):
        done = run(tmp_path / "in", tmp_path / "out", *more)
        assert done.returncode == (0 if more == ("--dry-run",) else 1), done.stderr
        assert "\x1b" not in done.stdout + done.stderr
    assert r"two\nlines \x1b[31m \udcff.png -> " in done.stdout


@pytest.mark.usefixtures("locked_folders")
def test_an_unreadable_folder_is_a_failure(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(8, 8))
    save(tmp_path / "in/locked/b.png", picture(8, 8))
    code, said, told = inside(tmp_path / "in", tmp_path / "out")
    assert code == 1
    assert "1 enhanced, 1 failed" in said
    assert "locked: the folder cannot be read: Permission denied" in told


def test_a_full_disk_exits_with_1_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from restore.jobs import worker

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker, "write_bytes", full)
    code, said, told = inside(many(tmp_path / "in", 6), tmp_path / "out", "--json")
    assert code == 1
    assert "the disk is full: make room, then continue with --resume" in told
    assert json.loads(said.splitlines()[-1])["enhanced"] == 0


@needs_signals
def test_a_killed_jobs_temporary_files_are_swept(tmp_path: Path) -> None:
    source, out = many(tmp_path / "in", 3), tmp_path / "out"
    inside(source, out)
    code = (
        "import os, signal; from pathlib import Path; from restore.utils.atomic_write import write_bytes\n"
        f"write_bytes(Path({str(out / 'sub/x.png')!r}), b'n', before_rename=lambda: os.kill(os.getpid(), signal.SIGKILL))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert len(hidden(out)) == 2
    _, _, told = inside(source, out, "--resume")
    assert "1 temporary file left by a killed run removed" in told
    assert hidden(out) == {".restore-journal.jsonl"}


@needs_signals
def test_watching(tmp_path: Path) -> None:
    """What is there, what arrives slowly, what is replaced; never what is hidden; Ctrl-C ends it."""
    pytest.importorskip("watchfiles")
    source, out = tmp_path / "in", tmp_path / "out"
    save(source / "there.png", picture(20, 20))
    whole = save(tmp_path / "elsewhere.png", picture(30, 20, seed=4)).read_bytes()
    process = begin(source, out, "--watch", "--json")
    try:
        wait_for((out / "there.png").exists)
        (source / "sub").mkdir()
        save(source / "sub/.hidden.png", picture(9, 9))
        save(source / ".restore-half.png", picture(9, 9))
        with (source / "sub/slow.png").open("wb") as file:
            for start in range(0, len(whole), -(-len(whole) // 8)):
                file.write(whole[start : start - (-len(whole) // 8)])
                file.flush()
                time.sleep(0.4)
                assert not (out / "sub/slow.png").exists(), "it was taken half-written"
        wait_for((out / "sub/slow.png").exists)
        first = (out / "there.png").read_bytes()
        save(tmp_path / "new.png", picture(25, 25, seed=9)).replace(source / "there.png")
        wait_for(lambda: (out / "there.png").read_bytes() != first)
    finally:
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Interrupted" in told
    assert "Traceback" not in told
    *pictures, summary = map(json.loads, said.splitlines())
    assert [(Path(p["source"]).name, p["status"]) for p in pictures] == [
        ("there.png", "enhanced"),
        ("slow.png", "enhanced"),
        ("there.png", "enhanced"),
    ]
    assert summary["enhanced"] == 3
    assert set(outputs(out)) == {"there.png", "sub/slow.png"}
    assert Image.open(out / "there.png").size == (50, 50)
    assert Image.open(out / "sub/slow.png").size == (40, 60)


@needs_signals
def test_watching_leaves_alone_what_was_there_with_skip_existing(tmp_path: Path) -> None:
    """Also once something new has come: what somebody else made is neither replaced nor a failure."""
    pytest.importorskip("watchfiles")
    source, out = tmp_path / "in", tmp_path / "out"
    save(source / "old.png", picture(20, 20))
    save(out / "old.png", picture(9, 9, seed=3))
    before = (out / "old.png").read_bytes()
    process = begin(source, out, "--watch", "--skip-existing", "--json")
    try:
        time.sleep(3)
        save(source / "new.png", picture(22, 20))
        wait_for((out / "new.png").exists)
        time.sleep(2.5)
    finally:
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert (out / "old.png").read_bytes() == before
    *pictures, summary = map(json.loads, said.splitlines())
    assert {(Path(p["source"]).name, p["status"]) for p in pictures} == {
        ("old.png", "skipped"),
        ("new.png", "enhanced"),
    }
    assert summary["failed"] == 0


def test_a_page_shows_pictures_beside_their_results_and_says_why_others_failed(tmp_path: Path) -> None:
    source, out, page = many(tmp_path / "in", 4), tmp_path / "out", tmp_path / "r.html"
    (source / "broken.png").write_bytes(b"no picture")
    done = run(source, out, "--report", page)
    assert done.returncode == 1
    found = rows(page)
    names = sorted(p.relative_to(source).as_posix() for p in source.rglob("*.*"))
    assert sorted(found) == names
    assert found["broken.png"]["status"] == "failed"
    assert "not a picture" in found["broken.png"]["problems"][0]
    assert found["broken.png"]["thumbnail"] is None
    job = dict(facts(page)["job"])
    assert (job["enhanced"], job["failed"], job["interrupted"]) == ("4", "1", "false")
    assert job["model"] == facts(page)["labels"][1]
    assert job["device"]
    assert (job["input"], job["output"]) == (str(source), str(out))
    for name in set(names) - {"broken.png"}:
        row = found[name]
        model = facts(page)["labels"][1]
        assert row["status"] == "enhanced"
        assert row["cell"]["seconds network"] > 0
        with Image.open(source / name) as before, Image.open(out / name) as after:
            assert row["cell"]["before size"] == list(before.size)
            assert row["cell"][f"{model} size"] == list(after.size)
        for version in row["versions"]:
            assert embedded(page, version["pixels"]).size == tuple(version["size"])
    # A job that goes on shows all again; what was done before took no time.
    assert run(source, out, "--resume", "--report", page).returncode == 1
    again = rows(page)
    assert {row["status"] for row in again.values()} == {"done", "failed"}
    assert all(row["thumbnail"] for row in again.values() if row["status"] == "done")
    assert again[next(iter(set(names) - {"broken.png"}))]["cell"]["seconds network"] is None
    page.unlink()
    assert run(source, out, "--dry-run", "--overwrite", "--report", page).returncode == 0
    assert not page.exists()


@needs_signals
def test_the_page_of_an_interrupted_job_has_its_table_alone(tmp_path: Path) -> None:
    source, out, page = many(tmp_path / "in", 200, side=90), tmp_path / "out", tmp_path / "r.html"
    process = begin(source, out, "--report", page)
    wait_for(lambda: outputs(out))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    found = rows(page)
    assert 0 < len(found) < 200
    assert not any(row["thumbnail"] for row in found.values())
    assert "ended early" in facts(page)["notes"][0]


def test_files_and_folders_together_and_times_kept(tmp_path: Path) -> None:
    """The second run finds in the journal what the first did."""
    before = 1_000_000_000_123_456_789
    for name in ("in/sub/a.png", "b.jpg", "c.png"):
        os.utime(save(tmp_path / name, picture(20, 30)), ns=(before, before))
    inputs = [tmp_path / name for name in ("in", "b.jpg", "c.png")]
    code, _, told = inside(*inputs, tmp_path / "out", "--keep-times", "--device", "cpu")
    assert code == 0, told
    made = [tmp_path / "out" / name for name in ("in/sub/a.png", "b.jpg", "c.png")]
    # File systems round times, some to 100 nanoseconds.
    assert [abs(path.stat().st_mtime_ns - before) < 1000 for path in made] == [True] * 3
    _, told, _ = inside(*inputs, tmp_path / "out", "--resume", "--json", "--device", "cpu")
    assert [json.loads(line)["status"] for line in told.splitlines()[:-1]] == ["done"] * 3
    assert inside(*inputs, tmp_path / "out", "--watch")[0] == 2


def test_strict_rejects_damaged_pictures(tmp_path: Path) -> None:
    save(tmp_path / "in/sound.png", picture(20, 30))
    (tmp_path / "in/x.tga").write_bytes(DAMAGED)
    code, _, told = inside(tmp_path / "in", tmp_path / "out", "--device", "cpu")
    assert (code, list(outputs(tmp_path / "out"))) == (0, ["sound.png", "x.png"])
    assert "x.tga: damaged: its last run" in told.replace("\n", " ")
    code, _, told = inside(tmp_path / "in", tmp_path / "strict", "--strict", "--device", "cpu")
    assert (code, list(outputs(tmp_path / "strict"))) == (1, ["sound.png"])
    assert "or leave out --strict" in told.replace("\n", " ")


def test_all_frames_of_animations(tmp_path: Path) -> None:
    """Planned, enhanced, reported, and not done again."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    frames = [Image.fromarray(picture(12, 16, seed=n)) for n in range(3)]
    for name in ("a.gif", "b.webp", "c.png"):
        frames[0].save(source / name, save_all=True, append_images=frames[1:], duration=50, loop=0)
    frames[0].save(source / "d.gif")
    _, planned, _ = inside(source, out, "--frames", "all", "--dry-run", "--json")
    names = ["a.gif", "b.webp", "c.png", "d.png"]
    assert [Path(json.loads(line)["target"]).name for line in planned.splitlines()] == names
    report = tmp_path / "r.csv"
    options = ("--frames", "all", "--threads", 1, "--json")
    code, told, _ = inside(source, out, *options, "--report", report)
    assert code == 0
    found = [json.loads(line) for line in told.splitlines()][:-1]
    assert [one["note"].split(";")[0] for one in found] == ["3 frames", "3 frames", "3 frames", ""]
    assert [one["size_out"] for one in found] == [[32, 24]] * 4
    assert [getattr(Image.open(out / name), "n_frames", 1) for name in names] == [3, 3, 3, 1]
    with report.open(newline="") as file:
        assert [row["note"].split(";")[0] for row in csv.DictReader(file)] == ["3 frames", "3 frames", "3 frames", ""]
    _, told, _ = inside(source, out, *options, "--resume")
    assert [json.loads(line)["status"] for line in told.splitlines()[:-1]] == ["done"] * 4
