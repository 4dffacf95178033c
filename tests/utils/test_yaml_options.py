"""Problems of any options model are told by line, through lists, dictionaries and unions."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from restore.errors import RecipeError
from restore.utils.yaml_options import parse_options


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Circle(Strict):
    kind: Literal["circle"] = "circle"
    radius: float


class Square(Strict):
    kind: Literal["square"] = "square"
    side: float


Shape = Annotated[Circle | Square, Field(discriminator="kind")]


class Fill(Strict):
    colour: str = "red"


class Stripes(Strict):
    spacing: float


class Drawing(Strict):
    shape: Shape
    more: list[Shape] = []
    named: dict[str, Shape] = {}
    span: tuple[int, float] = (0, 1.0)
    fill: Fill | None = None
    pattern: Fill | Stripes | None = None


GOOD = """\
shape: {kind: circle, radius: 1}
more:
  - kind: square
    side: 2
  - {kind: circle, radius: 3}
named:
  first: {kind: square, side: 1}
span: [1, 2.5]
fill: {colour: blue}
"""


def parse(text: str, changes: tuple[str, ...] = ()) -> Drawing:
    return parse_options(Drawing, text, "d.yaml", changes, example="span: [0, 1]", example_change="fill.colour=green")


def test_good() -> None:
    drawing = parse(GOOD, ("fill.colour=green",))
    assert (drawing.more[0], drawing.fill) == (Square(side=2), Fill(colour="green"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("radius: 1", "raduis: 1", r"d\.yaml, line 1: unknown option 'shape\.raduis'; did you mean 'radius'\?"),
        ("    side: 2", "    sied: 2", r"line 4: unknown option 'more\.0\.sied'; did you mean 'side'\?"),
        ("radius: 3", "sides: 3", r"line 5: unknown option 'more\.1\.sides'$"),
        ("side: 1", "sid: 1", r"line 7: unknown option 'named\.first\.sid'; did you mean 'side'\?"),
        ("[1, 2.5]", "[1, x]", r"line 8: 'span\.1': .*valid number.*'x'"),
        ("colour: blue", "color: blue", r"line 9: unknown option 'fill\.color'; did you mean 'colour'\?"),
        ("fill: {colour: blue}", "pattern: {colour: 3}", r"line 9: 'pattern\.colour': .*valid string.*\(not 3\)"),
        ("fill: {colour: blue}", "pattern: {spacign: 3}", r"unknown option 'pattern\.spacign'; did you mean 'spacing'\?"),
        ("kind: square\n", "kind: sqare\n", r"line 3: 'more\.0': no kind 'sqare' here; did you mean 'square'\?"),
        ("fill:", "fil:", r"line 9: unknown option 'fil'; did you mean 'fill'\?"),
    ],
)  # fmt: skip
def test_mistakes(old: str, new: str, says: str) -> None:
    with pytest.raises(RecipeError, match=f"(?m){says}"):
        parse(GOOD.replace(old, new))


def test_examples_are_the_models_own() -> None:
    with pytest.raises(RecipeError, match=r"for example 'span: \[0, 1\]', not a list"):
        parse("- 1")
    with pytest.raises(RecipeError, match="for example --set fill.colour=green"):
        parse(GOOD, ("fill",))


def test_a_change_that_is_not_yaml() -> None:
    with pytest.raises(RecipeError, match=r"--set span=\[1: not YAML"):
        parse(GOOD, ("span=[1",))
