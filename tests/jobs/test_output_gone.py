"""Nothing is claimed that is not there: the output folder is removed, renamed or emptied while a job runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.jobs import local_engine
from restore.jobs.earlier_results import taken
from restore.jobs.journal import Journal, OutputGoneError
from restore.jobs.outcome import Outcome
from restore.jobs.pipeline import run_job
from restore.jobs.plan import make_plan
from restore.jobs.settings import Settings
from tests.conftest import picture, save
from tests.jobs.streams import one_by_one

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a folder in use")


def remove(out: Path) -> None:
    shutil.rmtree(out)


def rename(out: Path) -> None:
    out.rename(out.with_name("renamed"))


def replace(out: Path) -> None:
    """As another job does that starts in an empty folder of the same name."""
    rename(out)
    with Journal(out, "another") as journal:
        journal.append("x", "y", "z", b"")


def remove_journal(out: Path) -> None:
    (out / ".restore-journal.jsonl").unlink()


def begin(photos: Path, out: Path, after: int, what: Callable[[Path], None]) -> list[Outcome]:
    """A job during which something happens to its output folder when so many results are written."""
    told: list[Outcome] = []
    seen = 0

    def watching(pixels: np.ndarray) -> np.ndarray:
        nonlocal seen
        seen += 1
        if seen == after:
            what(out)
        return pixels

    with Journal(out, "key") as journal:
        plan = make_plan(photos, out, existing="overwrite")
        run_job(plan, one_by_one(watching), told.append, Settings(workers=1), journal)
    return told


@pytest.mark.parametrize("what", [remove, rename, replace, remove_journal])
def test_an_output_folder_that_is_not_there_any_more_stops_the_job(
    photos: Path, tmp_path: Path, what: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    with pytest.raises(OutputGoneError, match="was removed, renamed or unmounted") as stopped:
        begin(photos, out, 3, what)
    assert str(out) in str(stopped.value)
    assert "--resume" in str(stopped.value)
    assert stopped.value.exit_code == 1
    assert not list(out.rglob("4.png")), "it goes on in a folder that nobody asked for"
    if what in (remove, rename):
        assert not out.exists(), "it makes the folder again"


def test_a_share_that_numbers_its_files_anew_is_no_other_folder(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, numbers = Path.stat, iter(range(10**9, 2 * 10**9))

    def renumbered(path: Path, **options: bool) -> os.stat_result:
        found = real(path, **options)
        if path.suffix != ".jsonl":
            return found
        values = list(found)
        values[1] = next(numbers)
        more = {"st_mtime_ns": found.st_mtime_ns, "st_atime_ns": found.st_atime_ns, "st_ctime_ns": found.st_ctime_ns}
        return os.stat_result(values, more)

    monkeypatch.setattr(Path, "stat", renumbered)
    assert [o.status for o in begin(photos, tmp_path / "out", 99, remove)] == ["enhanced"] * 5


@pytest.mark.parametrize("as_json", [True, False])
def test_results_that_are_gone_at_the_end_are_failures(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    """A subfolder is removed after its pictures were told: the last word is that they failed."""
    out, report = tmp_path / "out", tmp_path / "r.json"
    run = local_engine.run_job

    def then_removed(*arguments: object) -> None:
        run(*arguments)
        shutil.rmtree(out / "a")

    monkeypatch.setattr(local_engine, "run_job", then_removed)
    arguments = ["enhance", photos, out, "--report", report, "--threads", "1", *["--json"] * as_json]
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 1
    *pictures, summary = json.loads(report.read_text()).values()
    assert (summary["enhanced"], summary["failed"]) == (3, 2)
    found = {Path(one["source"]).name: one["status"] for one in pictures[0]}
    assert found == {f"{i}.png": "failed" if i % 2 else "enhanced" for i in range(5)}
    assert len(pictures[0]) == 5
    assert done.stderr.count("has been removed, renamed or moved since") == 2
    if as_json:
        last = {one["source"]: one for one in map(json.loads, done.stdout.splitlines()) if one["type"] == "picture"}
        assert {Path(source).name for source, one in last.items() if one["status"] == "failed"} == {"1.png", "3.png"}
    else:
        assert "3 enhanced, 2 failed" in done.stdout


def test_a_second_job_in_the_folder_is_refused_before_anything_heavy(photos: Path, tmp_path: Path) -> None:
    from restore.jobs.lock import locked

    out = tmp_path / "out"
    out.mkdir()
    with locked(out, (1, 1)):
        done = CliRunner().invoke(main, ["enhance", str(photos), str(out), "--resume"])
        assert done.exit_code == 2
        assert f"another job (process {os.getpid()} on" in done.stderr
        assert {p.name for p in out.iterdir()} == {".restore-lock"}


def result_of_another_job(photos: Path, out: Path) -> str:
    with Journal(out, "key") as journal, Journal(out, "key", (1, 2)) as other:
        data = b"made by the other"
        other.append("a/1.png", "digest", "a/1.png", data)
        (out / "a").mkdir()
        (out / "a/1.png").write_bytes(data)
        item = next(i for i in make_plan(photos, out, existing="overwrite").items if i.target_name == "a/1.png")
        return taken(item, journal.index).error


def test_who_made_a_file_is_said_only_where_it_is_known(photos: Path, tmp_path: Path) -> None:
    assert "has just been written by another job of restore" in result_of_another_job(photos, tmp_path / "out")
    with Journal(tmp_path / "b", "key") as journal:
        (tmp_path / "b/a/1.png").mkdir(parents=True)
        save(tmp_path / "b/b/0.png", picture(5, 5))
        (tmp_path / "b/b/2.png").symlink_to("nowhere")
        items = {i.source.stem: i for i in make_plan(photos, tmp_path / "b", existing="overwrite").items}
        assert "is a folder: move it away" in taken(items["1"], journal.index).error
        assert "is not a result of restore, as far as the journal" in taken(items["0"], journal.index).error
        assert "cannot be read to find out what it is (No such file" in taken(items["2"], journal.index).error
