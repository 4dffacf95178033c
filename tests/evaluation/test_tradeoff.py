"""Quality against speed: each model's own figures, of the precision that was measured, and clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.errors import DataError
from restore.evaluation.tradeoff import read_tradeoff
from tests.conftest import picture, save

SHIPPED = Path(__file__).resolve().parents[2] / "models"


def run(*words: object) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def measured(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What the two commands really write of a shipped model, by name, and of a file."""
    folder = tmp_path_factory.mktemp("measured")
    for number in range(2):
        save(folder / f"hr/{number}.png", picture(48, 64, seed=number))
    models = [word for model in ("sr-x2", small_model) for word in ("--model", model)]
    quality = run("evaluate", *models, "--data", folder / "hr", "--json")
    speed = run("bench", *models, "--size", 64, "--repeats", 1, "--device", "cpu", "--json")
    for name, result in (("quality", quality), ("speed", speed)):
        assert result.exit_code == 0, result.output
        (folder / f"{name}.json").write_text(result.stdout)
    return folder / "quality.json", folder / "speed.json"


def test_each_model_has_its_own_figures(measured: tuple[Path, Path], small_model: Path) -> None:
    quality, speed = (json.loads(file.read_text()) for file in measured)
    found = read_tradeoff(*measured)
    assert [(point.model, point.device) for point in found.points] == [("sr-x2", "cpu"), ("small", "cpu")]
    assert found.title == "PSNR, dB"
    assert found.baseline == ("bicubic", quality["average"]["baseline"]["psnr"])
    for point in found.points:
        (row,) = [r for r in speed["rows"] if r["name"] == point.model and r["precision"] == "fp32"]
        assert point.speed == row["output_rate"]
        assert point.quality == quality["average"]["methods"][point.model]["psnr"]
        assert point.interval[0] <= point.quality <= point.interval[1]
    assert read_tradeoff(*measured, "ssim").title == "SSIM"


def test_of_a_file_of_8_bits_the_time_of_8_bits_counts(measured: tuple[Path, Path], tmp_path: Path) -> None:
    """It calls itself by the name of the model, which bench times in both precisions."""
    twin = SHIPPED / "sr-x2/sr-x2.int8.onnx"
    result = run("evaluate", "--model", twin, "--data", measured[0].parent / "hr", "--json")
    (tmp_path / "quality.json").write_text(result.stdout)
    rows = json.loads(measured[1].read_text())["rows"]
    (eight,) = [row["output_rate"] for row in rows if (row["name"], row["precision"]) == ("sr-x2", "int8")]
    (point,) = read_tradeoff(tmp_path / "quality.json", measured[1]).points
    assert (point.model, point.speed) == ("sr-x2", eight)


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_the_picture(measured: tuple[Path, Path], tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"t.{ending}"
    result = run("plot", "--quality", measured[0], "--speed", measured[1], "--out", out)
    assert result.exit_code == 0, result.output
    made = out.read_bytes()
    assert made.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[ending])
    if ending == "svg":
        for words in (">sr-x2<", ">bicubic<", ">PSNR, dB<", ">output megapixels per second<"):
            assert words.encode() in made
        run("plot", "--quality", measured[0], "--speed", measured[1], "--out", out)
        assert out.read_bytes() == made


def test_what_is_wrong_is_said(measured: tuple[Path, Path], tmp_path: Path) -> None:
    quality, speed = measured
    with pytest.raises(DataError, match="has no niqe, only psnr, ssim"):
        read_tradeoff(quality, speed, "niqe")
    with pytest.raises(DataError, match="not the output of restore evaluate --json"):
        read_tradeoff(speed, speed)
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read_tradeoff(tmp_path / "none.json", speed)
    empty = tmp_path / "empty.json"
    empty.write_text('{"rows": []}')
    with pytest.raises(DataError, match="no model is in both"):
        read_tradeoff(quality, empty)
    empty.write_text('{"rows": [{}]}')
    with pytest.raises(DataError, match="not the output of"):
        read_tradeoff(quality, empty)
    for words in ((), ("--quality", quality), (tmp_path, "--quality", quality, "--speed", speed)):
        result = run("plot", *words)
        assert result.exit_code == 2
        assert "give RUN..., or --quality and --speed" in result.output
    assert run("plot", tmp_path, "--metric", "psnr").exit_code == 2
