"""What a model file promises. Export writes it into the ONNX file, the runtime reads it: the one thing both share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import from_json
from typing_extensions import Self

from restore.errors import ModelError
from restore.utils.text import name_fault, parse_shape, printable, unseen

METADATA_KEY = "restore.spec"
_REQUIRED = ("scale", "halo")


def _seen(text: str) -> str:
    """Text that does nothing to a terminal, whoever wrote it."""
    if fault := unseen(text):
        raise ValueError(f"there is {fault!r} in it, which is no character to be shown")
    return text


def _named(name: str) -> str:
    """Files and folders are called so: it must not lead elsewhere."""
    if fault := name_fault(name):
        raise ValueError(fault)
    return name


Text = Annotated[str, AfterValidator(_seen)]
Name = Annotated[str, AfterValidator(_named)]


class ModelSpec(BaseModel):
    """All that is needed to run a model rightly, and where it came from.

    The network takes ``input``: float32 (N, channels, H, W), RGB, ``low`` .. ``high``, and gives ``output``: the same
    with both sides ``scale`` times as long, to be clipped.

    One that judges the whole picture by a thumbnail of side ``context`` takes besides, all float32: ``thumbnail`` (N,
    channels, context, context), the picture made small without regard to its shape, on the same range; ``rows`` (N, H)
    and ``columns`` (N, W), where the centres of the input's pixels lie in the picture, from 0 to 1. One whose
    ``strength`` can be chosen takes ``strength`` (N,), from 0, the picture as it is, to 1.

    One that tells ``kinds`` of pictures apart by its thumbnail gives besides ``belief`` (N, kinds): how much it
    believes in each, 0..1, all together 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    BESIDE: ClassVar[tuple[str, ...]] = ("thumbnail", "rows", "columns", "strength")

    format: Literal["restore-model-1"] = Field("restore-model-1", description="of this description")
    name: Name = Field("unnamed", description="the model's; all precisions of one have the same")
    task: Text = Field("super-resolution", description="what it does")
    scale: int = Field(ge=1, le=16, description="output side over input side")
    halo: int = Field(ge=0, le=4096, description="input pixels around a tile that may change what comes out of it")
    exact_tiles: bool = Field(True, description="whether tiles with that halo give the whole picture's result")
    channels: Literal[3] = Field(3, description="planes of the picture")
    colours: Literal["RGB"] = Field("RGB", description="order of the planes")
    low: float = Field(0.0, description="the value of black")
    high: float = Field(1.0, description="the value of white")
    context: int = Field(0, ge=0, le=4096, description="side of the thumbnail that it takes; 0 for none")
    thumbnail: Literal["mean", "middle"] = Field(
        "mean", description="how it is made: of the mean of each area, or of the pixel in its middle"
    )
    strength: bool = Field(False, description="whether it takes how far the picture is changed")
    kinds: tuple[Text, ...] = Field((), description="kinds of pictures that it tells apart by the thumbnail")
    multiple: int = Field(1, ge=1, le=1024, description="what both sides of the input must be a multiple of")
    minimum: int = Field(1, ge=1, le=4096, description="the shortest side the network takes")
    shape: tuple[int, int, int] | None = Field(
        None, description="batch, height and width of the input, for a file that takes no others"
    )
    precision: Literal["fp32", "fp16", "int8"] = Field("fp32", description="of its weights and sums; inputs are fp32")
    loss_db: float | None = Field(None, description="the largest PSNR loss against fp32 on the standard sets")
    measured: dict[Text, float] = Field({}, description="what was measured when the file was made, by name with unit")
    network: Text = Field("", description="the architecture")
    parameters: int = Field(0, description="numbers that were learned")
    licence: Text = Field("", description="under which the weights may be used")
    data: Text = Field("", description="what it was trained on")
    steps: int = Field(0, description="of training; 0 where it was trained elsewhere")
    hours: float = Field(0.0, description="training time")
    start: Text = Field("", description="whose weights the training began with; empty for its own")
    recipe: Text = Field("", description="SHA-256 of the recipe")
    weights: Text = Field("", description="SHA-256 of the float32 file's weights; its twins have the same")
    made_with: Text = Field("", description="the program that wrote the file, and its version")

    @field_validator("shape", mode="before")
    @classmethod
    def _shape_of_text(cls, value: object) -> object:
        """Command-line spelling: ``256`` or ``4x256x320``."""
        return parse_shape(value) if isinstance(value, str) else value

    @field_validator("kinds", mode="before")
    @classmethod
    def _kinds_of_text(cls, value: object) -> object:
        """As they are written on a command line, with commas between."""
        return value.split(",") if isinstance(value, str) else value

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must lie below high ({self.high})")
        return self

    @model_validator(mode="after")
    def _kinds(self) -> Self:
        if self.kinds and not self.context:
            raise ValueError("kinds are told apart by a thumbnail, and its context is 0")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.shape is not None:
            count, *sides = self.shape
            least = max(self.minimum, 2 * self.whole_halo + self.multiple)
            if count < 1 or any(side < least or side % self.multiple for side in sides):
                raise ValueError(
                    f"a shape of {count}x{sides[0]}x{sides[1]} does not fit: it takes sides of at least {least} "
                    f"(twice the halo, and something between) that are multiples of {self.multiple}"
                )
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what the network takes, in order."""
        *context, strength = self.BESIDE
        return "input", *(context if self.context else ()), *((strength,) if self.strength else ())

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what the network gives, in order."""
        return ("output", "belief") if self.kinds else ("output",)

    @property
    def trained_as(self) -> tuple[object, ...]:
        """What two files of one training have in common, whatever their precision."""
        return self.name, self.recipe, self.steps, self.network, self.parameters, self.scale, self.weights

    @property
    def whole_halo(self) -> int:
        """The halo up to the next multiple: tiles begin and end at multiples."""
        return -(-self.halo // self.multiple) * self.multiple

    def side(self, wanted: int) -> int:
        """The shortest side that the network takes and that is as long as wanted."""
        return -(-max(wanted, self.minimum) // self.multiple) * self.multiple

    def but(self, **facts: object) -> Self:
        """The same with other facts, checked.

        Raises:
            ValidationError: they do not fit.
        """
        return self.model_validate({**self.model_dump(), **facts})

    def metadata(self) -> dict[str, str]:
        """For the metadata of an ONNX file: everything as JSON under one key."""
        return {METADATA_KEY: self.model_dump_json()}


def read_spec(metadata: Mapping[str, str], source: str, given: Mapping[str, str] | None = None) -> ModelSpec:
    """The spec in an ONNX file's metadata, with what the user gives on top.

    Args:
        metadata: the file's metadata map.
        source: the file, for messages.
        given: field and value as text, which win over the file's.

    Raises:
        ModelError: something needed is in neither, or a value is wrong; says how to give it.
    """
    text = metadata.get(METADATA_KEY)
    given = given or {}
    values = {**(_said(text, source) if text else {}), **given}
    missing = [name for name in _REQUIRED if name not in values]
    if missing:
        cure = " ".join(f"--spec {name}=N" for name in missing)
        none = "" if text else f" (no '{METADATA_KEY}' metadata)"
        raise ModelError(
            f"{source}: the file does not say its {' and '.join(missing)}{none}. "
            f"If you know, add {cure}: the scale is output size over input size; the halo is the receptive field's "
            "radius in input pixels (too large is safe, only slower)"
        )
    try:
        return ModelSpec.model_validate(values)
    except ValidationError as error:
        field = str(next(iter(error.errors()[0]["loc"]), ""))
        cure = (
            f". Put it right with --spec {field}=..." if field in ModelSpec.model_fields and field not in given else ""
        )
        raise ModelError(f"{source}: {fault_of(error)}{cure}") from error


def check_given(source: str, given: Mapping[str, str]) -> ModelSpec:
    """What the user gives, by itself: wrong values are told before anything is run.

    Returns:
        A spec with what is given; what is not is no more than a default, also scale and halo.

    Raises:
        ModelError: a field is unknown, or a value wrong.
    """
    return read_spec({}, source, {"scale": "1", "halo": "0", **given})


def _said(text: str, source: str) -> dict[str, Any]:
    """What a file says, not yet checked: what is given may put it right.

    Raises:
        ModelError: it is no JSON object.
    """
    try:
        values = from_json(text)
    except ValueError as error:
        raise ModelError(f"{source}: its '{METADATA_KEY}' metadata cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{source}: its '{METADATA_KEY}' metadata cannot be read: it is no JSON object")
    return values


def fault_of(error: ValidationError) -> str:
    """The first thing that is wrong with a spec, in one line."""
    problem = error.errors()[0]
    name = ".".join(printable(str(part)) for part in problem["loc"])
    says = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, ModelSpec.model_fields, n=1)
        return f"'{name}' is no field of a model's description" + (f": did you mean '{near[0]}'?" if near else "")
    return f"'{name}': {says[0].lower()}{says[1:]}" if name else says
