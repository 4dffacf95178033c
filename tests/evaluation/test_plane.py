"""The perception-distortion plane: its points are what is measured, its picture is legible, and errors are clear."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from restore.cli.main import main
from restore.errors import DataError
from restore.evaluation.draw_plane import draw_plane
from restore.evaluation.plane import Plane, PlanePoint, front
from restore.imaging.color.conversions import luma
from restore.imaging.decode import read_picture
from restore.imaging.picture import to8
from restore.metrics.psnr import psnr
from restore.metrics.sr_protocol import reduce
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from tests.conftest import picture, save
from tests.metrics.test_ciede2000 import noisy


def run(*words: object) -> Result:
    result = CliRunner().invoke(main, ["evaluate", *(str(word) for word in words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def adjustable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A x2 network of random weights whose two ends differ."""
    torch = pytest.importorskip("torch")
    from restore.export.to_onnx import to_onnx
    from restore.networks.residual import ResidualSR
    from restore.spec import ModelSpec

    torch.manual_seed(1)
    network = ResidualSR(2, 8, 1, strength=True).eval()
    for parameter in (network.faithful.weight, network.tail.weight):
        torch.nn.init.normal_(parameter, std=0.02)
    spec = ModelSpec(name="knob", scale=2, halo=8, strength=True)
    path = tmp_path_factory.mktemp("model") / "knob.onnx"
    path.write_bytes(to_onnx(network, spec).SerializeToString())
    return path


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hr")
    for number in range(2):
        save(folder / f"{number}.png", picture(212, 224, seed=number))
    return folder


def test_models_and_their_strengths(adjustable: Path, references: Path, small_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "new/plane.svg"
    models = ("--model", adjustable, "--model", small_model)
    result = run(*models, "--data", references, "--plane", out, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    strengths = [0, 0.25, 0.5, 0.75, 1]
    assert facts["methods"] == ["bicubic", *(f"knob@{strength:g}" for strength in strengths), "small"]
    assert facts["settings"]["knob@0.25"] == {"model": "knob", "strength": 0.25}
    plane = facts["plane"]
    assert (plane["distortion"], plane["perception"]) == (["psnr"], ["niqe"])
    assert [(point["model"], point["strength"]) for point in plane["points"]] == [
        ("bicubic", None),
        *(("knob", strength) for strength in strengths),
        ("small", None),
    ]
    for point in plane["points"]:
        assert point["values"] == facts["average"]["methods"][point["method"]]
    model = open_model(adjustable)
    made = []
    for path in sorted(references.glob("*.png")):
        low, high = reduce(np.asarray(Image.open(path)), 2)
        made.append(psnr(luma(enhance_pixels(low, model, model.spec, strength=0.25)), luma(high), border=2))
    assert plane["points"][2]["values"]["psnr"] == pytest.approx(np.mean(made))
    text = out.read_text("utf-8")
    for words in (">bicubic<", ">knob, strength 0<", ">0.75<", ">small<", "higher is better →", "← perception: NIQE"):
        assert words in text
    assert f"{out}: 7 methods" in result.stderr


def test_strengths_of_ones_own(adjustable: Path, references: Path) -> None:
    asked = ("--strength", 0.5, "--strength", 0, "--strength", 0.5, "--metric", "psnr", "--json")
    result = run("--model", adjustable, "--data", references, *asked)
    found = json.loads(result.stdout)
    assert found["methods"] == ["bicubic", "knob@0", "knob@0.5"]
    assert "plane" not in found
    plain = json.loads(run("--model", adjustable, "--data", references, "--metric", "psnr", "--json").stdout)
    assert plain["methods"] == ["bicubic", "knob"]
    assert plain["settings"] == {}


def test_results_of_others_with_the_regions_of_pirm(tmp_path: Path) -> None:
    folders, words = {"soft": 6, "crisp": 13}, []
    for name, sigma in folders.items():
        for number in range(2):
            good = picture(200, 210, seed=number)
            save(tmp_path / f"good/{number}.png", good)
            save(tmp_path / f"{name}/{number}.png", noisy(good, sigma))
        (tmp_path / f"{name}.csv").write_text(f"0,{sigma / 2}\n1,{sigma / 2}\n")
        words += ["--predictions", tmp_path / name, "--ma", tmp_path / f"{name}.csv"]
    metrics = ("--metric", "pirm-rmse", "--metric", "perceptual-index", "--metric", "niqe", "--scale", 4)
    result = run("--data", tmp_path / "good", *words, *metrics, "--plane", tmp_path / "p.svg", "--json")
    assert result.exit_code == 0, result.output
    for point in json.loads(result.stdout)["plane"]["points"]:
        values = point["values"]
        assert values["perceptual-index"] == pytest.approx((values["niqe"] + 10 - folders[point["method"]] / 2) / 2)
    assert ">region 1<" in (tmp_path / "p.svg").read_text("utf-8")


def test_the_axes_can_be_chosen_and_both_are_needed(adjustable: Path, references: Path, tmp_path: Path) -> None:
    ask = ("--model", adjustable, "--data", references, "--plane", tmp_path / "p.svg")
    for metrics, says in (
        (("psnr", "ssim"), "no metric of perception is measured: add --metric with one of niqe, "),
        (("niqe",), "no metric of distortion is measured: add --metric with one of psnr, "),
    ):
        result = run(*ask, *(word for name in metrics for word in ("--metric", name)))
        assert (result.exit_code, says in result.output) == (2, True), result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--model", "sr-x2", "--data", "{hr}", "--plane", "p.gif"), "the extension must be one of .svg, .png, .pdf"),
        (("--model", "sr-x2", "--data", "{hr}", "--strength", "0.5"), "sr-x2 cannot be adjusted: remove --strength"),
        (("--model", "sr-x2", "--data", "{hr}", "--strength", "1.5"), "1.5 is not in the range"),
        (("--predictions", "{hr}", "--data", "{hr}", "--strength", "1"), "--strength is of models"),
        (("--predictions", "{hr}", "--plane", "p.svg"), "distortion needs references"),
        (
            ("--predictions", "{hr}", "--data", "{hr}", "--plane", "p.svg"),
            "no method has both a finite PSNR and a finite NIQE: are the results the references themselves?",
        ),
        (
            (*("--predictions", "{hr}", "--data", "{hr}", "--metric", "perceptual-index"), "--ma", "a", "--ma", "b"),
            "--ma was given 2 times for 1 --predictions",
        ),
        (
            ("--model", "sr-x2", "--data", "{hr}", "--metric", "perceptual-index", "--ma", "a"),
            "Ma scores belong to finished results",
        ),
    ],
)
def test_what_is_wrong_is_said(references: Path, words: tuple[str, ...], says: str) -> None:
    result = run(*(word.format(hr=references) for word in words))
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def point(method: str, psnr: float, lpips: float, model: str = "", strength: float | None = None) -> PlanePoint:
    return PlanePoint(method, model or method, strength, {"psnr": psnr, "lpips": lpips})


def test_the_front_is_of_those_that_none_beats() -> None:
    points = [point("a", 30, 0.2), point("b", 28, 0.1), point("c", 29, 0.25), point("d", 28, 0.12), point("e", 30, 0.2)]
    assert front(points, "psnr", "lpips") == ["a", "b", "e"]


def test_labels_of_crowded_points_do_not_overlap() -> None:
    """Where the text is drawn in the picture, not where it was meant to be."""
    points = [point(f"knob@{s:g}", 28 - s / 50, 0.2 - s / 900, "knob", s) for s in (0, 0.25, 0.5, 0.75, 1)]
    points += [point(f"other-model-{n}", 28 - n / 70, 0.2 + n / 900) for n in range(4)]
    points.append(point("far", 20, 0.4))
    made = draw_plane(Plane(("psnr",), ("lpips",), "data $x", None, tuple(points)), ".svg").decode()
    found = re.findall(r'<text style="font-size: 9px[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)</text>', made)
    places = {words: (float(x), float(y)) for x, y, words in found if words != "better"}
    assert len(places) == len(points)
    assert draw_plane(Plane(("psnr",), ("lpips",), "data $x", None, tuple(points)), ".svg").decode() == made
    for one, (x, y) in places.items():
        for other, (left, low) in places.items():
            width = 4.5 * len(one if x < left else other)
            assert one == other or abs(y - low) > 9 or abs(x - left) > width, f"{one} and {other}"


def test_a_name_is_no_formula_and_a_long_one_is_cut() -> None:
    points = (point("$\\frac$", 28, 0.2), point("n" * 60, 30, 0.3))
    made = draw_plane(Plane(("psnr",), ("lpips",), "$\\no$", None, points), ".svg").decode()
    assert ">$\\frac$<" in made
    assert f">{'n' * 31}…<" in made


def test_a_plane_without_a_point_is_refused() -> None:
    with pytest.raises(DataError, match="no method has both"):
        draw_plane(Plane(("psnr",), ("lpips",), "", None, (point("a", float("inf"), 0),)), ".svg")


@pytest.mark.parametrize("ending", [".png", ".pdf"])
def test_the_other_kinds_of_files(ending: str, tmp_path: Path) -> None:
    made = draw_plane(Plane(("psnr",), ("lpips",), "", None, (point("a", 30, 0.1),)), ending)
    (tmp_path / f"p{ending}").write_bytes(made)
    if ending == ".png":
        assert to8(read_picture(tmp_path / "p.png").pixels).shape == (600, 840, 3)
    else:
        assert made.startswith(b"%PDF")
