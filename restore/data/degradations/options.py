"""What the second-order chain may draw: every probability and every range."""

from __future__ import annotations

from typing import Annotated, Any

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
from restore.utils.registry import OneOf


class Pass(Options):
    """Blur, resize, noise and JPEG, in this order."""

    blur: Blur = Blur()
    resize: Resize = Resize()
    noise: Noise = Noise()
    jpeg: Jpeg = Jpeg()


class SecondBlur(Blur):
    """The second pass's blur."""

    probability: Probability = Field(0.8, description="how often anything is done")
    sigma: PositiveRange = Field((0.2, 1.5), description="standard deviation along each axis, pixels")


class SecondResize(Resize):
    """The second pass's resize: its factors are of the low resolution."""

    up: Share = Field(0.3, description="share of enlarging")
    down: Share = Field(0.4, description="share of shrinking")
    keep: Share = Field(0.3, description="share of neither")
    factor: tuple[Fraction, Annotated[float, Field(ge=1, le=4)]] = Field(
        (0.3, 1.2), description="the smallest factor that shrinks and the largest that enlarges"
    )


class SecondNoise(Noise):
    """The second pass's noise."""

    sigma: NonNegativeRange = Field((1.0, 25.0), description="standard deviation of Gaussian noise, in steps of 1/255")
    poisson_scale: NonNegativeRange = Field(
        (0.05, 2.5), description="strength of Poisson noise; 1 is 256 photons at white"
    )


class SecondPass(Pass):
    """The second pass; its JPEG comes before or after the last resize."""

    blur: SecondBlur = SecondBlur()
    resize: SecondResize = SecondResize()
    noise: SecondNoise = SecondNoise()


class Final(Options):
    """The last resize, to exactly the low resolution, and a sinc filter with it."""

    probability: Probability = Field(0.8, description="how often the sinc filter is used")
    size: SizeRange = Field((7, 21), description="side of its kernel, pixels; odd ones are drawn")
    cutoff: FractionRange = Field((1 / 3, 1.0), description="highest frequency over the Nyquist frequency")
    before_jpeg: Probability = Field(0.5, description="how often they come before the second JPEG rather than after")
    filters: tuple[Filter, ...] = Field(
        ("area", "bilinear", "bicubic"), min_length=1, description="of the resize, drawn from with even chances"
    )


class SecondOrder(Options):
    """The second-order degradation of Real-ESRGAN.

    The defaults are those that RealESRGAN_x4plus was trained with. A preset starts from other values; every option
    given with it changes that option alone.
    """

    preset: Preset = Field("realesrgan", description="the values of what is not given")
    first: Pass = Pass()
    second: SecondPass = SecondPass()
    final: Final = Final()
    before: tuple[Annotated[Degradation, OneOf(DEGRADATIONS)], ...] = Field(
        (), description="degradations of the photograph before the first pass, in order, such as [{kind: noise}]"
    )
    after: tuple[Annotated[Degradation, OneOf(DEGRADATIONS)], ...] = Field(
        (), description="degradations of the low resolution after the last resize and JPEG, in order"
    )

    @model_validator(mode="before")
    @classmethod
    def _on_the_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") in PRESETS:
            return _merged(PRESETS[values["preset"]], values)
        return values


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """``above`` over ``below``, group by group."""
    groups = {
        k: _merged(below[k], v) for k, v in above.items() if isinstance(v, dict) and isinstance(below.get(k), dict)
    }
    return {**below, **above, **groups}
