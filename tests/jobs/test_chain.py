"""A chain of models gives what its steps give one after another, and is named wherever a model is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from restore.cli.main import main
from restore.jobs.network_apart import main as try_apart
from restore.jobs.network_record import Trial
from restore.zoo.chain_names import chain, chain_label
from restore.zoo.find import SEARCH_VARIABLE, find
from tests.conftest import picture, save


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def enhance(source: Path, target: Path, *more: object) -> Path:
    done = run("enhance", source, target, "--threads", 1, "--workers", 1, "--device", "cpu", *more)
    assert done.exit_code == 0, done.output
    return target


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each kind that passes between two models: color, gray, transparent, 16 bits."""
    folder = tmp_path_factory.mktemp("pictures")
    save(folder / "color.png", picture(26, 35))
    save(folder / "gray.png", picture(24, 20, 1))
    clear = picture(30, 26, 4)
    clear[4:20, 5:15, 3] = 0
    clear[10:, 15:, 3] = 255
    save(folder / "clear.png", clear)
    import cv2

    cv2.imwrite(str(folder / "deep.png"), picture(22, 28).astype(np.uint16) * 257 + 3)
    return folder


def read(path: Path) -> np.ndarray:
    import cv2

    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)


@pytest.mark.parametrize(
    ("models", "more"),
    [
        ("backlit+sr-x2", ()),
        ("sr-x2+backlit", ()),
        ("sr-x2+sr-x2", ("--tile", 16)),
        ("backlit+unfilter+sr-x2", ("--strength", 0.6)),
        ("photo-x1+sr-x2", ("--precision", "int8")),
    ],
)
def test_it_equals_its_steps(models: str, more: tuple[object, ...], pictures: Path, tmp_path: Path) -> None:
    at_once = enhance(pictures, tmp_path / "chain", "--model", models, *more)
    step = pictures
    for i, name in enumerate(models.split("+")):
        mine = more if "--strength" not in more or name in ("backlit", "unfilter") else ()
        step = enhance(step, tmp_path / f"step{i}", "--model", name, *mine)
    for path in sorted(step.glob("*.png")):
        wanted, found = read(path), read(at_once / path.name)
        assert wanted.shape == found.shape
        one = 257 if path.stem == "deep" else 1
        assert np.abs(wanted - found).max() <= one, path.name
    original = read(pictures / "color.png")
    assert read(at_once / "color.png").shape[0] in (2 * original.shape[0], 4 * original.shape[0])


def test_animations(tmp_path: Path) -> None:
    frames = [Image.fromarray(picture(20, 24, seed=i)) for i in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=100)
    enhance(tmp_path / "a.png", tmp_path / "chain.png", "--frames", "all", "--model", "backlit+sr-x2")
    enhance(tmp_path / "a.png", tmp_path / "step.png", "--frames", "all", "--model", "backlit")
    enhance(tmp_path / "step.png", tmp_path / "steps.png", "--frames", "all", "--model", "sr-x2")
    with Image.open(tmp_path / "chain.png") as chained, Image.open(tmp_path / "steps.png") as stepped:
        assert chained.n_frames == 3
        for i in range(3):
            chained.seek(i)
            stepped.seek(i)
            apart = np.asarray(chained.convert("RGB"), int) - np.asarray(stepped.convert("RGB"), int)
            assert np.abs(apart).max() <= 1


def test_sizes_are_of_the_whole_chain(pictures: Path, tmp_path: Path) -> None:
    enhance(pictures / "color.png", tmp_path / "a.png", "--model", "sr-x2+sr-x2", "--scale", 3)
    assert read(tmp_path / "a.png").shape[:2] == (78, 105)
    enhance(pictures / "color.png", tmp_path / "b.png", "--model", "backlit+sr-x2", "--longest", 70)
    assert read(tmp_path / "b.png").shape[:2] == (52, 70)
    refused = run("enhance", pictures, tmp_path / "c", "--model", "backlit+unfilter", "--scale", 2)
    assert "--scale 2 contradicts --model backlit+unfilter" in refused.output
    assert (
        "no adjustable strength"
        in run("enhance", pictures, tmp_path / "c", "--model", "sr-x2+sr-x2", "--strength", 0.5).output
    )


def test_it_is_named(pictures: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "report.json"
    plan = run("enhance", pictures, out, "--model", "backlit+sr-x2", "--dry-run", "--name", "{stem}-{model}-{scale}")
    assert "color-backlit+sr-x2-2.png" in plan.output
    assert "backlit+sr-x2; nothing was written" in plan.output
    enhance(pictures, out, "--model", "backlit+sr-x2", "--report", report, "--history")
    summary = json.loads(report.read_text())["summary"]
    assert summary["model"] == "backlit+sr-x2"
    assert len(summary["model_digest"]) == 64
    written = (out / "color.png").read_bytes()
    assert written.count(b"model backlit (") == 1
    assert b", then model sr-x2 (" in written
    journal = [json.loads(line) for line in next(out.glob(".restore-journal*")).read_text().splitlines()]
    assert len([line for line in journal if "backend" in line]) == 2


def test_it_is_resumed_and_not_mixed_up(pictures: Path, tmp_path: Path) -> None:
    out = enhance(pictures, tmp_path / "out", "--model", "backlit+sr-x2")
    (out / "gray.png").unlink()
    report = tmp_path / "report.csv"
    enhance(pictures, out, "--model", "backlit+sr-x2", "--resume", "--report", report)
    with report.open(newline="") as file:
        status = {Path(row["source"]).name: row["status"] for row in csv.DictReader(file)}
    assert [status[name] for name in ("color.png", "gray.png")] == ["done", "enhanced"]
    enhance(pictures, out, "--model", "sr-x2", "--resume", "--report", report)
    with report.open(newline="") as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"enhanced"}


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = find("sr-x2").read_bytes()
    monkeypatch.setenv(SEARCH_VARIABLE, str(tmp_path / "models"))
    for name in ("a+b", "b"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / f"{name}.onnx").write_bytes(content)
    path = tmp_path / "x+y" / "m+n.onnx"
    path.parent.mkdir()
    path.write_bytes(content)
    assert chain("sr-x2") == ("sr-x2",)
    assert chain("sr-x2+b") == ("sr-x2", "b")
    assert chain("a+b") == ("a+b",), "a model of that name"
    assert chain("a+b+b+a+b") == ("a+b", "b", "a+b")
    assert chain(str(path)) == (str(path),)
    assert chain(f"b+{path}+sr-x2") == ("b", str(path), "sr-x2")
    assert chain("sr-x2+none") == ("sr-x2", "none")
    assert chain_label(f"b+{path}") == "b+m+n"


def test_what_is_missing_is_named(pictures: Path, tmp_path: Path) -> None:
    for models, says in (
        ("sr-x2+sr-x3", "no model named 'sr-x3'; did you mean"),
        ("sr-x2+", "the name of the model is empty"),
        ("+", "the name of the model is empty"),
    ):
        refused = run("enhance", pictures, tmp_path / "out", "--model", models)
        assert refused.exit_code == 2
        assert says in refused.output
    spec = run("enhance", pictures, tmp_path / "out", "--model", "sr-x2+sr-x2", "--spec", "scale=2")
    assert "--spec says nothing about which model" in spec.output
    assert "no model named 'sr-x2+sr-x2'" in run("bench", "--model", "sr-x2+sr-x2").output


def test_a_trial_runs_all_of_it(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = ((str(find("backlit")), "cpu", "fp32"),)
    trial = Trial(str(find("sr-x2")), "cpu", "fp32", threads=1, pixel_limit=100_000, before=before)
    try_apart(str(pictures / "clear.png"), json.dumps(trial.__dict__))
    assert capsys.readouterr().out == "{}\n"
