import importlib.metadata
import sys
import types
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from restore.utils.registry import OneOf, Registry, by_kind, kinds


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str


class Round(Options):
    kind: Literal["circle", "disc"]
    radius: float = Field(1.0, gt=0)


class Square(Options):
    kind: Literal["square"] = "square"


class Late(Options):
    kind: Literal["late"] = "late"


def shapes():
    return by_kind("shape", "restore.test-shapes", Round, Square)


def drawing(registry, **limits):
    class Drawing(BaseModel):
        shapes: list[Annotated[Options, OneOf(registry, **limits)]]

    return Drawing


def test_names_are_those_of_the_literal_in_the_order_of_the_members():
    assert list(shapes()) == ["circle", "disc", "square"]
    assert shapes()["disc"] is Round
    assert len(shapes()) == 3


def test_two_members_of_one_name_are_refused():
    class Other(Options):
        kind: Literal["square"] = "square"

    with pytest.raises(ValueError, match="a shape named 'square' already exists"):
        shapes().register(Other)


def test_a_kind_that_is_no_literal_is_refused():
    with pytest.raises(TypeError, match="must be a Literal"):
        kinds(Options)


def test_a_field_takes_the_members_and_says_where_it_is_wrong():
    model = drawing(shapes())
    good = model(shapes=[{"kind": "disc", "radius": 2}, Square()])
    assert good.shapes == [Round(kind="disc", radius=2), Square()]
    assert good.model_dump() == {"shapes": [{"kind": "disc", "radius": 2.0}, {"kind": "square"}]}
    with pytest.raises(ValidationError) as caught:
        model(shapes=[{"kind": "disc", "radius": -1}, {"kind": "line"}])
    first, second = caught.value.errors()
    assert first["loc"] == ("shapes", 0, "disc", "radius")
    assert second["type"] == "union_tag_invalid"
    assert second["ctx"]["expected_tags"] == "'circle', 'disc', 'square'"


def test_what_is_registered_later_is_taken_by_models_that_were_made_before():
    registry = shapes()
    model = drawing(registry)
    with pytest.raises(ValidationError):
        model(shapes=[{"kind": "late"}])
    registry.register(Late)
    assert model(shapes=[{"kind": "late"}]).shapes == [Late()]
    assert {"Round", "Square", "Late"} <= set(model.model_json_schema()["$defs"])


def test_a_field_may_take_more_or_fewer_than_the_registry():
    model = drawing(shapes(), also=(Late,), where=lambda member: member is not Round)
    assert model(shapes=[{"kind": "late"}, {"kind": "square"}]).shapes == [Late(), Square()]
    with pytest.raises(ValidationError):
        model(shapes=[{"kind": "circle"}])


def plug_in(monkeypatch, **modules):
    """Entry points of a package that is not installed, one for each module."""
    for name, content in modules.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    entries = [importlib.metadata.EntryPoint(name, f"{name}:Late", "restore.test-shapes") for name in modules]
    monkeypatch.setattr("restore.utils.registry.entry_points", lambda group: entries)


def test_an_installed_package_adds_members(monkeypatch):
    plug_in(monkeypatch, a_plugin={"Late": Late})
    registry = shapes()
    assert registry["late"] is Late
    assert list(registry)[-1] == "late"


def test_a_broken_package_is_named_and_left_out(monkeypatch):
    plug_in(monkeypatch, broken_plugin={})
    registry = shapes()
    with pytest.warns(UserWarning, match="the shape 'broken_plugin' of the installed package"):
        assert list(registry) == ["circle", "disc", "square"]
    assert registry["square"] is Square


def test_members_need_not_be_options():
    registry = Registry("filter", ["a", "b"], lambda member: (member.upper(),), "restore.test-filters")
    assert dict(registry) == {"A": "a", "B": "b"}
