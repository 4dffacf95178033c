"""Sets of values for the second-order chain: what differs from its defaults."""

from __future__ import annotations

from typing import Any, Literal

Preset = Literal["realesrgan", "light"]

# Photographs from phones and from the web, as people have them: taken with a small lens and a denoiser, reduced once or
# twice, compressed at the qualities that phones and sites use. Half of the blur and a third of the noise of
# Real-ESRGAN's; no factor that throws most of the picture away. A network that trains on it invents less.
LIGHT: dict[str, Any] = {
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

PRESETS: dict[str, dict[str, Any]] = {"realesrgan": {}, "light": LIGHT}
