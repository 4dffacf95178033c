"""Presets of the second-order degradation, as differences from its defaults."""

from __future__ import annotations

from typing import Literal

from restore.utils.json_types import JsonObject

Preset = Literal["realesrgan", "light", "web", "phone", "print", "heavy", "clean"]

# Typical photographs from phones and the web: taken with a small lens and a denoiser, reduced once or twice, and
# compressed at the usual qualities of phones and sites. Half the blur and a third of the noise of Real-ESRGAN, and no
# scale factor that discards most of the picture. A network trained on it invents less.
LIGHT: JsonObject = {
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

# Pictures from the web: repeatedly reduced and saved, each time at a different quality.
WEB: JsonObject = {
    "first": {
        "blur": {"probability": 0.4, "sigma": (0.2, 1.0), "sinc_probability": 0.05},
        "resize": {"up": 0.1, "down": 0.5, "keep": 0.4, "factor": (0.5, 1.2)},
        "noise": {"probability": 0.4, "sigma": (1.0, 8.0), "poisson_scale": (0.05, 0.8)},
        "jpeg": {"quality": (20, 95)},
    },
    "second": {
        "blur": {"probability": 0.1, "sigma": (0.2, 0.6), "sinc_probability": 0.05},
        "resize": {"up": 0.2, "down": 0.3, "keep": 0.5, "factor": (0.7, 1.1)},
        "noise": {"probability": 0.2, "sigma": (1.0, 4.0), "poisson_scale": (0.05, 0.4)},
        "jpeg": {"quality": (20, 95)},
    },
    "final": {"probability": 0.3, "cutoff": (0.5, 1.0)},
}

# Straight from a phone: noise of a small sensor, smeared by a denoiser, reduced, oversharpened, one good JPEG.
PHONE: JsonObject = {
    "first": {
        "blur": {"probability": 0.6, "sigma": (0.2, 1.0), "sinc_probability": 0.0},
        "resize": {"up": 0.0, "down": 0.0, "keep": 1.0, "filters": ("area",)},
        "noise": {"probability": 0.9, "sigma": (2.0, 12.0), "poisson_scale": (0.2, 1.5)},
        "jpeg": {"probability": 0.0},
    },
    "second": {
        "blur": {"probability": 0.0},
        "resize": {"up": 0.0, "down": 0.0, "keep": 1.0, "filters": ("lanczos",)},
        "noise": {"probability": 0.0},
        "jpeg": {"probability": 0.0},
    },
    "final": {"probability": 0.0, "filters": ("lanczos",)},
    "after": [{"kind": "denoise", "probability": 0.9}, {"kind": "sharpen"}, {"kind": "jpeg", "quality": (70, 95)}],
}

# Scans of old prints: soft, grainy and faded, followed by the degradations of scanner and file.
PRINT: JsonObject = {
    "first": {
        "blur": {"sigma": (0.5, 2.0), "sinc_probability": 0.0},
        "resize": {"up": 0.0, "down": 0.0, "keep": 1.0, "filters": ("area",)},
        "noise": {"probability": 0.0},
        "jpeg": {"probability": 0.0},
    },
    "second": {
        "blur": {"probability": 0.3, "sigma": (0.2, 0.8), "sinc_probability": 0.0},
        "resize": {"up": 0.0, "down": 0.3, "keep": 0.7, "factor": (0.8, 1.0)},
        "noise": {"probability": 0.5, "sigma": (1.0, 4.0), "poisson_scale": (0.05, 0.4)},
        "jpeg": {"probability": 0.6, "quality": (75, 95)},
    },
    "final": {"probability": 0.0, "before_jpeg": 1.0},
    "before": [{"kind": "film-grain"}, {"kind": "fade"}],
}

# Nothing but the reduction: what is fine already should stay as it is.
_NEVER: JsonObject = {
    "blur": {"probability": 0.0},
    "resize": {"up": 0.0, "down": 0.0, "keep": 1.0, "filters": ("area",)},
    "noise": {"probability": 0.0},
    "jpeg": {"probability": 0.0},
}
CLEAN: JsonObject = {"first": _NEVER, "second": _NEVER, "final": {"probability": 0.0, "filters": ("area",)}}

# By name; `heavy` is a descriptive alias of `realesrgan`.
PRESETS: dict[Preset, JsonObject] = {
    "realesrgan": {},
    "light": LIGHT,
    "web": WEB,
    "phone": PHONE,
    "print": PRINT,
    "heavy": {},
    "clean": CLEAN,
}
