"""Going on: nothing is done twice, nothing of anybody else's is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restore.jobs.journal import Journal
from restore.jobs.outcome import Outcome
from restore.jobs.pipeline import run_job
from restore.jobs.plan import make_plan
from restore.jobs.settings import Settings
from tests.conftest import picture, save
from tests.jobs.streams import one_by_one


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def work(
    photos: Path, out: Path, key: str = "key", until: int = 99, overwrite: bool = False, resume: bool = True
) -> dict[str, Outcome]:
    """One run of a job, interrupted before picture number ``until``; what was told, by stem."""
    seen: list[int] = []

    def double(pixels: np.ndarray) -> np.ndarray:
        if len(seen) == until:
            raise KeyboardInterrupt
        seen.append(1)
        return pixels.repeat(2, axis=0).repeat(2, axis=1)

    told: list[Outcome] = []
    plan = make_plan(photos, out, existing="overwrite")
    settings = Settings(overwrite=overwrite, resume=resume)
    with Journal(out, key) as journal:
        try:
            run_job(plan, one_by_one(double), told.append, settings, journal)
        except KeyboardInterrupt:
            assert until < 99
    return {outcome.item.source.stem: outcome for outcome in told}


def statuses(told: dict[str, Outcome]) -> str:
    return "".join(told[stem].status[0] if stem in told else "-" for stem in "01234")


def identities(out: Path) -> dict[str, tuple[int, int]]:
    return {p.stem: (p.stat().st_ino, p.stat().st_mtime_ns) for p in out.rglob("[0-9].png")}


def test_an_interrupted_job_goes_on(photos: Path, out: Path) -> None:
    begun = work(photos, out, until=2)
    before = identities(out)
    assert set(begun) == set(before)
    told = work(photos, out)
    assert {stem for stem, outcome in told.items() if outcome.status == "done"} == set(before)
    assert identities(out).items() >= before.items()
    assert len(identities(out)) == 5
    assert statuses(work(photos, out)) == "ddddd"


def test_what_changed_is_done_again(photos: Path, out: Path) -> None:
    work(photos, out)
    save(photos / "a/1.png", picture(30, 30, seed=77))
    assert statuses(work(photos, out)) == "deddd"
    assert statuses(work(photos, out, key="another model")) == "eeeee"
    (out / "b/2.png").unlink()
    assert statuses(work(photos, out, key="another model")) == "ddedd"


def test_going_back_to_an_earlier_model_trusts_no_old_entry(photos: Path, out: Path) -> None:
    """The journal holds lines for both; the file there is the second's."""
    work(photos, out, key="first")
    for path in out.rglob("[0-9].png"):
        path.write_bytes(path.read_bytes() + b"made otherwise")
    work(photos, out, key="second", overwrite=True)
    (out / "b/0.png").write_bytes(b"neither's")
    assert statuses(work(photos, out, key="second")) == "fdddd"


@pytest.mark.parametrize("change", ["retouched", "made before"])
def test_somebody_elses_file_is_refused_for_its_picture(photos: Path, out: Path, change: str) -> None:
    if change == "retouched":
        work(photos, out)
    save(out / "a/1.png", picture(5, 5))
    before = (out / "a/1.png").read_bytes()
    told = work(photos, out)
    assert statuses(told) == ("dfddd" if change == "retouched" else "efeee")
    why = {"retouched": "was changed since restore wrote it", "made before": "is not a result of restore"}[change]
    assert why in told["1"].error
    assert "--overwrite" in told["1"].error
    assert (out / "a/1.png").read_bytes() == before
    assert statuses(work(photos, out, overwrite=True)) == "deddd"
    assert statuses(work(photos, out)) == "ddddd"


def test_a_file_retouched_while_its_picture_is_in_the_network_is_kept(photos: Path, out: Path) -> None:
    work(photos, out)
    save(photos / "a/1.png", picture(30, 30, seed=77))

    def meddling(pixels: np.ndarray) -> np.ndarray:
        (out / "a/1.png").write_bytes(b"retouched")
        return pixels

    told: list[Outcome] = []
    with Journal(out, "key") as journal:
        plan = make_plan(photos, out, existing="overwrite")
        run_job(plan, one_by_one(meddling), told.append, Settings(resume=True), journal)
    assert statuses({o.item.source.stem: o for o in told}) == "dfddd"
    assert (out / "a/1.png").read_bytes() == b"retouched"


def test_a_broken_picture_is_tried_again(photos: Path, out: Path) -> None:
    (photos / "b/2.png").write_bytes(b"broken")
    assert statuses(work(photos, out)) == "eefee"
    assert statuses(work(photos, out)) == "ddfdd"
    save(photos / "b/2.png", picture(8, 8))
    assert statuses(work(photos, out)) == "ddedd"


def test_without_resume_what_is_there_is_done_again(photos: Path, out: Path) -> None:
    work(photos, out)
    assert statuses(work(photos, out, overwrite=True, resume=False)) == "eeeee"
