"""Tables of contrastive terms beside their controls: means, spreads, and differences of runs with the same seed."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from restore.recipes import find_recipe
from restore.training.recipe_file import load_recipe
from tests.conftest import picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import contrast_matrix

    return contrast_matrix


def scores(psnr: float, lpips: float) -> dict[str, dict[str, float]]:
    return {"fog": {"psnr": psnr, "lpips": lpips}}


def test_differences_are_between_runs_of_one_seed(matrix: ModuleType) -> None:
    """Seeds differ by 3 dB, arms by 0.5: only paired does it show."""
    results = {
        "input": {"-": scores(20, 0.5)},
        "control": {"0": scores(22, 0.40), "1": scores(25, 0.40), "2": scores(28, 0.40)},
        "positive": {"0": scores(22.5, 0.38), "1": scores(25.4, 0.42), "2": scores(28.6, 0.41)},
        "ratio": {"2": scores(20, 0.6)},
    }
    arms = dict.fromkeys(["control", "positive", "other", "ratio"], "")
    lines = matrix.tables(results, matrix.Task("", (), arms, ((), {})))
    assert "| input |  | 20.00 | 0.5000 |" in lines
    assert "| control | 3 | 25.00 (3.00) | 0.4000 (0.0000) |" in lines
    assert "| positive | **+0.50 (0.10) better** | +0.0033 (0.0208) |" in lines
    assert "| ratio | -8.00 | +0.2000 |" in lines, "one seed has no spread, so nothing is claimed"
    assert "Difference from `positive` with the same seed:" in lines


def test_later_measures_are_missing_in_earlier_results(matrix: ModuleType) -> None:
    later = {"fog": {"psnr": 20.0, "lpips": 0.5, "checkerboard": 1.0}}
    results = {"input": {"-": later}, "control": {"0": later}, "positive": {"0": scores(21, 0.4)}}
    lines = matrix.tables(results, matrix.Task("", (), {"control": "", "positive": ""}, ((), {})))
    assert "| arm | seeds | fog: PSNR, dB | fog: LPIPS | fog: checkerboard, levels |" in lines
    assert "| positive | 1 | 21.00 | 0.4000 |  |" in lines
    assert "| positive | +1.00 | -0.1000 |  |" in lines


def test_what_alternates_is_filtered_out(matrix: ModuleType) -> None:
    flat = np.full((20, 30, 3), 100, np.uint8)
    board = flat + 6 * ((np.add.outer(np.arange(20), np.arange(30)) % 2).astype(np.uint8)[..., None])
    assert (matrix.without_alternation(board) == 103).all()
    soft = cv2.GaussianBlur(picture(40, 40), (0, 0), 2)
    assert np.abs(matrix.without_alternation(soft).astype(int) - soft).max() <= 1


def test_every_arm_is_a_recipe(matrix: ModuleType) -> None:
    """Also those that have not been trained yet; a positive and its contrast pull equally."""
    for task in matrix.TASKS.values():
        assert task.also.keys() <= task.arms.keys()
        for arm, losses in (*task.arms.items(), *task.scan[1].items()):
            said = losses.replace("START", "start.safetensors")
            recipe = load_recipe(ROOT / task.recipe, [*task.changes, f"losses={said}", *task.also.get(arm, ())])
            assert recipe.losses[0].kind == "l1"
        assert list(task.arms)[: task.controls] == ["control", "positive"][: task.controls]
    assert find_recipe("dehaze").samefile(ROOT / matrix.TASKS["haze"].recipe)


def test_the_page_shows_the_results(matrix: ModuleType) -> None:
    page = matrix.PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"<!-- (\S+): begin -->\n(.*?)<!-- \1: end -->", page, re.DOTALL)
    assert {name for name, _ in shown} == {path.stem for path in (ROOT / "docs" / "contrast").glob("*.json")}
    for name, table in shown:
        results = matrix.read_results(name)
        assert table == "\n".join(["", *matrix.tables(results, matrix.TASKS[name]), ""])
        arms = matrix.TASKS[name].arms
        assert results.keys() - {"input"} <= {one for arm in arms for one in (arm, matrix.halved(arm))}
