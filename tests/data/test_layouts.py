"""Published data sets, as they are unpacked, by what docs/training.md says about each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from restore.data.pairs import match_photos
from restore.data.sources.paired import Pairs
from restore.errors import DataError, RecipeError
from restore.training.recipe_file import parse_recipe
from restore.training.training_data import open_training_data
from tests.conftest import picture, save

PAGE = (Path(__file__).resolve().parents[2] / "docs/training.md").read_text(encoding="utf-8")
SAID = {
    name: yaml.safe_load(said)
    for name, said in re.findall(r"^\| ([A-Z][^|]+) \| `(\{input.*\})` \|$", PAGE, re.MULTILINE)
}
# By data set: the pairs, and files that are in no pair.
LAYOUTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "DIV2K, Flickr2K": ({"DIV2K_train_LR_bicubic/X4/0001x4.png": "DIV2K_train_HR/0001.png"}, []),
    "LSDIR, in shards": ({"X4/0001000/0000001x4.png": "HR/0001000/0000001.png"}, []),
    "LOL": ({"our485/low/2.png": "our485/high/2.png"}, ["eval15/low/1.png"]),
    "RESIDE (ITS, OTS, SOTS)": (
        {"hazy/1_1_0.9.png": "clear/1.png", "hazy/1_2_0.8.png": "clear/1.png", "hazy/10_1_0.9.png": "clear/10.png"},
        ["trans/1_1.png"],
    ),
    "GoPro": (
        {
            "train/GOPR0372/blur/000047.png": "train/GOPR0372/sharp/000047.png",
            "train/GOPR0384/blur/000047.png": "train/GOPR0384/sharp/000047.png",
        },
        ["train/GOPR0372/blur_gamma/000047.png"],
    ),
    "Rain100L, Rain100H": ({"rain/rain-001.png": "norain/norain-001.png"}, []),
    "SIDD": ({"Data/0001_S6/NOISY_SRGB_010.PNG": "Data/0001_S6/GT_SRGB_010.PNG"}, []),
    "ISTD": ({"train/train_A/1-1.png": "train/train_C/1-1.png"}, ["train/train_B/1-1.png"]),
}


def test_the_page_says_all() -> None:
    assert set(SAID) == set(LAYOUTS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_data_set_is_a_line(name: str, tmp_path: Path) -> None:
    pairs, others = LAYOUTS[name]
    for file in [*pairs, *pairs.values(), *others]:
        save(tmp_path / file, picture(8, 8))
    found = Pairs(**SAID[name]).found(tmp_path)
    assert {low.relative_to(tmp_path).as_posix(): high.relative_to(tmp_path).as_posix() for low, high in found} == pairs


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        ("sharp/=blur/", "a/sharp/2.png"),
        ("sharp/=blur/", "a/blur/2.png"),
        ("{stem}_*", "3.png"),
        ("{stem}_*", "3_1.png"),
    ],
)
def test_what_has_no_partner_is_named(template: str, missing: str, tmp_path: Path) -> None:
    low, high = (tmp_path, tmp_path) if "/" in template else (tmp_path / "low", tmp_path / "high")
    for file in ("a/sharp/1.png", "a/blur/1.png") if "/" in template else ("low/1_1.png", "high/1.png"):
        save(tmp_path / file, picture(8, 8))
    save((tmp_path if "/" in template else low if "_" in missing else high) / missing, picture(8, 8))
    with pytest.raises(DataError, match=re.escape(missing)):
        match_photos(low, high, template)


def test_all_inputs_of_a_target_are_held_out_together(tmp_path: Path) -> None:
    for target in range(5):
        save(tmp_path / f"clear/{target}.png", picture(40, 40, seed=target))
        for number in range(3):
            save(tmp_path / f"hazy/{target}_{number}.png", picture(40, 40, seed=target))
    text = "name: x\nscale: 1\nnetwork: {kind: plain, width: 8, depth: 1}\n"
    text += 'data: {pairs: {input: hazy, target: clear, template: "{stem}_*"}, patch: 16, holdout: 2}\n'
    found = open_training_data(parse_recipe(text, "r"), tmp_path, 2**20)
    assert len(found.samples) == 2
    trained = {path.stem for store in found.dataset.stores() for path in store.paths}
    validated = {Path(sample.name).stem.partition("_")[0] for sample in found.samples}
    assert len(trained & {str(target) for target in range(5)}) == 3
    assert not {name.partition("_")[0] for name in trained} & validated


@pytest.mark.parametrize("template", ["sharp/=", "a/b/=c/", "*", "x/{stem}"])
def test_other_forms_are_refused(template: str) -> None:
    text = "name: x\nscale: 1\nnetwork: {kind: plain}\n"
    text += f'data: {{pairs: {{input: a, target: b, template: "{template}"}}}}\n'
    with pytest.raises(RecipeError):
        parse_recipe(text, "r")
