"""What a model file promises. Export writes it into the ONNX file, the runtime reads it: the one thing both share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from restore.errors import ModelError

METADATA_KEY = "restore.spec"
_REQUIRED = ("scale", "halo")


class ModelSpec(BaseModel):
    """All that is needed to run a model rightly, and where it came from.

    The network takes ``input``: float32 (N, channels, H, W), RGB, ``low`` .. ``high``, and gives ``output``: the same
    with both sides ``scale`` times as long, to be clipped.

    One that judges the whole picture by a thumbnail of side ``context`` takes besides, all float32: ``thumbnail`` (N,
    channels, context, context), the picture averaged down without regard to its shape, on the same range; ``rows``
    (N, H) and ``columns`` (N, W), where the centres of the input's pixels lie in the picture, from 0 to 1. One whose
    ``strength`` can be chosen takes ``strength`` (N,), from 0, the picture as it is, to 1.

    One that tells ``kinds`` of pictures apart by its thumbnail gives besides ``belief`` (N, kinds): how much it
    believes in each, 0..1, all together 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    BESIDE: ClassVar[tuple[str, ...]] = ("thumbnail", "rows", "columns", "strength")

    format: Literal["restore-model-1"] = Field("restore-model-1", description="of this description")
    name: str = Field("unnamed", description="the model's; all precisions of one have the same")
    task: str = Field("super-resolution", description="what it does")
    scale: int = Field(ge=1, le=16, description="output side over input side")
    halo: int = Field(ge=0, le=4096, description="input pixels around a tile that may change what comes out of it")
    exact_tiles: bool = Field(True, description="whether tiles with that halo give the whole picture's result")
    channels: Literal[3] = Field(3, description="planes of the picture")
    colours: Literal["RGB"] = Field("RGB", description="order of the planes")
    low: float = Field(0.0, allow_inf_nan=False, description="the value of black")
    high: float = Field(1.0, allow_inf_nan=False, description="the value of white")
    context: int = Field(0, ge=0, le=4096, description="side of the thumbnail that it takes; 0 for none")
    strength: bool = Field(False, description="whether it takes how far the picture is changed")
    kinds: tuple[str, ...] = Field((), description="kinds of pictures that it tells apart by the thumbnail")
    multiple: int = Field(1, ge=1, le=1024, description="what both sides of the input must be a multiple of")
    minimum: int = Field(1, ge=1, le=4096, description="the shortest side the network takes")
    shape: tuple[int, int, int] | None = Field(
        None, description="batch, height and width of the input, for a file that takes no others"
    )
    precision: Literal["fp32", "fp16", "int8"] = Field("fp32", description="of its weights and sums; inputs are fp32")
    loss_db: float | None = Field(None, description="the largest PSNR loss against fp32 on the standard sets")
    measured: dict[str, float] = Field({}, description="what was measured when the file was made, by name with unit")
    network: str = Field("", description="the architecture")
    parameters: int = Field(0, description="numbers that were learned")
    licence: str = Field("", description="under which the weights may be used")
    data: str = Field("", description="what it was trained on")
    steps: int = Field(0, description="of training; 0 where it was trained elsewhere")
    hours: float = Field(0.0, description="training time")
    recipe: str = Field("", description="SHA-256 of the recipe")
    made_with: str = Field("", description="the program that wrote the file, and its version")

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
            halo = -(-self.halo // self.multiple) * self.multiple
            least = max(self.minimum, 2 * halo + self.multiple)
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
        return self.name, self.recipe, self.steps, self.network, self.parameters, self.scale

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
    try:
        values: dict[str, Any] = _plain(text) if text else {}
    except ValidationError as error:
        raise ModelError(f"{source}: its '{METADATA_KEY}' metadata cannot be read: {_first(error)}") from error
    values.update(given or {})
    missing = [name for name in _REQUIRED if name not in values]
    if missing:
        cure = " ".join(f"--spec {name}=N" for name in missing)
        raise ModelError(
            f"{source}: the file does not say its {' and '.join(missing)} (no '{METADATA_KEY}' metadata). "
            f"If you know, add {cure}: the scale is output size over input size; the halo is the receptive field's "
            "radius in input pixels (too large is safe, only slower)"
        )
    try:
        return ModelSpec.model_validate(values)
    except ValidationError as error:
        raise ModelError(f"{source}: {_first(error)}") from error


def _plain(text: str) -> dict[str, Any]:
    return ModelSpec.model_validate_json(text).model_dump()


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    return f"'{name}': {problem['msg'][0].lower()}{problem['msg'][1:]}"
