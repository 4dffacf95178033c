"""Folders for the Hugging Face Hub: complete or not there, with what the run knows and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.export import export as export_requests
from restore.export import load_source
from restore.export.build_model import BuiltModel
from restore.export.load_source import ExportSource
from restore.export.publish import publish as module
from restore.export.publish.front_matter import front_matter, license_facts
from restore.recipes import Shipped
from restore.runtime.model import file_spec
from restore.spec import ModelSpec
from restore.training.recipe_file import parse_recipe
from tests.conftest import picture, save
from tests.export import published

RECIPE = """\
name: tiny
scale: 2
network: {network}
data: {{train: [.], patch: 12, holdout: 1}}
validation: {{every: 4, crop: 32}}
train: {{steps: 6, batch: 1}}
licence: {licence}
data_note: two pictures | of noise
"""


def train(folder: Path, network: str = "{kind: plain, width: 8, depth: 1}", licence: str = "MIT") -> Path:
    for seed in range(2):
        save(folder / f"data/{seed}.png", picture(40, 48, seed=seed))
    (folder / "recipe.yaml").write_text(RECIPE.format(network=network, licence=licence))
    arguments = ["train", folder / "recipe.yaml", "--data", folder / "data", "--out", folder / "run"]
    done = CliRunner().invoke(main, [str(a) for a in [*arguments, "--device", "cpu", "--workers", 0]])
    assert done.exit_code == 0, done.output
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def made(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user makes it."""
    out = tmp_path_factory.mktemp("made") / "out"
    done = publish(run, out, "--base-model", "someone/start", "--license", "Apache-2.0")
    assert done.exit_code == 0, done.output
    assert f"hf upload NAMESPACE/tiny {out}" in done.output
    assert not list(out.parent.glob(".restore-*"))
    return out


@pytest.fixture
def exported(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the export, which is slow, from the folder that was made."""
    data = (made / "tiny.onnx").read_bytes()

    def build(source: ExportSource) -> BuiltModel:
        return BuiltModel(data, source.spec, [], [], [])

    monkeypatch.setattr(module, "build_model", build)


def publish(run: Path, out: Path, *options: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in ("publish", run, "-o", out, *options)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def facts_of(folder: Path) -> Any:
    text = (folder / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"\A---\n(.*?\n)---\n", text, re.DOTALL)
    return yaml.safe_load(block)


def test_a_run_becomes_a_folder(made: Path) -> None:
    assert {file.name for file in made.iterdir()} == {"README.md", "config.json", "recipe.yaml", "tiny.onnx"}
    spec = file_spec(made / "tiny.onnx")
    assert spec.licence == "Apache-2.0", "in the file as on the card"
    assert json.loads((made / "config.json").read_text()) == spec.model_dump(mode="json")
    assert parse_recipe((made / "recipe.yaml").read_text(), "r").digest() == spec.recipe
    onnx.checker.check_model(onnx.load(made / "tiny.onnx"))


def test_the_card_has_what_the_run_measured_and_only_that(run: Path, made: Path) -> None:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    values = {row["step"]: row["psnr-y"] for row in rows if "psnr-y" in row}
    assert set(values) == {4, 6}
    facts = facts_of(made)
    assert facts["license"] == "apache-2.0"
    assert facts["pipeline_tag"] == "image-to-image"
    assert facts["library_name"] == "onnx"
    assert facts["tags"] == ["super-resolution", "image-restoration", "onnx", "restore", "plain"]
    assert (facts["base_model"], facts["base_model_relation"]) == ("someone/start", "finetune")
    assert facts["metrics"] == ["psnr"]
    ((result,),) = (index["results"] for index in facts["model-index"])
    (metric,) = result["metrics"]
    assert metric["value"] == pytest.approx(values[6], abs=1e-4)
    text = (made / "README.md").read_text()
    assert f"| **tiny** | **{values[6]:.2f}** |" in text
    assert f"| bicubic enlargement | {rows[0]['unchanged']:.2f} |" in text
    assert "float32 (N, 3, H, W), RGB as stored" in text
    assert "two pictures | of noise" in text


@pytest.mark.usefixtures("exported")
def test_weights_that_were_not_validated_have_no_results(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    rows = [line for line in (run / "log.jsonl").read_text().splitlines() if '"step": 6, "psnr-y"' not in line]
    (copy / "log.jsonl").write_text("\n".join(rows) + "\n")
    done = publish(copy, tmp_path / "out")
    assert "the card has no results" in done.output
    facts = facts_of(tmp_path / "out")
    assert facts.keys() & {"metrics", "model-index", "base_model"} == set()
    assert "The training measured nothing of these weights." in (tmp_path / "out/README.md").read_text()
    (copy / "log.jsonl").unlink()
    assert publish(copy, tmp_path / "again").exit_code == 0


def test_the_hub_reads_the_card(made: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard.load(made / "README.md")
    assert card.data.license == "apache-2.0"
    assert card.data.base_model == "someone/start"
    assert card.data.model_name == "tiny"
    (result,) = card.data.eval_results
    assert (result.task_type, result.metric_type) == ("image-to-image", "psnr")
    assert card.text.strip().startswith("# tiny")
    again = hub.ModelCardData(**card.data.to_dict()).to_dict()
    assert again["pipeline_tag"] == "image-to-image"


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("MIT", {"license": "mit"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("GPL-3.0-only", {"license": "gpl-3.0"}),
        ("CC BY-NC-SA 4.0", {"license": "cc-by-nc-sa-4.0"}),
        ("unspecified", {"license": "unknown"}),
        ("unknown", {"license": "unknown"}),
        ("Our own: terms", {"license": "other", "license_name": "our-own-terms"}),
    ],
)
def test_licenses(name: str, facts: dict[str, str]) -> None:
    assert license_facts(name) == facts


def test_names_that_yaml_would_misread_stay_text() -> None:
    spec = ModelSpec(name="1e3", scale=1, halo=0, licence="no: yes", network="on")
    facts = yaml.safe_load(front_matter(spec, "a/b", None).split("---\n")[1])
    assert facts["license_name"] == "no-yes"
    assert facts["tags"][-1] == "on"


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize(
    ("license_", "says"),
    [("unspecified", "add --license"), ("our own terms", "does not know the license 'our own terms'"), ("mit", "")],
)
def test_the_license_is_asked_for(license_: str, says: str, run: Path, tmp_path: Path) -> None:
    done = publish(run, tmp_path / "out", "--license", license_)
    assert says in done.output
    assert ("icense" in done.output.replace(str(tmp_path), "")) == bool(says)


@pytest.mark.slow
def test_a_tuned_network_says_what_it_began_with(tmp_path: Path) -> None:
    checkpoint = published.save(published.build("compact"), tmp_path / "start.pth")
    done = publish(train(tmp_path, f"{{kind: spandrel, checkpoint: {checkpoint}}}"), tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "add --base-model NAMESPACE/NAME" in done.output
    assert f"recipe.yaml shows paths of this machine: {checkpoint}" in done.output
    assert "began with the weights of start.pth, RealESRGAN Compact" in (tmp_path / "out/README.md").read_text()


def test_a_file_that_was_exported_and_its_twins(run: Path, made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "tiny.onnx", tmp_path / "file.onnx")
    half = CliRunner().invoke(main, ["export", str(tmp_path / "file.onnx"), "--precision", "fp16"])
    assert half.exit_code == 0, half.output
    done = publish(run, tmp_path / "out", "--model", tmp_path / "file.onnx")
    assert done.exit_code == 0, done.output
    for ours, theirs in (("tiny.onnx", "file.onnx"), ("tiny.fp16.onnx", "file.fp16.onnx")):
        assert (tmp_path / "out" / ours).read_bytes() == (tmp_path / theirs).read_bytes()
    assert "| `tiny.fp16.onnx` | fp16 |" in (tmp_path / "out/README.md").read_text()
    twin = publish(run, tmp_path / "twin", "--model", tmp_path / "file.fp16.onnx")
    assert "give the fp32 file" in twin.output
    other = publish(run, tmp_path / "other", "--model", tmp_path / "file.onnx", "--license", "isc")
    assert "its license is Apache-2.0" in other.output

    changed = onnx.load(tmp_path / "file.onnx")
    weights = changed.graph.initializer[0]
    moved = onnx.numpy_helper.to_array(weights) + np.float32(0.5)
    weights.CopyFrom(onnx.numpy_helper.from_array(moved.astype(np.float32), weights.name))
    onnx.save(changed, tmp_path / "changed.onnx")
    wrong = publish(run, tmp_path / "wrong", "--model", tmp_path / "changed.onnx")
    assert wrong.exit_code == 1
    assert "is not of" in wrong.output
    assert not (tmp_path / "wrong").exists()


def test_the_file_of_another_checkpoint_is_refused(run: Path, tmp_path: Path, small_model: Path) -> None:
    done = publish(run, tmp_path / "out", "--model", small_model)
    assert done.exit_code == 1
    assert "is not of" in done.output
    assert "6 steps" in done.output


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_is_overwritten(kind: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "build_model", lambda *_: pytest.fail("refused before any work"))
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        save(out / "mine.png", picture(8, 8))
    done = publish(run, out)
    assert done.exit_code == 1
    assert f"{out} already exists" in done.output
    assert out.read_text() == "mine" if kind == "file" else len(list(out.iterdir())) == 1


@pytest.mark.usefixtures("exported")
def test_an_empty_folder_is_taken(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert publish(run, tmp_path / "out").exit_code == 0
    assert (tmp_path / "out/README.md").exists()


@pytest.mark.usefixtures("exported")
def test_a_failure_leaves_no_half_folder(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, written = Path.write_bytes, []

    def full(self: Path, data: bytes) -> int:
        written.append(self.name)
        if len(written) == 3:
            raise OSError(28, "No space left on device", str(self))
        return original(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    done = publish(run, tmp_path / "new/out")
    assert done.exit_code != 0
    assert len(written) >= 3
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: no such run"),
        (["{run}", "--base-model", "just-a-name"], "write it as NAMESPACE/NAME"),
        (["{run}", "--model", "none.onnx"], "none.onnx"),
    ],
)
def test_wrong_use(arguments: list[str], says: str, run: Path, tmp_path: Path) -> None:
    source, *options = (one.format(run=run) for one in arguments)
    done = publish(Path(source), tmp_path / "out", *options)
    assert done.exit_code == 2
    assert says in done.output
    assert not (tmp_path / "out").exists()


@pytest.fixture
def of_included_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's recipe has the name of one that comes with restore, as after ``restore train sr-x2``."""
    monkeypatch.setattr(load_source, "shipped", lambda: [Shipped("tiny", Path("tiny.yaml"), "")])


@pytest.mark.usefixtures("exported", "of_included_recipe")
def test_a_model_is_not_called_like_one_that_comes_with_restore(run: Path, tmp_path: Path) -> None:
    done = publish(run, tmp_path / "of-mine")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "of-mine/of-mine.onnx").is_file()
    assert json.loads((tmp_path / "of-mine/config.json").read_text())["name"] == "of-mine"


@pytest.mark.usefixtures("of_included_recipe")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["mine.onnx"], "mine"),
        (["mine.fp16.onnx"], "mine"),
        (["x.onnx", "--name", "tiny"], "tiny"),
        (["folder"], "tiny"),
    ],
)
def test_an_exported_file_gives_its_name(
    options: list[str], name: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SeenError(Exception):
        pass

    def seen(source: ExportSource, *_: object) -> None:
        raise SeenError(source.spec.name)

    monkeypatch.setattr(export_requests, "export", seen)
    target, *more = options
    result = CliRunner().invoke(main, ["export", str(run), str(tmp_path / target), *more])
    assert isinstance(result.exception, SeenError)
    assert str(result.exception) == name


@pytest.mark.usefixtures("exported")
def test_a_card_without_a_word_about_the_data_says_so(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "data_note" not in publish(run, tmp_path / "out").output
    make = load_source.make_spec
    monkeypatch.setattr(load_source, "make_spec", lambda *a: make(*a).but(data="unknown"))
    assert (
        "the card does not say what was trained on: set data_note in the recipe" in publish(run, tmp_path / "no").output
    )
