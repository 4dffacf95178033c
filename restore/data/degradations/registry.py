"""Registry of degradations that recipes can add before and after the chain, by ``kind``."""

from __future__ import annotations

from restore.data.degradations.base import Degradation
from restore.data.degradations.blur import BlurStep
from restore.data.degradations.defocus import Defocus
from restore.data.degradations.denoise import Denoise
from restore.data.degradations.fade import Fade
from restore.data.degradations.film_grain import FilmGrain
from restore.data.degradations.haze import Haze
from restore.data.degradations.jpeg import JpegStep
from restore.data.degradations.motion import Motion
from restore.data.degradations.motion_blur import MotionBlur
from restore.data.degradations.noise import NoiseStep
from restore.data.degradations.rain import Rain
from restore.data.degradations.sensor_noise import SensorNoise
from restore.data.degradations.shadow import Shadow
from restore.data.degradations.sharpen import Sharpen
from restore.utils.registry import Registry, by_kind

DEGRADATIONS: Registry[type[Degradation]] = by_kind(
    "degradation",
    "restore.degradations",
    BlurStep,
    NoiseStep,
    JpegStep,
    MotionBlur,
    Defocus,
    FilmGrain,
    Fade,
    Denoise,
    Sharpen,
    Rain,
    Haze,
    Motion,
    SensorNoise,
    Shadow,
)
