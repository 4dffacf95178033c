"""The calibrated file: the model's own result at 0, the transported one at 1, tiles as the whole, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from restore.calibration.gaussian import transport
from restore.calibration.patches import PatchCode
from restore.cli.main import main
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from tests.calibration.attached import calibrated, moments_of, run_at, some_map
from tests.conftest import picture, save


@pytest.mark.parametrize("bounds", [(0, 1), (-1, 1)])
@pytest.mark.parametrize("code", [PatchCode(1, 3), PatchCode(2, 3), PatchCode(4, 2)])
def test_the_file_computes_what_the_patches_say(
    small_model: Path, tmp_path: Path, code: PatchCode, bounds: tuple[int, int]
) -> None:
    low, high = bounds
    map = some_map(code)
    model = calibrated(small_model, tmp_path / "m.onnx", code, map, low=low, high=high)
    pixels = np.stack([picture(32, 40, seed=seed) for seed in (3, 4)]).transpose(0, 3, 1, 2) / 255
    batch = (low + (high - low) * pixels).astype(np.float32)
    plain = open_model(small_model, "cpu")(batch)
    np.testing.assert_array_equal(run_at(model, batch, 0, 0), plain)
    wanted = [low + (high - low) * code.moved((one.transpose(1, 2, 0) - low) / (high - low), map) for one in plain]
    inner = slice(code.reach, -code.reach)
    found = run_at(model, batch, 1, 0.25).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found[0][inner, inner], wanted[0][inner, inner], atol=1e-4)
    between = plain[1].transpose(1, 2, 0) + 0.25 * (wanted[1] - plain[1].transpose(1, 2, 0))
    np.testing.assert_allclose(found[1][inner, inner], between[inner, inner], atol=1e-4)
    assert np.abs(wanted[0] - plain[0].transpose(1, 2, 0)).mean() > 0.01 * (high - low), "the transport does something"


@pytest.mark.parametrize("code", [PatchCode(2, 3), PatchCode(4, 2)])
def test_tiles_are_the_whole_picture(small_model: Path, tmp_path: Path, code: PatchCode) -> None:
    model = calibrated(small_model, tmp_path / "m.onnx", code, some_map(code))
    pixels = picture(75, 93, seed=5)
    whole = enhance_pixels(pixels, model, model.spec, 4096, 0.7)
    np.testing.assert_array_equal(enhance_pixels(pixels, model, model.spec, 16, 0.7), whole)
    plain = open_model(small_model, "cpu")
    inner = slice(16, -16)  # the border of the picture is mirrored, which the small model alone does not ask for
    at_0 = enhance_pixels(pixels, model, model.spec, None, 0)
    np.testing.assert_array_equal(at_0[inner, inner], enhance_pixels(pixels, plain, plain.spec)[inner, inner])


def test_equal_moments_change_nothing_at_any_strength(small_model: Path, tmp_path: Path) -> None:
    code = PatchCode(2, 3)
    same = moments_of(code, picture(64, 64) / 255)
    model = calibrated(small_model, tmp_path / "m.onnx", code, transport(same, same))
    batch = picture(24, 24).transpose(2, 0, 1)[None].astype(np.float32) / 255
    np.testing.assert_allclose(run_at(model, batch, 1), open_model(small_model, "cpu")(batch), atol=1e-6)


def test_reach_says_where_strength_1_lies(small_model: Path, tmp_path: Path) -> None:
    code = PatchCode(2, 3)
    whole = calibrated(small_model, tmp_path / "whole.onnx", code, some_map(code))
    far = calibrated(small_model, tmp_path / "far.onnx", code, some_map(code), reach=2)
    batch = picture(24, 24).transpose(2, 0, 1)[None].astype(np.float32) / 255
    np.testing.assert_allclose(run_at(far, batch, 0.5), run_at(whole, batch, 1), atol=1e-5)
    assert np.abs(run_at(far, batch, 1) - run_at(whole, batch, 1)).max() > 0.01


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for number in range(3):
        save(tmp_path / f"natural/{number}.png", picture(120, 130, seed=number))
        save(tmp_path / f"small/{number}.png", picture(60, 66, seed=10 + number))
    return tmp_path


def run(*words: object) -> Result:
    result = CliRunner().invoke(main, ["calibrate", *(str(word) for word in words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("degraded", ["bicubic", "light", "small"])
def test_the_command(small_model: Path, photographs: Path, degraded: str) -> None:
    inputs = photographs / "small" if degraded == "small" else degraded
    out = photographs / "new/knob.onnx"
    ask = ("--natural", photographs / "natural", "--degraded", inputs, "-o", out, "--patch", 2, "--pictures", 2)
    result = run(small_model, *ask)
    assert result.exit_code == 0, result.output
    assert "48 directions" in result.output
    spec = open_model(out, "cpu").spec
    assert (spec.name, spec.strength, spec.scale) == ("knob", True, 2)
    assert spec.data.endswith("calibrated on 2 results and 2 photographs")
    assert spec.origin.startswith("small (weights ")
    again = run(small_model, *ask)
    assert (again.exit_code, "add --overwrite" in again.output) == (1, True)
    first = out.read_bytes()
    assert run(small_model, *ask, "--overwrite").exit_code == 0
    assert out.read_bytes() == first
    assert "already has an adjustable strength" in run(out, *ask[:4], "-o", photographs / "x.onnx").output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("sr-x2", "--degraded", "nowhere"),
            "nowhere: no such folder of inputs, and not one of the degradations bicubic",
        ),
        (("sr-x2", "--degraded", "bicubic", "-o", "x.pth"), "x.pth: a calibrated model is an .onnx file"),
        (
            ("sr-x2", "--degraded", "bicubic", "--patch", "9", "--side", "72"),
            "784 patches are too few for the statistics of 972 values",
        ),
        (("sr-x2", "--degraded", "{d}/tiny"), "smaller than a patch of 10 x 10 pixels"),
        (("sr-x2", "--degraded", "bicubic", "--side", "32"), "--side 32 is too small for patches of 5 blocks"),
        (("unfilter", "--degraded", "bicubic"), "does not enlarge"),
        (("{int8}", "--degraded", "bicubic"), "is int8: calibrate the fp32 file"),
    ],
)
def test_what_is_wrong_is_said(photographs: Path, words: tuple[str, ...], says: str) -> None:
    save(photographs / "tiny/a.png", picture(4, 4))
    if "9" in words:
        for path in sorted((photographs / "natural").glob("*.png"))[1:]:
            path.unlink()
    int8 = Path(__file__).resolve().parents[2] / "models/sr-x2/sr-x2.int8.onnx"
    model, *rest = (word.format(d=photographs, int8=int8) for word in words)
    out = () if "-o" in rest else ("-o", photographs / "x.onnx")
    result = run(model, "--natural", photographs / "natural", *rest, *out)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split()), result.output
    assert not list(photographs.glob("x*"))
