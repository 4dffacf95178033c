"""What the second-order chain may draw: every probability and every range, with two documented sets of values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, model_validator
from typing_extensions import Self

from restore.data.degradations.resize import Filter

Preset = Literal["realesrgan", "light"]
Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0)]
_Pair = TypeVar("_Pair", bound=tuple[float, float])


def _ordered(pair: _Pair) -> _Pair:
    if pair[0] > pair[1]:
        raise ValueError(f"a range goes from the smaller to the larger, not from {pair[0]} to {pair[1]}")
    return pair


def _odd(pair: tuple[int, int]) -> tuple[int, int]:
    if pair[0] % 2 == 0 or pair[1] % 2 == 0:
        raise ValueError("a kernel's size is odd")
    return pair


_Positive = Annotated[tuple[PositiveFloat, PositiveFloat], AfterValidator(_ordered)]
_NotNegative = Annotated[tuple[Share, Share], AfterValidator(_ordered)]
_Fraction = Annotated[float, Field(gt=0, le=1)]
_Fractions = Annotated[tuple[_Fraction, _Fraction], AfterValidator(_ordered)]
_Size = Annotated[int, Field(ge=3, le=99)]
_Sizes = Annotated[tuple[_Size, _Size], AfterValidator(_ordered), AfterValidator(_odd)]
_Percent = Annotated[int, Field(ge=1, le=100)]
_Qualities = Annotated[tuple[_Percent, _Percent], AfterValidator(_ordered)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Shares(_Options):
    """Numbers that say how often each of some things is chosen; their sum counts as one."""

    @model_validator(mode="after")
    def _something_is_chosen(self) -> Self:
        if not sum(self.shares().values()) > 0:
            raise ValueError("one of the shares must be above 0")
        return self

    def shares(self) -> dict[str, float]:
        """By name."""
        return {
            name: getattr(self, name) for name, field in type(self).model_fields.items() if field.annotation is float
        }


class Kernels(_Shares):
    """Which blur kernels are drawn."""

    iso: Share = Field(0.45, description="share of round Gaussians")
    aniso: Share = Field(0.25, description="share of turned, elongated Gaussians")
    generalized_iso: Share = Field(0.12, description="share of round generalised Gaussians")
    generalized_aniso: Share = Field(0.03, description="share of elongated generalised Gaussians")
    plateau_iso: Share = Field(0.12, description="share of round plateaus")
    plateau_aniso: Share = Field(0.03, description="share of elongated plateaus")


class Blur(_Options):
    """A blur, or the ringing of a sinc filter in its place."""

    probability: Probability = Field(1.0, description="how often anything is done")
    size: _Sizes = Field((7, 21), description="side of the kernel, pixels; odd ones are drawn")
    kernels: Kernels = Field(Kernels(), description="which kernels are drawn")
    sigma: _Positive = Field((0.2, 3.0), description="standard deviation along each axis, pixels")
    generalized_beta: _Positive = Field((0.5, 4.0), description="shape of the generalised Gaussians; 1 is a Gaussian")
    plateau_beta: _Positive = Field((1.0, 2.0), description="shape of the plateaus")
    sinc_probability: Probability = Field(0.1, description="how often the kernel is a sinc filter")
    cutoff: _Fractions = Field(
        (1 / 5, 1.0), description="of sinc filters, highest frequency over the Nyquist frequency"
    )
    cutoff_small: _Fractions = Field((1 / 3, 1.0), description="the same of kernels smaller than 13 pixels")


class Resize(_Shares):
    """A resize by a random factor."""

    up: Share = Field(0.2, description="share of enlarging")
    down: Share = Field(0.7, description="share of shrinking")
    keep: Share = Field(0.1, description="share of neither")
    factor: tuple[_Fraction, Annotated[float, Field(ge=1, le=4)]] = Field(
        (0.15, 1.5), description="the smallest factor that shrinks and the largest that enlarges"
    )
    filters: tuple[Filter, ...] = Field(
        ("area", "bilinear", "bicubic"), min_length=1, description="drawn from with even chances"
    )


class Noise(_Options):
    """Gaussian or Poisson noise."""

    probability: Probability = Field(1.0, description="how often anything is done")
    gaussian_probability: Probability = Field(0.5, description="how often it is Gaussian; else it is Poisson")
    sigma: _NotNegative = Field((1.0, 30.0), description="standard deviation of Gaussian noise, in steps of 1/255")
    poisson_scale: _NotNegative = Field((0.05, 3.0), description="strength of Poisson noise; 1 is 256 photons at white")
    grey_probability: Probability = Field(0.4, description="how often the noise is the same in all channels")


class Jpeg(_Options):
    """JPEG compression."""

    probability: Probability = Field(1.0, description="how often anything is done")
    quality: _Qualities = Field((30, 95), description="libjpeg's quality, 1..100")


class Pass(_Options):
    """Blur, resize, noise and JPEG, in this order."""

    blur: Blur = Blur()
    resize: Resize = Resize()
    noise: Noise = Noise()
    jpeg: Jpeg = Jpeg()


class SecondBlur(Blur):
    """The second pass's blur."""

    probability: Probability = Field(0.8, description="how often anything is done")
    sigma: _Positive = Field((0.2, 1.5), description="standard deviation along each axis, pixels")


class SecondResize(Resize):
    """The second pass's resize: its factors are of the low resolution."""

    up: Share = Field(0.3, description="share of enlarging")
    down: Share = Field(0.4, description="share of shrinking")
    keep: Share = Field(0.3, description="share of neither")
    factor: tuple[_Fraction, Annotated[float, Field(ge=1, le=4)]] = Field(
        (0.3, 1.2), description="the smallest factor that shrinks and the largest that enlarges"
    )


class SecondNoise(Noise):
    """The second pass's noise."""

    sigma: _NotNegative = Field((1.0, 25.0), description="standard deviation of Gaussian noise, in steps of 1/255")
    poisson_scale: _NotNegative = Field((0.05, 2.5), description="strength of Poisson noise; 1 is 256 photons at white")


class SecondPass(Pass):
    """The second pass; its JPEG comes before or after the last resize."""

    blur: SecondBlur = SecondBlur()
    resize: SecondResize = SecondResize()
    noise: SecondNoise = SecondNoise()


class Final(_Options):
    """The last resize, to exactly the low resolution, and a sinc filter with it."""

    probability: Probability = Field(0.8, description="how often the sinc filter is used")
    size: _Sizes = Field((7, 21), description="side of its kernel, pixels; odd ones are drawn")
    cutoff: _Fractions = Field((1 / 3, 1.0), description="highest frequency over the Nyquist frequency")
    before_jpeg: Probability = Field(0.5, description="how often they come before the second JPEG rather than after")
    filters: tuple[Filter, ...] = Field(
        ("area", "bilinear", "bicubic"), min_length=1, description="of the resize, drawn from with even chances"
    )


class SecondOrder(_Options):
    """The second-order degradation of Real-ESRGAN.

    The defaults are those that RealESRGAN_x4plus was trained with. ``preset: light`` starts from weaker ones; whatever
    is given beside it changes that option alone.
    """

    preset: Preset = Field("realesrgan", description="the values of what is not given")
    first: Pass = Pass()
    second: SecondPass = SecondPass()
    final: Final = Final()

    @model_validator(mode="before")
    @classmethod
    def _on_the_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") == "light":
            return _merged(_LIGHT, values)
        return values


# Photographs from phones and from the web, as people have them: taken with a small lens and a denoiser, reduced once or
# twice, compressed at the qualities that phones and sites use. Half of the blur and a third of the noise of
# Real-ESRGAN's; no factor that throws most of the picture away. A network that trains on it invents less.
_LIGHT: dict[str, Any] = {
    "first": {
        "blur": {"probability": 0.7, "sigma": (0.2, 1.5), "sinc_probability": 0.05},
        "resize": {"up": 0.1, "down": 0.5, "keep": 0.4, "factor": (0.5, 1.2)},
        "noise": {"probability": 0.6, "sigma": (1.0, 10.0), "poisson_scale": (0.05, 1.0)},
        "jpeg": {"probability": 0.8, "quality": (60, 95)},
    },
    "second": {
        "blur": {"probability": 0.3, "sigma": (0.2, 0.8), "sinc_probability": 0.05},
        "resize": {"up": 0.2, "down": 0.3, "keep": 0.5, "factor": (0.7, 1.1)},
        "noise": {"probability": 0.3, "sigma": (1.0, 6.0), "poisson_scale": (0.05, 0.6)},
        "jpeg": {"probability": 0.8, "quality": (60, 95)},
    },
    "final": {"probability": 0.4, "cutoff": (0.5, 1.0)},
}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """``above`` over ``below``, group by group."""
    groups = {
        k: _merged(below[k], v) for k, v in above.items() if isinstance(v, dict) and isinstance(below.get(k), dict)
    }
    return {**below, **above, **groups}
