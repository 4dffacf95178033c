"""scripts/train_zoo.py: what is trained of a folder of models/, in which order, and how it goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from restore.zoo.find import shipped_folder
from scripts import train_zoo

Told = list[list[str]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What is run, as lists of words, instead of hours of it."""
    commands: Told = []
    monkeypatch.setattr(train_zoo, "restore", lambda *words: commands.append(list(words)))
    monkeypatch.setattr(train_zoo, "script", lambda *words: commands.append(list(words)))
    return commands


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with one in it, whose recipe is that of sr-x2."""
    folder = tmp_path / "models"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine/recipe.yaml").write_text((shipped_folder() / "sr-x2/recipe.yaml").read_text())
    monkeypatch.setattr(train_zoo, "ROOT", tmp_path)
    return folder


def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    where = ["--data", "photographs", "--testsets", "sets", "--runs", str(tmp_path / "runs"), *more]
    monkeypatch.setattr(sys, "argv", ["train_zoo.py", "mine", *where, "--threads", "1", "--workers", "2"])
    train_zoo.main()


def trained(told: Told) -> Told:
    return [words[1:] for words in told if words[0] == "train"]


def test_a_recipe_alone(models: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, monkeypatch)
    end = ["--data", "photographs", "--out", str(tmp_path / "runs/mine"), "--threads", "1", "--workers", "2"]
    assert trained(told) == [[str(models / "mine/recipe.yaml"), *end]]
    assert [words[0] for words in told] == ["train", "export", "export", "make_cards.py"]


def test_what_restores_at_its_size_is_rounded_by_pairs(
    models: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "mine/recipe.yaml").write_text((shipped_folder() / "photo-x1/recipe.yaml").read_text())
    make(tmp_path, monkeypatch)
    pairs = tmp_path / "runs/mine-pairs"
    assert [words[0] for words in told] == ["train", "export", "degraded_pairs.py", "export", "make_cards.py"]
    assert {f"--check={pairs / 'held/target'}", f"--check-input={pairs / 'held/input'}"} <= set(told[3])
    assert f"--calibrate={pairs / 'seen/input'}" in told[3]


def test_what_comes_before_is_trained_first_and_begun_with_by_both(
    models: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("start", "control"):
        (models / f"mine/{name}.yaml").write_text("not read here")
    make(tmp_path, monkeypatch)
    begun = [words[: words.index("--data")] for words in trained(told)]
    start = ["--start", str(tmp_path / "runs/mine-start")]
    assert begun == [
        [str(models / "mine/start.yaml")],
        [str(models / "mine/recipe.yaml"), *start],
        [str(models / "mine/control.yaml"), *start],
    ]


def test_a_model_may_begin_with_the_weights_of_another_and_stay_in_fp32(
    models: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_zoo, "BEGINS", {"mine": "photo-x1"})
    monkeypatch.setattr(train_zoo, "_FP32_ONLY", {"mine"})
    make(tmp_path, monkeypatch)
    assert [words[0] for words in told] == ["train", "export", "make_cards.py"], "not in 8 bits"
    assert [words[:3] for words in trained(told)] == [[str(models / "mine/recipe.yaml"), "--start", "photo-x1"]]


def test_stages_follow_one_another(models: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of their numbers, the tenth after the ninth."""
    names = ["start", *(f"start-{number}" for number in range(2, 11))]
    for name in names:
        (models / f"mine/{name}.yaml").write_text("not read here")
    make(tmp_path, monkeypatch)
    begun = [words[: words.index("--data")] for words in trained(told)]
    recipes = [str(models / f"mine/{name}.yaml") for name in (*names, "recipe")]
    before = [[], *(["--start", str(tmp_path / f"runs/mine-{name}")] for name in names)]
    assert begun == [[recipe, *start] for recipe, start in zip(recipes, before, strict=True)]


def test_each_goes_on_where_it_was(models: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (models / "mine/start.yaml").write_text("not read here")
    for name in ("mine-start", "mine"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "last.safetensors").touch()
    make(tmp_path, monkeypatch)
    assert [words[: words.index("--data")] for words in trained(told)] == [["--resume"]] * 2


def test_the_teacher_is_where_the_user_says(
    models: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results are kept beside the run; recipes without one are trained as they are."""
    taught = "teacher: {file: large.pth, samples: 10}\nlosses: [{kind: l1, teacher: true}]\n"
    (models / "mine/start.yaml").write_text(f"base: sr-x2\n{taught}")
    make(tmp_path, monkeypatch, "--teacher", "elsewhere/large.pth")
    first, second = (words[: words.index("--data")] for words in trained(told))
    kept = tmp_path / "runs/mine-start-teacher"
    assert first[1:] == ["--set", "teacher.file=elsewhere/large.pth", "--set", f"teacher.cache={kept}"]
    assert second[1:] == ["--start", str(tmp_path / "runs/mine-start")]
