"""Every shipped recipe goes the whole way: train, export, verify, enhance."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from restore.cli.main import main
from restore.recipes import Shipped, shipped
from restore.training.recipe_base import read_lineage
from tests.conftest import picture, save

# Sides that the networks accept, small enough for ten steps to take seconds. A Haar discriminator needs 32.
_PATCH = {
    "sr-x2": 24,
    "sr-x4": 16,
    "photo-x1": 24,
    "photo-x4": 24,
    "contrastive-x4": 16,
    "pcl-sr-x4": 16,
    "pcl-sr-x4-control": 16,
    "pmrf-x4": 16,
}


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def quick(said: Any, tiny_clip: Callable[[str], Path]) -> Any:
    """A recipe for ten steps. Its network, losses and discriminator stay; CLIP, whose weights are elsewhere, is tiny."""
    said["train"] |= {"steps": 10, "batch": 2, "schedule": {"warmup": 2}}
    said["data"] |= {"patch": _PATCH.get(said["name"], 64)}
    if "holdout" in said["data"]:
        said["data"]["holdout"] = 2
    if "unpaired" not in said["data"]:
        said["data"]["holdout"] = 2
    said.setdefault("validation", {})["crop"] = 64
    for loss in said.get("losses", []):
        loss.pop("begin", None)
    if "guidance" in said:
        said["guidance"] |= {"begin": 2, "reconstruct": 2, "enhance": 2, "refine": 1}
        said["losses"][0]["begin"] = 4
    return _tiny(said, tiny_clip)


def _tiny(said: Any, tiny_clip: Callable[[str], Path]) -> Any:
    if isinstance(said, list):
        return [_tiny(value, tiny_clip) for value in said]
    if not isinstance(said, dict):
        return said
    said = {key: _tiny(value, tiny_clip) for key, value in said.items()}
    if said.get("kind") == "clip":
        model = "tiny-resnet" if said["model"].startswith("RN") else "tiny-vit"
        said |= {"model": model, "weights": str(tiny_clip(model))}
    return said


@pytest.mark.slow
@pytest.mark.parametrize("one", shipped(), ids=lambda recipe: recipe.name)
def test_trained_exported_verified_and_used(one: Shipped, tmp_path: Path, tiny_clip: Callable[[str], Path]) -> None:
    data = tmp_path / "data"
    for number in range(4):
        light = picture(130, 140, seed=number)
        dark = (light * [0.7, 0.5, 0.4]).astype(np.uint8)
        for folder, pixels in {".": light, "well-lit": light, "backlit": dark, "input": dark, "target": light}.items():
            save(data / folder / f"{number}.png", pixels)
    said = quick(read_lineage(one.file).values, tiny_clip)
    if said["data"].get("train"):  # only the photographs themselves, not the sets beside them
        for folder in ("well-lit", "backlit", "input", "target"):
            shutil.rmtree(data / folder)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(said))
    run("train", recipe, "--data", data, "--out", tmp_path / "run", "--device", "cpu", "--workers", "0")
    run("export", tmp_path / "run", tmp_path / "made.onnx")
    run("verify", tmp_path / "made.onnx", "--against", tmp_path / "run")
    save(tmp_path / "in/photo.png", picture(50, 71, seed=9))
    run("enhance", tmp_path / "in", tmp_path / "out", "--model", tmp_path / "made.onnx", "--device", "cpu")
    made = Image.open(tmp_path / "out/photo.png")
    assert made.size == (71 * said["scale"], 50 * said["scale"])
    assert np.ptp(np.asarray(made)) > 0
