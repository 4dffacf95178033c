"""Damaged photographs are skipped, named and counted, and those too small for a patch are said at the start."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from restore.data.dataset import PairDataset
from restore.data.sources.bicubic import PatchPairs
from restore.errors import DataError, ImageError
from restore.training.checkpoint import LAST
from restore.training.recipe_file import parse_recipe
from restore.training.skipped_photos import SkippedPhotos
from restore.training.train import Options, start
from restore.training.training_data import open_training_data
from tests.conftest import picture, save
from tests.training.test_loop import RECIPE, assert_same, stopping_at


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(12):
        save(tmp_path / f"photos/{number:02}.png", picture(70, 96, seed=number))
    return tmp_path


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def go(data: Path, run: str, *changes: str, resume: bool = False, workers: int | None = 0) -> tuple[bool, str]:
    (data / "recipe.yaml").write_text(RECIPE)
    screen = io.StringIO()
    options = Options(None, resume, changes, "cpu", threads=1, workers=workers)
    console = Console(file=screen, width=300)
    done = start(None if resume else data / "recipe.yaml", data, data / run, options, console)
    return done, screen.getvalue()


def test_it_is_skipped_named_and_counted(data: Path) -> None:
    cut_off(data / "photos/04.png")
    (data / "photos/07.png").write_text("no")
    done, said = go(data, "run", "train.batch=8")
    assert done
    for name in ("04.png: damaged", "07.png: not a picture"):
        assert said.count(name) == 1, said
    assert "2 damaged photographs skipped" in said


def test_the_run_is_the_same_with_workers_and_after_a_resume(data: Path) -> None:
    """Even if the photograph broke while the run was stopped, as long as it was not drawn before."""
    cut_off(data / "photos/04.png")
    assert go(data, "whole")[0]
    assert go(data, "workers", workers=1)[0]
    assert_same(data / "whole" / LAST, data / "workers" / LAST)
    with stopping_at(9):
        assert not go(data, "stopped")[0]
    assert go(data, "stopped", resume=True)[0]
    assert_same(data / "whole" / LAST, data / "stopped" / LAST)


def test_what_is_not_decoded_before_the_run_is_found_by_it(data: Path) -> None:
    """In workers too: 48 samples of 50 photographs are too few to decode all of them first."""
    for number in range(12, 50):
        save(data / f"photos/{number:02}.png", picture(70, 96, seed=number))
    for number in range(0, 50, 3):
        cut_off(data / f"photos/{number:02}.png")
    runs = [go(data, f"run{workers}", "train.steps=12", workers=workers) for workers in (0, 1)]
    assert_same(data / "run0" / LAST, data / "run1" / LAST)
    said = [{line for line in text.splitlines() if line.startswith("skipped")} for _, text in runs]
    assert said[0] == said[1]
    assert len(said[0]) > 5


def test_the_held_out_pictures_stay(data: Path) -> None:
    recipe = parse_recipe(RECIPE, "r")
    before = open_training_data(recipe, data, 2**20)
    names = [sample.name for sample in before.samples]
    cut_off(data / "photos/04.png")
    cut_off(data / f"photos/{names[0]}.png")
    after = open_training_data(recipe, data, 2**20)
    assert [sample.name for sample in after.samples] == names[1:]
    assert len(after.skipped) == 1
    assert f"{names[0]}.png: damaged" in after.skipped[0]
    assert after.dataset.stores()[0].paths == before.dataset.stores()[0].paths
    for name in names:
        cut_off(data / f"photos/{name}.png")
    with pytest.raises(DataError, match=r"none of the pictures to validate on can be used: .*\.png: damaged"):
        open_training_data(recipe, data, 2**20)


def test_the_rest_of_the_held_out_pictures_keeps_its_degradation(data: Path) -> None:
    text = RECIPE.replace("holdout: 2}", "holdout: 3, degradation: {preset: heavy}}")
    recipe = parse_recipe(text, "r")
    before = open_training_data(recipe, data, 2**20).samples
    cut_off(data / f"photos/{before[0].name}.png")
    after = open_training_data(recipe, data, 2**20).samples
    assert [one.name for one in after] == [one.name for one in before[1:]]
    for one, other in zip(after, before[1:], strict=True):
        np.testing.assert_array_equal(one.low, other.low)


def test_too_small_ones_are_said_at_the_start(data: Path) -> None:
    save(data / "photos/00-icon.png", picture(16, 40))
    assert "1 of 11 photographs is too small for data.patch and never used: " in go(data, "one")[1]
    for number in range(5):
        save(data / f"photos/01-{number}.png", picture(16, 40))
    said = go(data, "many")[1]
    assert "photographs are too small for data.patch" in said
    assert "00-icon.png, " in said
    assert "more" in said


class Broken(PairDataset):
    def cut(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        raise ImageError("a.png: damaged")


def test_a_set_of_nothing_but_damage_ends() -> None:
    with pytest.raises(ImageError, match=r"hardly any photograph can be read; the last that failed: a\.png"):
        Broken().draw(0)


def test_a_damaged_file_is_read_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off(data / "photos/00.png")
    pairs = PatchPairs([data / "photos/00.png", data / "photos/01.png"], 2, 12, seed=0)
    for number in range(20):
        pairs.draw(number)
    assert list(pairs.store.damaged) == [0]
    monkeypatch.setattr("restore.data.folder.read_rgb8", lambda path: pytest.fail(f"{path} is read again"))
    for number in range(20):
        pairs.draw(number)


def test_only_the_first_are_named() -> None:
    lines: list[str] = []
    skipped = SkippedPhotos(lines.append)
    skipped.note(f"{number}.png: damaged" for number in range(30))
    skipped.note(["3.png: damaged"])
    assert len(lines) == 20
    assert skipped.summary() == (
        "30 damaged photographs skipped, 10 of them not named above; 'restore dataset check' lists them"
    )
