"""The shipped recipes for filter removal train on test pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from restore.recipes import find_recipe
from restore.training.checkpoint import Checkpoint
from restore.training.state import LAST
from tests.conftest import picture, save
from tests.training.test_material import go

SMALL = {
    "ifrnet": {"network": {"kind": "destyling", "width": 4, "code": 4, "kinds": 30}},
    "cifr": {"network": {"kind": "destyling", "width": 4, "code": 4}},
    "unfilter": {"network": {"kind": "modulated-colour", "thumbnail": 32, "width": 8, "hidden": 8, "kinds": 30}},
}


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
    if name == "cifr":  # the heads of its three contrasts
        assert all(kept.part(f"loss{number}") for number in (1, 2, 3))
