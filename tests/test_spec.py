"""What a model file says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from restore.errors import ModelError
from restore.spec import METADATA_KEY, ModelSpec, fault_of, read_spec
from restore.utils.text import name_fault, name_of


def test_round_trip() -> None:
    spec = ModelSpec(name="x", scale=4, halo=15, licence="MIT", hours=1.5)
    assert read_spec(spec.metadata(), "x.onnx") == spec


def test_given_values_win() -> None:
    spec = read_spec(ModelSpec(scale=4, halo=15).metadata(), "x.onnx", {"halo": "20"})
    assert (spec.scale, spec.halo) == (4, 20)


def test_a_foreign_file_can_be_described() -> None:
    spec = read_spec({}, "x.onnx", {"scale": "4", "halo": "16", "high": "255"})
    assert (spec.scale, spec.halo, spec.high) == (4, 16, 255.0)


def test_what_is_missing_is_named_with_its_cure() -> None:
    with pytest.raises(
        ModelError, match=r"x\.onnx: the file does not say its scale and halo.*--spec scale=N --spec halo=N"
    ):
        read_spec({}, "x.onnx")
    with pytest.raises(ModelError, match="does not say its halo.*--spec halo=N"):
        read_spec({}, "x.onnx", {"scale": "2"})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"scale": "two", "halo": "1"}, "'scale'"),
        ({"scale": "2", "halo": "-1"}, "'halo'"),
        ({"scale": "2", "halo": "1", "hallo": "1"}, "'hallo'"),
        ({"scale": "2", "halo": "1000000"}, "'halo'"),
        ({"scale": "2", "halo": "1", "multiple": "30000"}, "'multiple'"),
        ({"scale": "2", "halo": "1", "low": "1"}, r"low \(1.0\) must be less than high \(1.0\)"),
        ({"scale": "2", "halo": "1", "high": "inf"}, "'high'"),
        ({"scale": "2", "halo": "1", "shape": "1x2"}, "'shape'"),
        ({"scale": "2", "halo": "1", "loss_db": "nan"}, "'loss_db'"),
        ({"scale": "2", "halo": "1", "seed": "3"}, "seed is of models that take noise, and this one takes none"),
        ({"scale": "2", "halo": "1", "flow": "3"}, "flow is of models that take noise, and this one takes none"),
        ({"scale": "2", "halo": "1", "noise": "true", "seed": "-1"}, "'seed'"),
    ],
)
def test_wrong_values_are_named(given: dict[str, str], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_spec({}, "x.onnx", given)


@pytest.mark.parametrize("text", ["{", "[]", "7", "[" * 100_000])
def test_broken_metadata(text: str) -> None:
    with pytest.raises(ModelError, match="x.onnx: its 'restore.spec' metadata cannot be read"):
        read_spec({METADATA_KEY: text}, "x.onnx")


def test_what_is_wrong_with_the_whole_names_no_field() -> None:
    with pytest.raises(ModelError, match="^x.onnx: low "):
        read_spec({}, "x.onnx", {"scale": "2", "halo": "1", "low": "1"})


def test_what_a_file_says_wrongly_is_put_right_by_what_is_given() -> None:
    said = {METADATA_KEY: json.dumps({"halo": 3, "scale": 99, "low": 2})}
    with pytest.raises(ModelError, match="'scale'.*Put it right with --spec scale="):
        read_spec(said, "x.onnx")
    spec = read_spec(said, "x.onnx", {"scale": "2", "high": "3"})
    assert (spec.scale, spec.halo, spec.low, spec.high) == (2, 3, 2.0, 3.0)
    with pytest.raises(ModelError, match="does not say its scale. If you know, add --spec scale=N"):
        read_spec({METADATA_KEY: '{"halo": 3}'}, "x.onnx")


def test_shape_and_kinds_as_they_are_written_on_a_command_line() -> None:
    given = {"scale": "1", "halo": "1", "context": "8", "kinds": "sepia,none"}
    assert read_spec({}, "x", {**given, "shape": "2x8x9"}).shape == (2, 8, 9)
    spec = read_spec({}, "x", {**given, "shape": "16"})
    assert (spec.shape, spec.kinds) == ((1, 16, 16), ("sepia", "none"))


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a\\b", "/root", "C:x", "..", ".hidden", "", "a\n", "con", "x.int8", "x."]
)
def test_a_name_leads_nowhere(name: str) -> None:
    """Files are called so: export and twins write to a folder and this name."""
    with pytest.raises(ModelError, match="'name'"):
        read_spec({METADATA_KEY: json.dumps({"scale": 2, "halo": 1, "name": name})}, "x.onnx")


@pytest.mark.parametrize("field", ["task", "network", "licence", "data", "recipe", "made_with", "kinds", "measured"])
@pytest.mark.parametrize("character", ["\x1b", "\n", "\x00", "\x9b", "\u202e", "\u2028"])
def test_text_does_nothing_to_a_terminal(field: str, character: str) -> None:
    text = f"free{character}[2J"
    value = {"kinds": [text], "measured": {text: 1.0}}.get(field, text)
    with pytest.raises(ModelError) as caught:
        read_spec({METADATA_KEY: json.dumps({"scale": 2, "halo": 1, "context": 8, field: value})}, "x.onnx")
    assert f"'{field}" in str(caught.value)
    assert character not in str(caught.value)


def test_neither_does_the_name_of_a_field() -> None:
    with pytest.raises(ModelError, match=r"'\\x1b\[2J' is not a field"):
        read_spec({METADATA_KEY: json.dumps({"scale": 2, "halo": 1, "\x1b[2J": 1})}, "x.onnx")


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("a file (1)", "a-file-1"),
        ("..", "imported"),
        ("con", "imported"),
        ("x.int8", "x"),
        ("4x_foo-v1.5+", "4x_foo-v1.5"),
    ],
)
def test_a_name_is_made_of_a_file(stem: str, name: str) -> None:
    assert name_of(Path(f"{stem}.pth")) == name


@settings(max_examples=200, deadline=None)
@drawn(st.text(max_size=120))
def test_a_name_made_of_any_file_is_a_name(stem: str) -> None:
    assert name_fault(name_of(Path(stem.replace("/", "") + ".pth"))) == ""


def test_a_side_is_one_that_the_network_takes() -> None:
    spec = ModelSpec(scale=1, halo=5, multiple=4, minimum=10)
    assert [spec.side(n) for n in (1, 10, 12, 13)] == [12, 12, 12, 16]
    assert spec.whole_halo == 8


def test_other_facts_are_checked() -> None:
    spec = ModelSpec(scale=1, halo=5, context=8, kinds=("a",))
    assert spec.but(halo=6) == ModelSpec(scale=1, halo=6, context=8, kinds=("a",))
    with pytest.raises(ValidationError):
        spec.but(name="../x")


def test_a_field_that_is_misspelt_is_known_again() -> None:
    with pytest.raises(ValidationError) as told:
        ModelSpec(scale=1, halo=0, license="MIT")
    assert fault_of(told.value) == "'license' is not a field of a model's description: did you mean 'licence'?"
