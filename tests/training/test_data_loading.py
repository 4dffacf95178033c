"""Training data from the folders of a recipe: pairs, unpaired sets, and held-out pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from restore.errors import DataError, FilterError, RecipeError
from restore.export.load_source import make_spec
from restore.training.checkpoint import BEST, LAST, Checkpoint
from restore.training.recipe_file import parse_recipe
from restore.training.train import Options, start
from restore.training.trained_network import load_trained
from restore.training.training_data import open_training_data
from tests.data.lighting.test_scenes import exposed, photo, sequence
from tests.training.test_loop import assert_same, stopping_at

PAIRS = """\
name: test
task: restoration
scale: 1
network: {kind: residual, width: 16, blocks: 1}
data: {pairs: {input: dark, target: light}, patch: 16, holdout: 1}
validation: {metric: psnr-rgb, every: 20, crop: 64}
train: {steps: 60, batch: 4, optimizer: {lr: 2e-3}, schedule: {warmup: 4}}
"""
UNPAIRED = """\
name: test
task: restoration
scale: 1
network: {kind: residual, width: 8, blocks: 2}
data: {unpaired: {input: [dark], target: [light]}, patch: 32}
discriminator: {network: {kind: patchgan, width: 4, layers: 1}, form: lsgan}
losses:
  - {kind: adversarial}
  - kind: patch-nce
    key: input
    encoder: {kind: network, taps: [0, 1, 3]}
    dim: 8
    positions: 16
    identity: true
validation: {metric: psnr-rgb, every: 5, crop: 64}
train: {steps: 12, batch: 2, save_every: 100, schedule: {warmup: 2}}
"""


def go(data: Path, text: str, run: str, *changes: str, resume: bool = False) -> tuple[bool, str]:
    (data / "recipe.yaml").write_text(text)
    screen = io.StringIO()
    options = Options(resume=resume, changes=changes, device="cpu", threads=1)
    done = start(None if resume else data / "recipe.yaml", data, data / run, options, Console(file=screen, width=200))
    return done, screen.getvalue()


def test_pairs_are_learned(folders: Path) -> None:
    """The colors of the held-out pair are restored."""
    _, told = go(folders, PAIRS, "run")
    assert "3 pairs of photographs to train on, 1 to validate on; unchanged: PSNR (RGB)" in told
    rows = [json.loads(line) for line in (folders / "run/log.jsonl").read_text().splitlines()]
    unchanged = float(told.partition("unchanged: PSNR (RGB) ")[2].split()[0])
    assert rows[-1]["psnr-rgb"] > unchanged + 3
    sheet = Image.open(folders / "run/validation.jpg")
    assert sheet.size[0] == 3 * 64, "input, result and target"


def test_pairs_must_fit_the_scale(folders: Path) -> None:
    with pytest.raises(DataError, match="the scale is 2, but"):
        go(folders, PAIRS, "run", "scale=2")
    with pytest.raises(DataError, match="would leave none of 4"):
        go(folders, PAIRS, "run", "data.holdout=4")


def test_validation_on_pairs_of_their_own(folders: Path) -> None:
    recipe = parse_recipe(PAIRS, "r", ["validation.pairs={input: dark, target: light}", "validation.crop=40"])
    data = open_training_data(recipe, folders, 2**20)
    assert data.description == "4 pairs of photographs to train on"
    assert [sample.name for sample in data.samples] == ["0", "1", "2", "3"]
    for sample in data.samples:
        assert sample.high is not None
        assert sample.low.shape == sample.high.shape == (40, 40, 3)
        np.testing.assert_array_equal(sample.low, (sample.high * [0.7, 0.5, 0.4]).astype(np.uint8))


def test_unpaired_sets_train_and_resume_exactly(folders: Path) -> None:
    """A small CUT: a discriminator, and a loss on features of the network that is trained."""
    done, told = go(folders, UNPAIRED, "whole")
    assert done
    assert "4 photographs to bring closer to 4 others; 12 steps" in told
    assert not (folders / "whole" / BEST).exists(), "there is nothing to measure"
    assert Image.open(folders / "whole/validation.jpg").size[0] == 2 * 64, "input and result"
    with stopping_at(7):
        assert not go(folders, UNPAIRED, "broken")[0]
    assert go(folders, UNPAIRED, "broken", resume=True)[0]
    assert_same(folders / "whole" / LAST, folders / "broken" / LAST)
    heads = [key for key in Checkpoint(folders / "whole" / LAST).part("loss1") if "heads" in key]
    assert heads, "parameters of the loss are saved"


def test_unpaired_sets_can_be_validated_on_pairs(folders: Path) -> None:
    _, told = go(folders, UNPAIRED, "run", "validation.pairs={input: dark, target: light}")
    assert "4 to validate on; unchanged: PSNR (RGB)" in told
    assert (folders / "run" / BEST).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("losses=[{kind: l1}]", "l1 compares the output with its target, and unpaired data have none"),
        ("losses=[{kind: patch-nce}, {kind: adversarial}]", "patch-nce compares"),
        ("data.train=[x]", "train and unpaired cannot be combined"),
        ("data.unpaired=null", "give train, pairs, unpaired or exposures"),
        ("data.candidates=2", "candidates applies only to data.train"),
        ("validation.folder=x", "validation.folder needs data.train"),
        ("validation.patience=3", "validation.patience needs validation.pairs"),
        ("scale=2", "patch-nce with identity is for scale 1"),
        ("network={kind: plain, width: 16, depth: 1}", "'plain' provides no features: use 'residual'"),
        ("network.blocks=1", "this network has 0 to 2"),
    ],
)
def test_what_cannot_be_is_refused(change: str, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        parse_recipe(UNPAIRED, "r", [change])
    assert message in str(told.value)


LIGHT = """\
name: test
task: enhancement
scale: 1
network: {kind: residual, width: 16, blocks: 2}
data: {train: [light], backlight: {stops: [2, 3], glare: [0, 0]}, patch: 48, holdout: 1}
validation: {metric: psnr-rgb, every: 6, crop: 64}
train: {steps: 12, batch: 2, save_every: 100, schedule: {warmup: 2}}
"""


def test_backlit_pictures_are_trained_on_and_resume_exactly(folders: Path) -> None:
    _, told = go(folders, LIGHT, "whole")
    assert "3 photographs to train on, 1 to validate on; unchanged: PSNR (RGB)" in told
    with stopping_at(7):
        assert not go(folders, LIGHT, "broken")[0]
    assert go(folders, LIGHT, "broken", resume=True)[0]
    assert_same(folders / "whole" / LAST, folders / "broken" / LAST)


def test_exposures_are_split_by_scene(tmp_path: Path) -> None:
    scenes = [[exposed(photo(i, 96), stops) for stops in (-4, -2, 0, 1)] for i in range(4)]
    sequence(tmp_path / "exposures", *scenes)
    change = "data={exposures: [exposures], patch: 48, holdout: 1}"
    recipe = parse_recipe(LIGHT, "r", [change])
    data = open_training_data(recipe, tmp_path, 2**24)
    assert data.description == "3 scenes to train on"
    (sample,) = data.samples
    held = {f"{i:03}.png" for i in range(4 * (int(sample.name) // 4), 4 * (int(sample.name) // 4) + 4)}
    assert not held & {path.name for scene in data.dataset.scenes for path in scene.paths}
    assert go(tmp_path, LIGHT, "run", change)[0]


def test_exposures_and_backlit_pictures_take_turns(folders: Path) -> None:
    """A network that needs even sides is validated on pictures with even sides."""
    scenes = [[exposed(photo(i, 97), stops) for stops in (-4, -2, 0, 1)] for i in range(3)]
    sequence(folders / "exposures", *scenes)
    changes = ["data.exposures=[exposures]", "network={kind: bilateral-grid, thumbnail: 32, width: 8, local: 4}"]
    data = open_training_data(parse_recipe(LIGHT, "r", changes), folders, 2**24)
    assert data.description == "2 scenes to train on and 3 photographs to train on"
    assert len(data.samples) == 2
    assert all(side % 2 == 0 for sample in data.samples for side in sample.low.shape[:2])
    first, second = data.dataset.parts
    for number in range(4):
        part = (first, second)[number % 2]
        for made, wanted in zip(data.dataset.cut(number), part.cut(number // 2), strict=True):
            np.testing.assert_array_equal(made, wanted)
    assert go(folders, LIGHT, "run", *changes)[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("scale=2", "data.backlight: input and target have the same size, so scale must be 1, not 2"),
        ("data.degradation={preset: light}", "degradation and backlight cannot be combined"),
        ("data.candidates=3", "candidates and backlight cannot be combined"),
        ("data={exposures: [x], backlight: {}}", "backlight applies only to data.train"),
        ("data={exposures: [x], train: [y]}", "train and exposures cannot be combined"),
        ("data.backlight.stops=[3, 1]", "from the smaller to the larger"),
    ],
)
def test_light_that_cannot_be_is_refused(change: str, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        parse_recipe(LIGHT, "r", [change])
    assert message in str(told.value)


def test_views_are_validated_on_whole_pictures(folders: Path) -> None:
    """For pairs, and for unpaired sets without targets: pictures are reduced, not cropped."""
    views = ["data.views=true", "data.patch=32", "validation.crop=40"]
    (sample,) = open_training_data(parse_recipe(PAIRS, "r", views), folders, 2**24).samples
    assert max(sample.low.shape) == 40
    assert sample.high is not None
    assert sample.low.shape == sample.high.shape
    assert 0.3 < sample.low.mean() / sample.high.mean() < 0.7
    bare = open_training_data(parse_recipe(UNPAIRED, "r", views), folders, 2**24).samples
    assert {max(one.low.shape) for one in bare} == {40}
    assert all(one.high is None for one in bare)
    assert go(folders, UNPAIRED, "run", *views)[0]


FILTERS = """\
name: test
task: filter-removal
scale: 1
network: {kind: modulated-colour, thumbnail: 32, width: 8, code: 6, hidden: 4, kinds: 3}
data: {train: [light], filters: {names: [aden, toaster]}, patch: 32, holdout: 2}
losses:
  - {kind: l1}
  - {kind: filter-class, weight: 0.1}
  - {kind: filter-contrast, weight: 0.1}
  - {kind: clean-code, weight: 0.1}
validation: {metric: psnr-rgb, every: 6, crop: 64}
train: {steps: 12, batch: 6, accumulate: 2, save_every: 100, schedule: {warmup: 2}}
"""


def test_filters_are_learned_and_resume_exactly(folders: Path) -> None:
    data = open_training_data(parse_recipe(FILTERS, "r"), folders, 2**24)
    assert [sample.name.split("-")[1] for sample in data.samples] == ["aden", "toaster"]
    _, told = go(folders, FILTERS, "whole")
    assert "2 photographs to train on, 2 to validate on; unchanged: PSNR (RGB)" in told
    with stopping_at(7):
        assert not go(folders, FILTERS, "broken")[0]
    assert go(folders, FILTERS, "broken", resume=True)[0]
    assert_same(folders / "whole" / LAST, folders / "broken" / LAST)
    log = [json.loads(line) for line in (folders / "whole/log.jsonl").read_text().splitlines()]
    assert {"loss/filter-class", "loss/filter-contrast", "loss/clean-code"} <= log[-2].keys()


def test_a_lookup_table_in_the_data_folder_is_learned_as_a_filter(folders: Path) -> None:
    (folders / "film.cube").write_text("LUT_1D_SIZE 3\n0.1 0 0\n0.6 0.5 0.4\n1 1 0.8\n")
    change = "data.filters.names=[film.cube, aden]"
    data = open_training_data(parse_recipe(FILTERS, "r", [change]), folders, 2**24)
    assert [sample.name.split("-")[1] for sample in data.samples] == ["film", "aden"]
    assert go(folders, FILTERS, "run", change)[0]
    assert make_spec(*load_trained(folders / "run")).kinds == ("film", "aden", "none")
    with pytest.raises(FilterError, match=r"no\.cube: cannot be read: No such file"):
        open_training_data(parse_recipe(FILTERS, "r", ["data.filters.names=[no.cube, aden]"]), folders, 2**24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("network.kinds=4", "filter-class: network.kinds must be 3, the number of filters and one for none"),
        ("network={kind: residual}", "the network 'residual' makes no code: use 'modulated-colour'"),
        ("data={pairs: {input: dark, target: light}}", "only data.filters say which filter a picture is under"),
        ("data.backlight={}", "backlight and filters cannot be combined"),
        ("data={train: [light], filters: {reduced: 0.1}, patch: 33}", "patch must be even, not 33"),
        ("scale=2", "data.filters: input and target have the same size, so scale must be 1, not 2"),
    ],
)
def test_filters_that_cannot_be_are_refused(change: str, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        parse_recipe(FILTERS, "r", [change])
    assert message in str(told.value)


@pytest.mark.parametrize("made", ["backlight={}", "filters={}", "exposures=[exposures]"])
def test_pairs_to_validate_light_and_filters_on_are_seen_whole_and_once(made: str, folders: Path) -> None:
    scenes = [[exposed(photo(i, 97), stops) for stops in (-4, -2, 0, 1)] for i in range(2)]
    sequence(folders / "exposures", *scenes)
    backlit = ["data.backlight={}"] if made.startswith("exposures") else []
    changes = [*backlit, f"data.{made}", "data.filters=null"] if backlit else [f"data.{made}"]
    if made.startswith("filters"):
        changes.append("data.backlight=null")
    recipe = parse_recipe(LIGHT, "r", [*changes, "validation.pairs={input: dark, target: light}", "validation.crop=40"])
    samples = open_training_data(recipe, folders, 2**24).samples
    assert len(samples) == 4
    assert {max(sample.low.shape) for sample in samples} == {40}


def test_two_ways_to_validate_are_refused() -> None:
    changes = ["validation.folder=x", "validation.pairs={input: dark, target: light}"]
    with pytest.raises(RecipeError, match=r"validation\.folder and validation\.pairs"):
        parse_recipe(LIGHT, "r", changes)
