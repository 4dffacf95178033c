"""What the eye sees of color maps: steps by CIEDE2000, Kovesi's test picture, color blindness."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from restore.imaging.color.conversions import from_linear, srgb_to_lab, to_linear
from restore.metrics.ciede2000 import delta_e

HEAT = Path(__file__).resolve().parents[2] / "restore/compare/web/heat.js"

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009, at
# severity 1, of linear sRGB.
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def page_map() -> np.ndarray:
    """The color map of the comparison page, sRGB (n, 3) on 0..1."""
    (text,) = re.findall(r"const MAP =\n(.*?);", HEAT.read_text("utf-8"), re.DOTALL)
    levels = [int(level, 16) for row in re.findall(r"[0-9a-f]+", text) for level in re.findall("...", row)]
    return np.array(levels).reshape(-1, 3) / 4095


def colors_at(color_map: np.ndarray, values: np.ndarray | float) -> np.ndarray:
    """The map's colors (..., 3) of values on 0..1, between its steps as the page's script has them."""
    at = np.linspace(0, 1, len(color_map))
    return np.stack([np.interp(values, at, color_map[:, i]) for i in range(3)], axis=-1)


def seen_by(kind: str, colors: np.ndarray) -> np.ndarray:
    """sRGB colors (..., 3) as someone with a color blindness sees them."""
    light = to_linear(np.asarray(colors, np.float64)) @ np.array(BLINDNESS[kind]).T
    return np.clip(from_linear(np.clip(light, 0, 1).astype(np.float32)), 0, 1).astype(np.float64)


def differences(colors: np.ndarray) -> np.ndarray:
    """CIEDE2000 from each color (n, 3) to the next, (n - 1,)."""
    lab = srgb_to_lab(np.asarray(colors, np.float64))
    return delta_e(lab[:-1], lab[1:])


def lightness_slopes(colors: np.ndarray) -> np.ndarray:
    """CIEDE2000 of the lightness alone from each color (n, 3) to the next, negative where it falls."""
    lab = srgb_to_lab(np.asarray(colors, np.float64))
    lab[:, 1:] = 0
    return delta_e(lab[:-1], lab[1:]) * np.sign(np.diff(lab[:, 0]))


def sine_on_ramp(width: int = 512, height: int = 64, wavelength: int = 8, amplitude: float = 0.05) -> np.ndarray:
    """The test picture of Kovesi, "Good colour maps: how to design them", 2015: (height, width) on 0..1.

    A ramp with a sine on it, whose amplitude falls with the square of the row from the top to none at the bottom. An
    even color map shows the sine equally well everywhere.
    """
    columns = np.arange(width)
    ramp = amplitude + (1 - 2 * amplitude) * columns / (width - 1)
    fading = ((height - 1 - np.arange(height)) / (height - 1)) ** 2
    return ramp + amplitude * fading[:, None] * np.sin(2 * np.pi * columns / wavelength)


def sine_contrast(row: np.ndarray, wavelength: int = 8) -> np.ndarray:
    """How visible each period of the sine is in a row of colors (n, 3): the lightness of crest against trough.

    The row is some whole periods long. The crest is where the sine is highest, so the contrast is negative where the map turns it into a trough.
    """
    lab = srgb_to_lab(np.asarray(row, np.float64))
    lab[:, 1:] = 0
    crest, trough = lab[wavelength // 4 :: wavelength], lab[3 * wavelength // 4 :: wavelength]
    return delta_e(crest, trough) * np.sign(crest[:, 0] - trough[:, 0])
