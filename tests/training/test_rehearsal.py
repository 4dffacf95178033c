"""--check and --overfit find out what a run would meet, and leave nothing behind."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.training.checkpoint import LAST
from restore.training.overfit import constant
from restore.training.recipe_file import parse_recipe
from tests.conftest import picture, save
from tests.training.test_loop import RECIPE

LATE = """\
losses:
  - {kind: l1}
  - {kind: psnr, weight: 0.01, begin: 10}
  - {kind: ssim, weight: 0.1, begin: 20}
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for number in range(6):
        save(tmp_path / f"photos/{number}.png", picture(70, 96, seed=number))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def run(data: Path, text: str, *arguments: str) -> Result:
    (data / "r.yaml").write_text(text)
    common = ["train", str(data / "r.yaml"), "--data", str(data), "--device", "cpu", "--threads", "1"]
    return CliRunner().invoke(main, [*common, *arguments])


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_check_goes_through_everything_and_leaves_nothing(data: Path) -> None:
    (data / "r.yaml").touch()
    before = files(data)
    result = run(data, RECIPE + LATE, "--check", "--out", str(data / "run"))
    assert result.exit_code == 0, result.output
    assert files(data) == before
    said = result.output
    assert re.search(r"^test: [\d,]+ parameters, on cpu", said)
    assert "batch: 4 x 3 x 12 x 12 -> 4 x 3 x 24 x 24" in said
    firsts = re.findall(r"^steps (\d+) to (\d+): .* a second; loss -?[\d.]+", said, re.M)
    assert firsts == [("0", "9"), ("10", "19"), ("20", "23")]
    assert "ssim" in said.split("steps 20")[1].splitlines()[0]
    assert "ssim" not in said.split("steps 10")[1].splitlines()[0]
    for line in (r"^memory: ", r"^validation: 2 pictures .* PSNR", r"^export: .* MB ONNX", r"^the run: 24 steps"):
        assert re.search(line, said, re.M), line
    assert "no gradient" not in said


@pytest.mark.slow
def test_check_names_what_no_loss_trains(data: Path) -> None:
    """The classifier of this network learns by filter-class alone."""
    text = """\
name: test
task: filter-removal
scale: 1
network: {kind: modulated-colour, thumbnail: 32, width: 8, hidden: 8, kinds: 30}
data: {train: [photos], filters: {}, patch: 32, holdout: 2}
losses: [{kind: l1}]
validation: {metric: psnr-rgb, crop: 64}
train: {steps: 24, batch: 2}
"""
    result = run(data, text, "--check")
    assert result.exit_code == 0, result.output
    assert re.search(r"^no gradient reaches .*: no loss trains them", result.output, re.M)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("train.optimizer.lr=1e30", "the loss is "),
        ("data.train=[gone]", "no such folder"),
        ("data.patch=500", "none of 4 photographs is large enough"),
        ("validation.metric=ms-ssim", "validation.crop"),
    ],
)
def test_check_fails_where_the_run_would(change: str, says: str, data: Path) -> None:
    result = run(data, RECIPE, "--check", "--set", change)
    assert result.exit_code == 2
    assert says in result.output
    assert not list((data / "temporary").iterdir())


def test_check_looks_at_the_folder(data: Path) -> None:
    (data / "run").mkdir()
    (data / "run" / LAST).touch()
    result = run(data, RECIPE, "--check", "--out", str(data / "run"))
    assert result.exit_code == 2
    assert "already contains a run" in result.output


def test_overfit(data: Path) -> None:
    """One patch of a photograph is learned by heart; targets that have nothing to do with their inputs are not."""
    (data / "r.yaml").touch()
    before = files(data)
    text = RECIPE.replace("plain, width: 16, depth: 1", "residual, width: 16, blocks: 1").replace(
        "scale: 2", "scale: 1"
    )
    text = text.replace("photos]", "photos], degradation: {preset: light}") + "losses: [{kind: psnr}]\n"
    result = run(data, text, "--overfit", "1", "--set", "losses=[{kind: l1}]", "--set", "train.steps=60")
    assert "loss on the batch: " in result.output
    assert files(data) == before
    hopeless = run(data, text, "--overfit", "2", "--set", "losses=[{kind: l1}]", "--set", "train.optimizer.lr=1e-9")
    assert hopeless.exit_code == 1
    assert "loss on 2 batches: " in hopeless.output
    assert "it hardly falls. Give it more than 24 steps first: --set train.steps=300. Then look at" in hopeless.output


def test_overfit_begins_with_the_weights_of_start(data: Path) -> None:
    text = RECIPE + "losses: [{kind: l1, teacher: true}]\nteacher: {start: true}\n"
    assert run(data, RECIPE, "--out", str(data / "first")).exit_code == 0
    result = run(data, text, "--overfit", "1", "--start", str(data / "first"))
    assert "teacher: a run of 24 steps" in result.output, result.output


def test_overfit_succeeds_on_what_can_be_learned(data: Path) -> None:
    """Photographs darkened by a fixed factor."""
    for number in range(4):
        light = picture(64, 64, seed=number)
        save(data / f"high/{number}.png", light)
        save(data / f"low/{number}.png", light // 2)
    text = RECIPE.replace("scale: 2", "scale: 1").replace("train: [photos]", "pairs: {input: low, target: high}")
    text = text.replace("plain, width: 16, depth: 1", "residual, width: 16, blocks: 1").replace(
        "holdout: 2", "holdout: 1"
    )
    result = run(data, text, "--overfit", "1", "--set", "train.steps=150", "--set", "train.optimizer.lr=1e-2")
    assert result.exit_code == 0, result.output
    assert "near zero, so network" in result.output


def test_a_loss_that_may_be_negative_is_not_judged_by_zero(data: Path) -> None:
    """Such as psnr, whose loss is minus decibels."""
    result = run(data, RECIPE, "--overfit", "1", "--set", "losses=[{kind: psnr}]", "--set", "train.steps=30")
    assert result.exit_code == 0, result.output
    assert "% of the first" not in result.output
    assert "it falls; such a loss has no zero to reach" in result.output


def test_overfit_is_constant_and_has_all_losses() -> None:
    recipe = constant(parse_recipe(RECIPE + LATE, "r", ["train.steps=5000"]), keep_steps=False)
    assert recipe.train.steps == 300
    assert recipe.train.schedule.floor == 1
    assert all(loss.begin == 0 for loss in recipe.losses)
    assert constant(parse_recipe(RECIPE, "r", ["train.steps=5000"]), keep_steps=True).train.steps == 5000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--check", "--overfit", "1"], "exclude each other"),
        (["--check", "--resume"], "need a RECIPE and no --resume"),
        ([], "Missing option '--out'"),
    ],
)
def test_wrong_use(arguments: list[str], says: str, data: Path) -> None:
    result = run(data, RECIPE, *arguments)
    assert result.exit_code == 2
    assert says in result.output
