"""The registry of data sources defines ``data:`` of a recipe, and plug-ins can add sources."""

from __future__ import annotations

import copy
import importlib.metadata
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from restore.data.sources.base import DataOptions, PhotoSource
from restore.data.sources.bicubic import BicubicSource, reduced_samples
from restore.data.sources.registry import SOURCES
from restore.errors import RecipeError
from restore.imaging.decode import read_rgb8
from restore.training.recipe import Recipe
from restore.training.recipe_file import dump_recipe, parse_recipe
from restore.training.training_data import open_training_data
from tests.conftest import picture, save

TEXT = """\
name: test
task: restoration
scale: 1
network: {kind: residual, width: 16, blocks: 1}
data:
  train: [photos]
  snow: {flakes: 3}
  patch: 16
  holdout: 1
"""


class Snow(BaseModel):
    """Options of a plug-in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    flakes: int = Field(5, ge=1)


class SnowData(DataOptions):
    snow: Snow | None = None


class SnowSource(PhotoSource[SnowData]):
    """Photographs, and the same with white pixels."""

    key = "snow"
    fields = SnowData
    same_size = "snow"

    def check(self) -> None:
        if self.options.snow.flakes > self.options.patch:
            raise ValueError("more snow.flakes than patch has rows")

    def dataset(self, photos, context):
        return BicubicSource(self.options.model_copy(update={"candidates": 1})).dataset(photos, context)

    def samples(self, photos, context):
        return reduced_samples(photos, 1, context.crop)


@pytest.fixture
def snow() -> Iterator[None]:
    before = dict(SOURCES)
    SOURCES.register(SnowSource)
    yield
    SOURCES._members.clear()
    SOURCES._members.update(before)


def test_a_source_is_found_by_its_key() -> None:
    assert all(SOURCES[source.key] is source for source in SOURCES.values())
    for source in SOURCES.values():
        assert source.key in source.fields.model_fields
        assert source.origin in SOURCES
        assert source.__doc__


def test_a_key_that_no_source_has_is_refused_by_its_line() -> None:
    with pytest.raises(RecipeError, match=r"^r\.yaml, line 7: unknown option 'data\.snow'; did you mean 'shadow'\?$"):
        parse_recipe(TEXT, "r.yaml")
    text = TEXT.replace("snow: {flakes: 3}", "filtesr: {names: [aden]}")
    with pytest.raises(RecipeError, match=r"line 7: unknown option 'data\.filtesr'; did you mean 'filters'\?"):
        parse_recipe(text, "r.yaml")


@pytest.mark.usefixtures("snow")
def test_a_registered_source_is_trained_on(tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / f"photos/{i}.png", picture(40, 40, seed=i))
    recipe = parse_recipe(TEXT, "r")
    assert recipe.data.snow == Snow(flakes=3)
    assert parse_recipe(dump_recipe(recipe), "again") == recipe
    data = open_training_data(recipe, tmp_path, 2**20)
    assert data.description == "2 photographs to train on"
    (sample,) = data.samples
    np.testing.assert_array_equal(sample.high, read_rgb8(tmp_path / f"photos/{sample.name}.png"))
    assert "Snow" in Recipe.model_json_schema()["$defs"]


@pytest.mark.usefixtures("snow")
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("flakes: 3", "flaeks: 3", r"line 7: unknown option 'data\.snow\.flaeks'; did you mean 'flakes'"),
        ("flakes: 3", "flakes: 0", r"line 7: 'data\.snow\.flakes': input should be greater than or equal to 1"),
        ("flakes: 3", "flakes: 17", r"line 5: 'data': more snow\.flakes than patch has rows"),
        ("snow:", "sonw:", r"line 7: unknown option 'data\.sonw'; did you mean 'snow'"),
        ("  patch", "  filters: {}\n  patch", "line 5: 'data': filters and snow cannot be combined"),
        ("  patch", "  candidates: 2\n  patch", "line 5: 'data': candidates and snow cannot be combined"),
        ("train: [photos]", "exposures: [x]", r"line 5: 'data': snow applies only to data\.train; remove it"),
        ("scale: 1", "scale: 2", r"data\.snow: input and target have the same size, so scale must be 1, not 2"),
    ],
)
def test_mistakes_in_a_registered_source_are_explained(old: str, new: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(TEXT.replace(old, new), "r")


def test_an_installed_package_adds_a_source(monkeypatch: pytest.MonkeyPatch, snow: None) -> None:
    SOURCES._members.pop("snow")
    monkeypatch.setitem(sys.modules, "a_plugin", types.SimpleNamespace(SnowSource=SnowSource))
    entry = importlib.metadata.EntryPoint("snow", "a_plugin:SnowSource", "restore.data_sources")
    monkeypatch.setattr("restore.utils.registry.entry_points", lambda group: [entry])
    monkeypatch.setattr(SOURCES, "_discovered", False)
    assert parse_recipe(TEXT, "r").data.snow == Snow(flakes=3)


@pytest.mark.usefixtures("snow")
def test_a_source_may_extend_the_keys_of_another() -> None:
    class MoreData(SnowData):
        wind: float = 0.0

    SOURCES.register(type("MoreSource", (SnowSource,), {"key": "wind", "fields": MoreData}))
    assert parse_recipe(TEXT, "r").data.wind == 0.0


def test_what_a_run_writes_can_be_read_without_plug_ins_that_it_does_not_use(snow: None) -> None:
    text = TEXT.replace("  snow: {flakes: 3}\n", "")
    written = dump_recipe(parse_recipe(text, "r"))
    assert "snow" not in written
    assert "candidates: 1" in written, "defaults that apply are spelled out"
    SOURCES._members.pop("snow")
    assert dump_recipe(parse_recipe(written, "run")) == written


def test_digests_ignore_sources_that_are_not_used(snow: None) -> None:
    """Installing a plug-in later must not change the recorded digests of models."""
    text = TEXT.replace("  snow: {flakes: 3}\n", "")
    with_snow = parse_recipe(text, "r").digest()
    SOURCES._members.pop("snow")
    assert parse_recipe(text, "r").digest() == with_snow


def test_a_recipe_can_be_pickled_and_copied() -> None:
    recipe = parse_recipe(TEXT.replace("snow: {flakes: 3}", "filters: {names: [aden]}"), "r")
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert copy.deepcopy(recipe) == recipe


def test_two_sources_of_one_key_are_refused() -> None:
    other = type("Other", (SnowSource,), {"key": "filters"})
    with pytest.raises(ValueError, match="a data source named 'filters' already exists"):
        SOURCES.register(other)


def test_fields_are_in_the_order_of_the_registry() -> None:
    names = list(Recipe.model_json_schema()["$defs"]["Data"]["properties"])
    own = [source.key for source in SOURCES.values()]
    assert sorted(own, key=names.index) == own
