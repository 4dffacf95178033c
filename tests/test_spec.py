"""What a model file says of itself."""

from __future__ import annotations

import pytest

from restore.errors import ModelError
from restore.spec import METADATA_KEY, ModelSpec, read_spec


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
        ({"scale": "2", "halo": "1", "low": "1"}, r"low \(1.0\) must lie below high \(1.0\)"),
        ({"scale": "2", "halo": "1", "high": "inf"}, "'high'"),
    ],
)
def test_wrong_values_are_named(given: dict[str, str], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_spec({}, "x.onnx", given)


def test_broken_metadata() -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_spec({METADATA_KEY: "{"}, "x.onnx")
