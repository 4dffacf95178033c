"""scripts/degraded_pairs.py: the photographs that a recipe holds out, degraded and as they are."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from restore.training.recipe_file import parse_recipe
from tests.conftest import SAMPLES

RECIPE = """
name: mine
scale: 1
network: {kind: residual, width: 16, blocks: 1, unshuffle: 2, strength: true}
data: {train: [photos], patch: 16, holdout: 2, degradation: {preset: web}}
validation: {crop: 96}
losses: [{kind: l1}]
"""


SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def degraded_pairs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import degraded_pairs

    return degraded_pairs


def test_pairs(degraded_pairs: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number, path in enumerate(sorted(SAMPLES.rglob("*.*g"))[:3]):
        shutil.copy(path, tmp_path / "photos" / f"{number}{path.suffix}")
    assert degraded_pairs.write_pairs(parse_recipe(RECIPE, "mine.yaml"), tmp_path, tmp_path / "pairs") == 2
    first = {}
    for part in ("held/input", "held/target", "seen/input"):
        files = sorted((tmp_path / "pairs" / part).iterdir())
        assert len(files) == (1 if part == "seen/input" else 2)
        first[part] = np.asarray(Image.open(files[0])).astype(int)
    assert first["held/input"].shape == first["held/target"].shape == (96, 96, 3)
    assert 0.5 < np.abs(first["held/input"] - first["held/target"]).mean() < 40
    names = [{file.name for file in (tmp_path / "pairs/held" / part).iterdir()} for part in ("input", "target")]
    assert names[0] == names[1]


def test_only_for_recipes_that_keep_the_size(degraded_pairs: ModuleType, tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE.replace("scale: 1", "scale: 2"), "mine.yaml")
    with pytest.raises(SystemExit, match="does not restore degraded photographs at their size"):
        degraded_pairs.write_pairs(recipe, tmp_path, tmp_path / "pairs")
