"""Models by name and path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from restore.errors import ModelError
from restore.runtime.model import open_model
from restore.training.recipe_file import load_recipe
from restore.zoo.find import entries, find, shipped_folder, user_folder


def test_shipped_models_are_what_they_say() -> None:
    found = {entry.name: open_model(entry.file, "cpu").spec for entry in entries()}
    assert {"sr-x2", "sr-x4", "photo-x1", "photo-x4", "backlit", "unfilter"} <= set(found)
    for name, spec in found.items():
        assert spec.name == name
        most = {"super-resolution": 150_000, "restoration": 350_000, "enhancement": 300_000, "filter-removal": 500_000}
        assert spec.parameters <= (1_000_000 if name.endswith("-large") else most[spec.task])
        assert spec.licence
        assert spec.data
        assert spec.recipe == load_recipe(shipped_folder() / name / "recipe.yaml").digest(), "trained by another recipe"
        assert (shipped_folder() / name / "card.md").is_file()
    assert (found["sr-x2"].scale, found["sr-x4"].scale) == (2, 4)


def test_by_name_and_by_path(small_model: Path) -> None:
    assert find("sr-x2") == shipped_folder() / "sr-x2" / "sr-x2.onnx"
    assert find(str(small_model)) == small_model


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(ModelError, match="did you mean 'sr-x4'"):
        find("srx4")
    with pytest.raises(ModelError, match="available: .*sr-x2"):
        find("completely different")
    with pytest.raises(ModelError, match="no such model file"):
        find("nowhere/x.onnx")


def test_own_folder_of_models(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    shutil.copy(small_model, tmp_path / "mine" / "mine.onnx")
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path))
    assert find("mine") == tmp_path / "mine" / "mine.onnx"


def test_naming_folders_hides_no_other(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was imported before the variable was set is still there; the folders that it names come first."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    platform, named = tmp_path / "data/restore/models", tmp_path / "named"
    for folder, names in ((platform, ("mine", "both")), (named, ("both",))):
        for name in names:
            (folder / name).mkdir(parents=True)
            shutil.copy(small_model, folder / name / f"{name}.onnx")
    assert find("mine") == platform / "mine/mine.onnx"
    monkeypatch.setenv("RESTORE_MODELS", str(named))
    assert find("mine") == platform / "mine/mine.onnx"
    assert find("both") == named / "both/both.onnx"
    assert user_folder() == named
