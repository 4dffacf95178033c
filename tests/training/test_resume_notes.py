"""A run that goes on with other options or photographs says so."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from restore.training.checkpoint import LAST, Checkpoint
from restore.training.recipe_file import parse_recipe
from restore.training.resume_notes import data_notes, option_notes
from restore.training.train import Options, start
from tests.conftest import picture, save
from tests.training.test_loop import RECIPE, stopping_at


def notes(*changes: str, step: int = 12, text: str = RECIPE) -> list[str]:
    return list(option_notes(parse_recipe(text, "r"), parse_recipe(text, "r", changes), changes, step))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("train.batch=8", "changed from step 12 on: train.batch: 4 -> 8"),
        ("train.batch=4", "--set train.batch=4: no effect, the run has this value already"),
        ("train.schedule.warmup=2", "train.schedule.warmup: 4 -> 2"),
        ("train.seed=1", "train.seed: 0 -> 1 (no effect: on the weights"),
        ("train.ema=0.9", "train.ema: 0.999 -> 0.9"),
    ],
)
def test_options(change: str, says: str) -> None:
    (line,) = notes(change)
    assert says in line


def test_options_whose_time_is_over() -> None:
    text = RECIPE + "losses: [{kind: l1, begin: 0}, {kind: psnr, begin: 3}]\n"
    assert notes("losses.1.begin=5", text=text)[0].endswith("(no effect: the loss has begun already)")
    assert notes("losses.1.begin=20", text=text) == ["changed from step 12 on: losses.1.begin: 3 -> 20"]
    flat = RECIPE.replace("schedule: {warmup: 4}", "schedule: {warmup: 4, floor: 1.0}")
    assert (
        "no effect: the learning rate of the remaining steps is the same"
        in notes("train.schedule.warmup=6", text=flat)[0]
    )
    assert "no effect" not in notes("train.schedule.warmup=6", text=flat, step=2)[0]


def test_a_finished_run() -> None:
    assert notes(step=24) == ["all 24 steps are done: raise train.steps to train on"]


def test_nothing_is_said_when_nothing_changed() -> None:
    assert notes() == []
    assert list(data_notes(None, {"photographs": 1, "training": "a", "validation": "b"})) == []


def go(data: Path, *changes: str, resume: bool = False) -> str:
    (data / "recipe.yaml").write_text(RECIPE)
    screen = io.StringIO()
    options = Options(None, resume, changes, "cpu", threads=1, workers=0)
    start(None if resume else data / "recipe.yaml", data, data / "run", options, Console(file=screen, width=300))
    return screen.getvalue()


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    for number in range(12):
        save(tmp_path / f"photos/{number:02}.png", picture(70, 96, seed=number))
    with stopping_at(12):
        go(tmp_path)
    return tmp_path


def test_the_same_photographs(stopped: Path) -> None:
    best = Checkpoint(stopped / "run" / LAST).facts["best"]
    said = go(stopped, resume=True)
    assert "not those" not in said
    assert Checkpoint(stopped / "run" / LAST).facts["best"] >= best
    assert "all 24 steps are done" in go(stopped, resume=True)


def test_other_photographs(stopped: Path) -> None:
    """One more at the end: other pictures are held out, too."""
    facts = Checkpoint(stopped / "run" / LAST).facts
    assert facts["best"] > 0
    save(stopped / "photos/99.png", picture(90, 96, seed=99))
    said = go(stopped, "train.steps=13", "validation.every=100", resume=True)
    assert "photographs to train on are not those that the run was saved with (10 then, 11 now)" in said
    assert "The pictures to validate on are not those" in said
    assert said.count("the previous best score no longer applies") == 1
    assert "changed from step 12 on: train.steps: 24 -> 13" in said


def test_a_replaced_photograph_that_is_not_held_out(stopped: Path) -> None:
    save(stopped / "photos/00.png", picture(90, 96, seed=77))
    said = go(stopped, resume=True)
    assert "(some were replaced or renamed)" in said
    assert "The pictures to validate on" not in said
