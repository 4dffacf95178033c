"""The shipped recipes for filter removal train on test pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
import yaml
from rich.console import Console

from restore.errors import ModelError
from restore.export.load_source import make_spec
from restore.export.parity import verify
from restore.export.to_onnx import to_onnx
from restore.recipes import find_recipe
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.train import Options, start
from restore.training.trained_network import load_trained
from tests.conftest import picture, save
from tests.training.test_data_loading import go

SMALL = {
    "ifrnet": {"network": {"kind": "destyling", "width": 4, "code": 4, "kinds": 30}},
    "cifr": {"network": {"kind": "destyling", "width": 4, "code": 4}},
    "unfilter": {"network": {"kind": "modulated-colour", "thumbnail": 32, "width": 8, "hidden": 8, "kinds": 30}},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_it_trains(name: str, tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / f"{number}.png", picture(72, 90, seed=number))
    said = yaml.safe_load(find_recipe(name).read_text()) | SMALL[name]
    said["data"] |= {"patch": 64, "holdout": 2}
    said["train"] |= {"steps": 3, "batch": 2, "schedule": {"warmup": 0}}
    for loss in said["losses"]:
        loss.pop("begin", None)
    if "discriminator" in said:
        said["discriminator"]["network"]["width"] = 4
    done, told = go(tmp_path, yaml.safe_dump(said), "run", "validation.crop=64")
    assert done, told
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    parts = {key.removeprefix("loss/").rsplit("-2")[0] for row in rows for key in row if key.startswith("loss/")}
    assert {loss["kind"] for loss in said["losses"]} <= parts
    kept = Checkpoint(tmp_path / "run" / LAST)
    assert kept.step == 3
    recipe, network, checkpoint = load_trained(tmp_path / "run")
    spec = make_spec(recipe, network, checkpoint)
    assert bool(spec.kinds) == (name == "unfilter"), "only what is classified by the thumbnail is an output"
    (tmp_path / "x.onnx").write_bytes(to_onnx(network, spec).SerializeToString())
    # Normalizing each picture, so narrow and hardly trained a network enlarges the last bits of float32.
    verify(tmp_path / "x.onnx", network, tolerance=1e-3)
    if name == "cifr":  # the heads of its three contrasts
        assert all(kept.part(f"loss{number}") for number in (1, 2, 3))


def test_a_gate_is_added_to_what_was_learned_without(tmp_path: Path) -> None:
    """It begins as drawn, all else with the other run's weights; a part too many is still refused."""
    for number in range(4):
        save(tmp_path / f"{number}.png", picture(72, 90, seed=number))
    said = yaml.safe_load(find_recipe("unfilter").read_text()) | SMALL["unfilter"]
    said["data"] |= {"patch": 64, "holdout": 2, "filters": {"edits": 0.4, "renderings": 1.0, "looks": 0.5}}
    said["train"] |= {"steps": 2, "batch": 2, "schedule": {"warmup": 0}}
    said["losses"] = [{"kind": "l1"}, {"kind": "filter-class"}]
    recipe = tmp_path / "recipe.yaml"

    def begin(run: str, with_run: str | None, gate: bool) -> Path:
        recipe.write_text(yaml.safe_dump(said | {"network": said["network"] | {"gate": gate}}))
        changes = ["validation.crop=64", *(["train.optimizer.lr=1e-12"] if with_run else [])]
        options = Options(tmp_path / with_run if with_run else None, False, changes, "cpu", threads=1)
        assert start(recipe, tmp_path, tmp_path / run, options, Console(file=io.StringIO()))
        return tmp_path / run / LAST

    first, second = (Checkpoint(begin(*which)).part("average") for which in (("a", None, False), ("b", "a", True)))
    assert {name.split(".")[0] for name in set(second) - set(first)} == {"gate"}
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=1e-9, rtol=0)
    with pytest.raises(ModelError, match="another network"):
        begin("c", "b", False)
