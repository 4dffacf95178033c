"""Options of the second-order degradation: all probabilities and ranges."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from restore.data.degradations.base import (
    Degradation,
    Fraction,
    FractionRange,
    NonNegativeRange,
    Options,
    PositiveRange,
    Probability,
    Share,
    SizeRange,
)
from restore.data.degradations.blur import Blur
from restore.data.degradations.jpeg import Jpeg
from restore.data.degradations.noise import Noise
from restore.data.degradations.presets import PRESETS, Preset
from restore.data.degradations.registry import DEGRADATIONS
from restore.data.degradations.resize import Filter, Resize
from restore.utils.json_types import JsonObject
from restore.utils.registry import OneOf


class Pass(Options):
    """Blur, resize, noise and JPEG, in that order."""

    blur: Blur = Blur()
    resize: Resize = Resize()
    noise: Noise = Noise()
    jpeg: Jpeg = Jpeg()


class SecondBlur(Blur):
    """Blur of the second pass."""

    probability: Probability = Field(0.8, description="probability that it is applied")
    sigma: PositiveRange = Field((0.2, 1.5), description="standard deviation along each axis, pixels")


class SecondResize(Resize):
    """Resize of the second pass; its factors are relative to the low resolution."""

    up: Share = Field(0.3, description="share of enlarging")
    down: Share = Field(0.4, description="share of shrinking")
    keep: Share = Field(0.3, description="share of keeping the size")
    factor: tuple[Fraction, Annotated[float, Field(ge=1, le=4)]] = Field(
        (0.3, 1.2), description="smallest factor for shrinking and largest for enlarging"
    )


class SecondNoise(Noise):
    """Noise of the second pass."""

    sigma: NonNegativeRange = Field((1.0, 25.0), description="standard deviation of Gaussian noise, in steps of 1/255")
    poisson_scale: NonNegativeRange = Field(
        (0.05, 2.5), description="strength of Poisson noise; 1 means 256 photons at white"
    )


class SecondPass(Pass):
    """The second pass; its JPEG comes before or after the last resize."""

    blur: SecondBlur = SecondBlur()
    resize: SecondResize = SecondResize()
    noise: SecondNoise = SecondNoise()


class Final(Options):
    """The last resize, to exactly the low resolution, and a sinc filter."""

    probability: Probability = Field(0.8, description="probability of the sinc filter")
    size: SizeRange = Field((7, 21), description="side of its kernel, pixels; always odd")
    cutoff: FractionRange = Field((1 / 3, 1.0), description="cutoff as a fraction of the Nyquist frequency")
    before_jpeg: Probability = Field(
        0.5, description="probability that both come before the second JPEG rather than after it"
    )
    filters: tuple[Filter, ...] = Field(
        ("area", "bilinear", "bicubic"), min_length=1, description="filters of the resize, all equally likely"
    )


class SecondOrder(Options):
    """The second-order degradation of Real-ESRGAN.

    The defaults are those RealESRGAN_x4plus was trained with. A preset starts from other values; options given with it
    override single values. A mix of several is drawn from instead.
    """

    preset: Preset = Field("realesrgan", description="values of options that are not given")
    first: Pass = Pass()
    second: SecondPass = SecondPass()
    final: Final = Final()
    before: tuple[Annotated[Degradation, OneOf(DEGRADATIONS)], ...] = Field(
        (), description="degradations of the photograph before the first pass, in order, for example [{kind: noise}]"
    )
    after: tuple[Annotated[Degradation, OneOf(DEGRADATIONS)], ...] = Field(
        (), description="degradations of the low-resolution picture after the last resize and JPEG, in order"
    )

    mix: tuple[SecondOrder, ...] = Field(
        (),
        description="degradations to draw from instead, one for each picture, all equally likely, for example "
        "[{preset: web}, {preset: print}]",
    )

    @model_validator(mode="after")
    def _mix_alone(self) -> SecondOrder:
        # By value: a run's saved recipe has all defaults written out.
        fields = type(self).model_fields.items()
        others = [name for name, field in fields if name != "mix" and getattr(self, name) != field.default]
        if self.mix and others:
            told = "preset" if "preset" in others else ", ".join(others)
            raise ValueError(f"{told} cannot be combined with mix, whose degradations have options of their own")
        return self

    @model_validator(mode="before")
    @classmethod
    def _on_the_preset(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("preset") in PRESETS:
            return _merged(PRESETS[values["preset"]], values)
        return values


def _merged(below: JsonObject, above: JsonObject) -> JsonObject:
    """Merge two nested mappings; ``above`` takes precedence."""
    groups = {
        k: _merged(below[k], v) for k, v in above.items() if isinstance(v, dict) and isinstance(below.get(k), dict)
    }
    return {**below, **above, **groups}
