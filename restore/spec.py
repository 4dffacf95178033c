"""The description stored in a model file: export writes it into the ONNX file, and the runtime reads it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import from_json

from restore.errors import ModelError
from restore.utils.json_types import JsonObject
from restore.utils.text import name_fault, parse_shape, printable, unseen

METADATA_KEY = "restore.spec"
_REQUIRED = ("scale", "halo")

# What the numbers of an edit mean. The weights of red, green and blue in the luma are BT.709's; one stop multiplies
# encoded values by 2 ** (1 / gamma), which in sRGB about doubles the light.
EDIT_LUMA = (0.2126, 0.7152, 0.0722)
EDIT_GAMMA = 2.2
# Most points of a tone curve, so that with its ends and where it clips it has no more than the 16 of raw converters.
EDIT_CURVE = 14
# Numbers of an edit before its curves.
EDIT_HEAD = ("red", "green", "blue", "exposure", "saturation")


def _seen(text: str) -> str:
    """Check that text is safe to print on a terminal."""
    if fault := unseen(text):
        raise ValueError(f"contains {fault!r}, which is not a printable character")
    return text


def _named(name: str) -> str:
    """Check a name that files and folders are given: it must not contain a path."""
    if fault := name_fault(name):
        raise ValueError(fault)
    return name


Text = Annotated[str, AfterValidator(_seen)]
Name = Annotated[str, AfterValidator(_named)]


class ModelSpec(BaseModel):
    """Everything needed to run a model correctly, and its origin.

    The network takes ``input``: float32 (N, channels, H, W), RGB, ``low`` .. ``high``, and returns ``output``: the
    same with both sides ``scale`` times as long, not yet clipped.

    A model that judges the whole picture by a thumbnail of side ``context`` also takes, all float32: ``thumbnail`` (N,
    channels, context, context), the picture shrunk to a square, on the same range; ``rows`` (N, H)
    and ``columns`` (N, W), where the centers of the input's pixels lie in the picture, from 0 to 1. A model with
    adjustable ``strength`` takes ``strength`` (N,), from 0, the unchanged picture, to 1; of a model that enlarges, 0 is
    the most faithful result. A model that takes ``noise`` (N, channels, scale * H, scale * W), independent values of
    mean 0 and deviation 1, invents what it shows by them: overlapping tiles must be given the same values at the same
    place.

    A model that distinguishes ``kinds`` of pictures also returns ``belief`` (N, kinds): the probability of each kind,
    which sum to 1.

    A model whose change is an ``edit`` in numbers also returns ``edit`` (N, 5 + 3 * points): a gain for red, green and
    blue (white balance), exposure in stops, saturation (1 for none), and the points of the tone curves of red, green
    and blue at evenly spaced inputs from 0 to 1. They are applied in this order, without clipping, to values on 0..1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    BESIDE: ClassVar[tuple[str, ...]] = ("thumbnail", "rows", "columns", "strength", "noise")

    format: Literal["restore-model-1"] = Field("restore-model-1", description="version of this description")
    name: Name = Field("unnamed", description="name of the model, shared by all its precisions")
    task: Text = Field("super-resolution", description="what it does")
    scale: int = Field(ge=1, le=16, description="output side divided by input side")
    halo: int = Field(ge=0, le=4096, description="input pixels around a tile that can affect its output")
    border: int = Field(
        0,
        ge=0,
        le=4096,
        description="input pixels to mirror on each side of a picture, and to cut off its result, "
        "so that the network's zeros around its input do not reach it",
    )
    exact_tiles: bool = Field(True, description="whether tiles with that halo match the result of the whole picture")
    channels: Literal[3] = Field(3, description="color channels")
    colours: Literal["RGB"] = Field("RGB", description="order of the channels")
    low: float = Field(0.0, description="the value of black")
    high: float = Field(1.0, description="the value of white")
    context: int = Field(0, ge=0, le=4096, description="side of the input thumbnail; 0 for none")
    thumbnail: Literal["mean", "middle"] = Field(
        "mean", description="how it is made: from the mean of each area, or from the pixel in its middle"
    )
    strength: bool = Field(False, description="whether the strength of the change is an input")
    noise: bool = Field(False, description="whether noise is an input, by which it invents what it shows")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="of the noise; another one gives another result")
    flow: int = Field(0, ge=0, description="steps of the flow from noise to the result; 0 if it has none")
    kinds: tuple[Text, ...] = Field((), description="kinds of pictures that it distinguishes by the thumbnail")
    edit: int = Field(
        0,
        ge=0,
        le=EDIT_CURVE,
        description="points of each tone curve, if the change is an edit that the model tells in numbers; 0 if not",
    )
    multiple: int = Field(1, ge=1, le=1024, description="both sides of the input must be a multiple of this")
    minimum: int = Field(1, ge=1, le=4096, description="the shortest input side that the network accepts")
    shape: tuple[int, int, int] | None = Field(
        None, description="batch, height and width of the input, if they are fixed"
    )
    held: int = Field(
        0,
        ge=0,
        le=10**6,
        description="float32 values that the network holds at once for each input pixel, at most; 0 if unknown",
    )
    precision: Literal["fp32", "fp16", "int8"] = Field(
        "fp32", description="precision of weights and arithmetic; inputs are fp32"
    )
    loss_db: float | None = Field(None, description="the largest PSNR loss against fp32 on the standard sets")
    measured: dict[Text, float] = Field({}, description="measurements made at export, by name with unit")
    network: Text = Field("", description="the architecture")
    parameters: int = Field(0, description="number of learned parameters")
    licence: Text = Field("", description="license of the weights")
    author: Text = Field("", description="who trained it; empty if unknown")
    origin: Text = Field("", description="where the weights come from")
    consent: Text = Field("", description="the user's answer about the license, and when; empty if nothing was asked")
    data: Text = Field("", description="what it was trained on")
    steps: int = Field(0, description="training steps; 0 if it was trained elsewhere")
    hours: float = Field(0.0, description="training time")
    start: Text = Field("", description="model whose weights the training started from; empty for none")
    teacher: Text = Field("", description="model whose results the training imitated; empty for none")
    recipe: Text = Field("", description="SHA-256 of the recipe")
    weights: Text = Field("", description="SHA-256 of the float32 file's weights, shared by its twins")
    made_with: Text = Field("", description="the program that wrote the file, and its version")

    @field_validator("shape", mode="before")
    @classmethod
    def _shape_of_text(cls, value: object) -> object:
        """Parse the command-line form: ``256`` or ``4x256x320``."""
        return parse_shape(value) if isinstance(value, str) else value

    @field_validator("kinds", mode="before")
    @classmethod
    def _kinds_of_text(cls, value: object) -> object:
        """Parse the command-line form, separated by commas."""
        return value.split(",") if isinstance(value, str) else value

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be less than high ({self.high})")
        return self

    @model_validator(mode="after")
    def _bordered(self) -> Self:
        if self.border % self.multiple:
            raise ValueError(f"border ({self.border}) must be a multiple of {self.multiple}, as all sides are")
        return self

    @model_validator(mode="after")
    def _noise(self) -> Self:
        if (self.seed or self.flow) and not self.noise:
            raise ValueError(f"{'seed' if self.seed else 'flow'} is of models that take noise, and this one takes none")
        return self

    @model_validator(mode="after")
    def _kinds(self) -> Self:
        if self.kinds and not self.context:
            raise ValueError("kinds need a thumbnail, but context is 0")
        return self

    @model_validator(mode="after")
    def _edit(self) -> Self:
        if self.edit == 1:
            raise ValueError("edit: a tone curve has at least 2 points, not 1")
        if self.edit and not (self.context and self.scale == 1 and (self.low, self.high) == (0, 1)):
            raise ValueError("edit needs a thumbnail (context above 0), scale 1 and values from 0 to 1")
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
        """Names of the network's inputs, in order."""
        *context, strength, noise = self.BESIDE
        more = *((strength,) if self.strength else ()), *((noise,) if self.noise else ())
        return "input", *(context if self.context else ()), *more

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs, in order."""
        return "output", *(("belief",) if self.kinds else ()), *(("edit",) if self.edit else ())

    @property
    def trained_as(self) -> tuple[object, ...]:
        """Fields shared by all files of one training run, whatever their precision."""
        return self.name, self.recipe, self.steps, self.network, self.parameters, self.scale, self.weights

    @property
    def whole_halo(self) -> int:
        """The halo rounded up to a multiple: tiles begin and end at multiples."""
        return -(-self.halo // self.multiple) * self.multiple

    def side(self, wanted: int) -> int:
        """The shortest side that the network accepts and that is at least ``wanted``."""
        return -(-max(wanted, self.minimum) // self.multiple) * self.multiple

    def but(self, **facts: object) -> Self:
        """A validated copy with some fields changed.

        Raises:
            ValidationError: the new fields are invalid.
        """
        return self.model_validate({**self.model_dump(), **facts})

    def metadata(self) -> dict[str, str]:
        """The spec as ONNX metadata: JSON under one key."""
        return {METADATA_KEY: self.model_dump_json()}


def read_spec(metadata: Mapping[str, str], source: str, given: Mapping[str, str] | None = None) -> ModelSpec:
    """Read the spec from an ONNX file's metadata, overridden by the user's values.

    Args:
        metadata: the file's metadata map.
        source: the file, for messages.
        given: field and value as text, which take precedence over the file's.

    Raises:
        ModelError: a required field is missing from both, or a value is invalid.
    """
    text = metadata.get(METADATA_KEY)
    given = given or {}
    values = {**(_stored(text, source) if text else {}), **given}
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
    """Check the user's values on their own, before anything runs.

    Returns:
        A spec of the given values; all other fields, including scale and halo, are placeholders.

    Raises:
        ModelError: a field is unknown, or a value is invalid.
    """
    return read_spec({}, source, {"scale": "1", "halo": "0", **given})


def _stored(text: str, source: str) -> JsonObject:
    """Fields stored in a file, unchecked: the user's values may correct them.

    Raises:
        ModelError: they are not a JSON object.
    """
    try:
        values = from_json(text)
    except ValueError as error:
        raise ModelError(f"{source}: its '{METADATA_KEY}' metadata cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{source}: its '{METADATA_KEY}' metadata cannot be read: not a JSON object")
    return values


def fault_of(error: ValidationError) -> str:
    """The first problem of an invalid spec, in one line."""
    problem = error.errors()[0]
    name = ".".join(printable(str(part)) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, ModelSpec.model_fields, n=1)
        return f"'{name}' is not a field of a model's description" + (f": did you mean '{near[0]}'?" if near else "")
    return f"'{name}': {message[0].lower()}{message[1:]}" if name else message
