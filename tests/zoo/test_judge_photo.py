"""Judging models for photographs on every preset: what is compared with what."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import generator
from restore.metrics.psnr import psnr
from restore.metrics.sr_protocol import bicubic
from restore.runtime.model import open_model
from restore.zoo.find import find
from tests.conftest import picture

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def judge_photo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import judge_photo

    return judge_photo


def photographs(folder: Path) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        Image.fromarray(picture(48, 60, seed=number)).save(path)
    return paths


def test_methods_are_compared_with_the_originals(judge_photo: ModuleType, tmp_path: Path) -> None:
    model = open_model(find("sr-x2"), "cpu")
    found = judge_photo.judge({"sr-x2": model}, "web", photographs(tmp_path), ["psnr"], {}, tmp_path / "look")
    wanted = []
    for number in range(2):
        high = picture(48, 60, seed=number)
        low = second_order(high, 2, SecondOrder(preset="web"), generator(0, number))
        wanted.append(psnr(bicubic(low, 2)[2:-2, 2:-2], high[2:-2, 2:-2]))
    assert list(found) == ["bicubic", "sr-x2"]
    assert found["bicubic"]["psnr"] == pytest.approx(np.mean(wanted), abs=1e-3)
    assert 15 < found["sr-x2"]["psnr"] < 45
    assert sorted(path.name for path in (tmp_path / "look").iterdir()) == ["web-0.png", "web-1.png"]


def test_a_picture_that_needs_nothing_counts_as_100(judge_photo: ModuleType, tmp_path: Path) -> None:
    found = judge_photo.judge(
        {"backlit": open_model(find("backlit"), "cpu")}, "clean", photographs(tmp_path), ["psnr"], {}
    )
    assert list(found) == ["input", "backlit"]
    assert found["input"]["psnr"] == 100


def test_the_card_shows_each_preset_and_marks_the_model(
    judge_photo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import presets_card

    row = {"psnr": 25.004, "lpips": 0.3, "dists": 0.2, "niqe": 5.0, "seconds": 0.5}
    judged = {"print": {"bicubic": row, "mine": row}, "web": {"bicubic": row, "mine": row, "mine.int8": row}}
    lines = presets_card.section(judged, "mine").splitlines()
    assert "| web | bicubic | 25.00 | 0.300 | 0.200 | 5.00 | 0.50 |" in lines
    assert "|  | **mine int8** | 25.00 | 0.300 | 0.200 | 5.00 | 0.50 |" in lines
    assert lines.index("| web | bicubic | 25.00 | 0.300 | 0.200 | 5.00 | 0.50 |") < lines.index(
        "| print | bicubic | 25.00 | 0.300 | 0.200 | 5.00 | 0.50 |"
    )
    text = "\n".join(lines)
    assert "judge_photo.py mine models/mine/mine.int8.onnx --testsets" in text
    assert "--metric" not in text
    some = {"web": {"input": {"psnr": 25.0, "lpips": 0.3, "seconds": 0.5}, "mine": row}}
    text = presets_card.section(some, "mine")
    assert "| web | input | 25.00 | 0.300 | 0.50 |" in text
    assert "--metric psnr --metric lpips --weights lpips=alexnet.safetensors --out" in text
    assert "DISTS" not in text
