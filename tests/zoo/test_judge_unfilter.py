"""What unfilter is judged by: edits that are no training's, and how sure it may be."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import picture

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import judge_unfilter
    import judged_card
    import unseen_edits

    return {module.__name__: module for module in (judge_unfilter, judged_card, unseen_edits)}


def test_each_edit_changes_a_picture_and_keeps_its_shape(scripts: dict[str, ModuleType]) -> None:
    photo = picture(60, 90)
    for name, edit in scripts["unseen_edits"].EDITS.items():
        made = edit(photo)
        assert made.shape == photo.shape, name
        assert made.dtype == np.uint8, name
        np.testing.assert_array_equal(made, edit(photo), err_msg=name)
        assert np.abs(made.astype(int) - photo).mean() > 0.8, name


def test_training_has_none_of_them() -> None:
    names = ("unseen_edits", "instafilter")
    package = Path(sys.modules["restore"].__file__ or "").parent
    assert not [path for path in package.rglob("*.py") if any(name in path.read_text("utf-8") for name in names)]


def test_reliability_by_tenths(scripts: dict[str, ModuleType]) -> None:
    sure = [(0.12, False), (0.18, True), (0.95, True), (1.0, True), (1.0, False)]
    rows = scripts["judge_unfilter"].reliability(sure)
    assert rows == [
        {"from": 0.1, "count": 2, "said": 0.15, "right": 0.5},
        {"from": 0.9, "count": 3, "said": 0.983, "right": 0.667},
    ]
    curve = scripts["judged_card"].curve({"before": {"reliability": rows}, "unfilter": {"reliability": rows}})
    assert curve.count("<polyline") == 2
