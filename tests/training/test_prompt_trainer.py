"""Training with CLIP-LIT and RAVE: turns, checkpoints, and the shipped recipes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from restore.errors import DataError, RecipeError
from restore.recipes import find_recipe
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.prompt_trainer import PromptTrainer
from restore.training.recipe import Guidance as Options
from restore.training.recipe_file import parse_recipe
from restore.training.state import new_run, resume_run
from restore.training.step import update
from tests.conftest import picture, save
from tests.training.test_data_loading import go
from tests.training.test_loop import assert_same, stopping_at

LATENT = """\
name: test
task: enhancement
scale: 1
network: {kind: residual, width: 8, blocks: 1}
data: {unpaired: {input: [backlit], target: [well-lit]}, views: true, patch: 32}
guidance: {begin: 3, reconstruct: 2, enhance: 2, refine: 2, side: 64}
losses:
  - {kind: prompt-score, begin: 5}
  - {kind: total-variation}
validation: {metric: psnr-rgb, every: 6, crop: 64}
train: {steps: 14, batch: 2, save_every: 100, schedule: {warmup: 0, floor: 1.0}}
"""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for i in range(4):
        good = picture(60 + 8 * i, 64, seed=i)
        save(tmp_path / f"well-lit/{i}.png", good)
        save(tmp_path / f"backlit/{i}.png", (good * 0.3).astype(np.uint8))
    return tmp_path


def turns(options: Options, steps: int) -> str:
    guidance = PromptTrainer(options, None, None, None)
    found = [guidance.turn(step) for step in range(steps)]
    for step in range(steps):
        assert guidance.network_steps(step) == sum(turn == "network" for turn, _ in found[:step])
    return "".join({"begin": "b", "network": "N", "refine": "r"}[turn] + str(number) for turn, number in found)


def test_turns() -> None:
    assert turns(Options(begin=2, reconstruct=1, enhance=2, refine=1), 10) == "b0b0N0N0N0r0N1N1r1N2"
    assert turns(Options(begin=1, reconstruct=0, enhance=1, refine=2), 8) == "b0N0r0r0N1r1r1N2"


def test_only_one_of_both_learns_at_a_time_and_the_network_a_round_ago_is_kept(folders: Path) -> None:
    run = new_run(parse_recipe(LATENT, "r"), folders / "run", torch.device("cpu"))
    assert run.guidance is not None
    drawn = torch.Generator().manual_seed(0)

    def state(module: torch.nn.Module) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in module.parameters()]).clone()

    ends: list[torch.Tensor] = []
    for _ in range(14):
        low, high = 0.3 * torch.rand(2, 3, 32, 32, generator=drawn), torch.rand(2, 3, 32, 32, generator=drawn)
        modules = [run.network, run.average.module, run.guidance.judge.prompts, run.guidance.earlier]
        before = [state(module) for module in modules]
        turn, _ = run.guidance.turn(run.step)
        result = update(run, low, high)
        run.step += 1
        moved = [not torch.equal(state(module), old) for module, old in zip(modules, before, strict=True)]
        assert result.loss.isfinite()
        assert moved[:3] == ([True, True, False] if turn == "network" else [False, False, True])
        last = turn == "refine" and run.guidance.turn(run.step)[0] == "network"
        assert moved[3] == last
        if last:
            ends.append(state(run.network))
            torch.testing.assert_close(state(run.guidance.earlier), ends[-1])
        assert ("prompts" in result.parts) == (turn != "network")
    assert len(ends) == 2
    assert not torch.equal(*ends)
    assert run.average.n_averaged == run.guidance.network_steps(14)


def test_an_interrupted_run_ends_as_the_unbroken_one(folders: Path) -> None:
    """Interrupted during the prompt steps of the second round, which need the network of the first round."""
    assert go(folders, LATENT, "whole")[0]
    for number, steps in enumerate((2, 12)):
        with stopping_at(steps):
            assert not go(folders, LATENT, "broken", resume=number > 0)[0]
    assert go(folders, LATENT, "broken", resume=True)[0]
    assert_same(folders / "whole" / LAST, folders / "broken" / LAST)
    resumed = resume_run(parse_recipe(LATENT, "r"), folders / "broken", torch.device("cpu"))
    assert resumed.average.n_averaged == resumed.guidance.network_steps(14)


def test_pieces_make_the_step_of_the_whole(folders: Path) -> None:
    low, high = 0.3 * torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32)
    found = []
    for pieces in (1, 2):
        recipe = parse_recipe(LATENT, "r", ["train.batch=4", f"train.accumulate={pieces}", "train.precision=fp32"])
        run = new_run(recipe, folders / "run", torch.device("cpu"))
        for step in (0, 7):  # one of the first steps, and one of a refinement
            run.step = step
            update(run, low, high)
        found.append(run.guidance.judge.prompts.vectors.detach())
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("guidance=null", "prompt-score needs prompts: add guidance"),
        ("losses=[{kind: total-variation}]", "no loss uses the prompts of guidance; add {kind: prompt-score}"),
        ("guidance.begin=14", "guidance.begin (14 steps) must be below train.steps (14)"),
        ("guidance.prompts=text", "'efficientnet-lite0' does not read text; use prompts: latent, or the encoder clip"),
        ("guidance.encoder={kind: haar}", "haar"),
        ("losses=[{kind: residual-vector, shift: 3}, {kind: prompt-score}]", "'efficientnet-lite0' does not"),
        ("losses=[{kind: perceptual}, {kind: prompt-score}]", "perceptual compares the output with its target"),
        ("scale=2", "data.views: input and target have the same size, so scale must be 1, not 2"),
        ("data={train: [x], views: true}", "views applies only to data.pairs, data.unpaired and data.haze"),
    ],
)
def test_what_cannot_be_is_refused(change: str, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        parse_recipe(LATENT, "r", [change])
    assert message in str(told.value)


def test_a_well_lit_folder_that_is_empty_or_the_backlit_one(folders: Path) -> None:
    (folders / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures found"):
        go(folders, LATENT, "run", "data.unpaired.target=[empty]")
    with pytest.raises(DataError, match="backlit is in both sets"):
        go(folders, LATENT, "run", "data.unpaired.target=[backlit]")


def reduced(said: Any, tiny_clip: Callable[[str], Path]) -> Any:
    """A recipe with tiny CLIP models instead of the real ones, and a thousandth of the steps."""
    if isinstance(said, dict):
        said = {key: reduced(value, tiny_clip) for key, value in said.items()}
        if said.get("kind") == "clip":
            model = {"ViT-B-32": "tiny-vit", "RN101": "tiny-resnet"}[said["model"]]
            said |= {"model": model, "weights": str(tiny_clip(model))}
        if said.get("kind") == "residual-vector":
            said |= {"samples": 8, "side": 64}
        return said
    if isinstance(said, list):
        return [reduced(value, tiny_clip) for value in said]
    return said // 1000 if isinstance(said, int) and said >= 1000 else said


@pytest.mark.parametrize("name", ["clip-lit", "clip-lit-latent", "rave", "rave-supervised"])
def test_the_shipped_recipes_train(name: str, folders: Path, tiny_clip: Callable[[str], Path]) -> None:
    """For 14 to 20 steps: first prompt steps, reconstruction, and two rounds of network and prompts."""
    said = reduced(yaml.safe_load(find_recipe(name).read_text()), tiny_clip)
    said["network"] = {"kind": "residual", "width": 8, "blocks": 1}
    said["data"]["patch"], said["train"]["batch"], said["train"]["steps"] = 32, 2, 14 if "guidance" in said else 20
    done, told = go(folders, yaml.safe_dump(said), "run", "validation.crop=64", "data.holdout=1")
    assert done, told
    kept = Checkpoint(folders / "run" / LAST)
    log = [json.loads(line) for line in (folders / "run/log.jsonl").read_text().splitlines()]
    if name.startswith("rave"):
        assert "residual-vector: good pictures lie" in told
        assert kept.part("loss0")["direction"].norm() == pytest.approx(1)
        assert any("loss/residual-vector" in line for line in log)
    else:
        assert kept.part("prompts").keys() == {"tokens" if name == "clip-lit" else "vectors"}
        assert kept.part("earlier").keys() == kept.part("network").keys()
        assert any("loss/prompt-score" in line for line in log)
