"""PIRM's figures by their definition, its regions, and the files of other people's scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from skimage.metrics import mean_squared_error

from restore.cli.main import main
from restore.errors import DataError
from restore.imaging.color.conversions import luma
from restore.metrics.niqe import niqe
from restore.metrics.pirm import Rmse, perceptual_index, read_ma, region
from tests.conftest import picture, save
from tests.metrics.test_ciede2000 import noisy


def test_rmse_is_of_the_mean_of_the_squares_over_the_pictures() -> None:
    seen, squares = Rmse(4), []
    for seed, sigma in ((0, 3), (1, 30)):
        a = picture(40, 50, seed=seed)
        b = noisy(a, sigma)
        seen.add(b, a, "x")
        squares.append(mean_squared_error(luma(b)[4:-4, 4:-4].astype(float), luma(a)[4:-4, 4:-4].astype(float)))
    assert seen.value() == pytest.approx(np.sqrt(np.mean(squares)))


@pytest.mark.parametrize(
    ("rmse", "where"),
    [(11.5, "region 1"), (11.51, "region 2"), (12.5, "region 2"), (16, "region 3"), (16.1, "outside all regions")],
)
def test_regions(rmse: float, where: str) -> None:
    assert region(rmse).startswith(where)


def test_perceptual_index() -> None:
    """By its definition: NIQE 3 and Ma 8.5."""
    assert perceptual_index(3, 8.5) == 2.25


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ma.csv", "picture,ma\na.png,7.5\nsub/b.jpg,8\n"),
        ("ma.txt", "a,7.5\n\nb.png,8\n"),
        ("ma.json", json.dumps({"a.png": 7.5, "b": 8})),
        ("bom.csv", "\ufeffa.png,7.5\nb.png,8"),
    ],
)
def test_files_of_ma_scores(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_ma(tmp_path / name) == {"a": 7.5, "b": 8.0}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("ma.csv", "a.png,7.5\nb.png,many\n", "could not convert"),
        ("ma.csv", "a.png\n", "lines of name,score"),
        ("ma.csv", "a.png,11\n", "the Ma score of a is 11.0, but must be within 0..10"),
        ("ma.csv", "", "no scores"),
        ("ma.json", "[1, 2]", "JSON object"),
        ("ma.json", "{", "JSON object"),
        ("ma.json", '{"a": NaN}', "within 0..10"),
    ],
)
def test_wrong_files_are_told(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=name) as error:
        read_ma(tmp_path / name)
    assert says in str(error.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_ma(tmp_path / "none.csv")


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *(str(a) for a in arguments)])


def test_through_the_command(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / f"good/{name}.png", picture(200, 210))
        save(tmp_path / f"mine/{name}.png", noisy(picture(200, 210), 20))
    (tmp_path / "ma.csv").write_text("a.png,7\nb.png,8\n")
    command = ["--data", tmp_path / "good", "--predictions", tmp_path / "mine", "--scale", 4, "--metric", "pirm-rmse"]
    told = evaluate(*command, "--metric", "perceptual-index", "--ma", tmp_path / "ma.csv")
    assert told.exit_code == 0, told.output
    facts = json.loads(evaluate(*command, "--metric", "perceptual-index", "--ma", tmp_path / "ma.csv", "--json").stdout)
    where = region(facts["average"]["model"]["pirm-rmse"])
    assert f"PIRM RMSE of mine: {where}." in told.output
    made = noisy(picture(200, 210), 20)
    assert facts["average"]["model"]["perceptual-index"] == pytest.approx((niqe(made, 4) + 10 - 7.5) / 2)
    assert facts["pictures"][0]["model"]["pirm-rmse"] is None
    assert facts["intervals"]["mine"]["pirm-rmse"] is None
    assert facts["notes"] == {"pirm-rmse": f"mine: {where}"}
    assert "give them with --ma" in evaluate(*command, "--metric", "perceptual-index").output
    assert "add --metric perceptual-index" in evaluate(*command, "--ma", tmp_path / "ma.csv").output
    (tmp_path / "ma.csv").write_text("a.png,7\n")
    missing = evaluate(*command, "--metric", "perceptual-index", "--ma", tmp_path / "ma.csv")
    assert (missing.exit_code, "ma.csv has no Ma score for b" in missing.output) == (2, True)
