"""Section of the card of a model trained on degraded pictures: results on Kodak24, and crops of the samples."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import generator
from restore.imaging.decode import read_rgb8
from restore.imaging.resize import modcrop
from restore.metrics.learned.feature_distance import FeatureDistance
from restore.metrics.niqe import niqe
from restore.metrics.sr_protocol import bicubic, score
from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels
from restore.zoo.find import find, shipped_folder
from restore.zoo.precision import Kind

Pixels = NDArray[np.uint8]
METRICS = {"psnr": ("PSNR, dB", 2), "ssim": ("SSIM", 4), "niqe": ("NIQE", 2), "features": ("feature distance", 4)}
SAMPLES = shipped_folder().parent / "samples"
SIDE = 224


def rivals(model: Model) -> dict[str, Callable[[Pixels], Pixels]]:
    """The methods that a model is compared with, and the model itself last."""
    if model.spec.scale == 1:
        return {"input": lambda low: low, model.spec.name: lambda low: enhance_pixels(low, model, model.spec)}
    faithful = open_model(find(f"sr-x{model.spec.scale}"), "cpu")
    return {
        "bicubic": lambda low: bicubic(low, model.spec.scale),
        faithful.spec.name: lambda low: enhance_pixels(low, faithful, faithful.spec),
        model.spec.name: lambda low: enhance_pixels(low, model, model.spec),
    }


def measure_degraded(model: Model, options: SecondOrder, testsets: Path) -> dict[str, dict[str, float]]:
    """Means over Kodak24, each picture degraded by the chain that the model was trained on, seed 0.

    Pictures that a mix leaves as they are do not count: their PSNR is infinite.
    """
    paths = sorted((testsets / "Kodak24").glob("*.png"))
    if not paths:
        raise SystemExit(f"{testsets / 'Kodak24'}: no pictures")
    distance, scale = FeatureDistance(), model.spec.scale
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in rivals(model)}
    for number, path in enumerate(paths):
        low, high = degraded(path, scale, options, number)
        if np.array_equal(low, high):
            continue
        for name, enlarge in rivals(model).items():
            made = enlarge(low)
            both = score(made, high, scale)
            rows[name].append(
                {"psnr": both.psnr, "ssim": both.ssim, "niqe": niqe(made, scale), "features": distance(made, high)}
            )
    return {
        name: {key: round(statistics.mean(row[key] for row in found), 4) for key in METRICS}
        for name, found in rows.items()
    }


def degraded(path: Path, scale: int, options: SecondOrder, number: int) -> tuple[Pixels, Pixels]:
    """A degraded picture and its original."""
    high = np.ascontiguousarray(modcrop(read_rgb8(path), scale))
    return second_order(high, scale, options, generator(0, number)), high


def show(model: Model, options: SecondOrder, file: Path) -> None:
    """Save crops of the samples side by side as JPEG: input, results and ground truth."""
    rows = []
    for number, path in enumerate(sorted(p for p in SAMPLES.rglob("*") if p.suffix in {".jpg", ".png"})):
        low, high = degraded(path, model.spec.scale, options, number)
        grown = low.repeat(model.spec.scale, axis=0).repeat(model.spec.scale, axis=1)
        columns = {"input": grown} | {name: enlarge(low) for name, enlarge in rivals(model).items()} | {"truth": high}
        top, left = ((n - SIDE) // 2 for n in high.shape[:2])
        rows.append(np.concatenate([p[top : top + SIDE, left : left + SIDE] for p in columns.values()], axis=1))
    Image.fromarray(np.concatenate(rows)).save(file, quality=92, subsampling=0)


def section(facts: Mapping[Kind, Any], name: str) -> str:
    """The section as Markdown."""
    columns = list(dict.fromkeys(["input", *facts["fp32"]["degraded"], "truth"]))
    lines = [f"| Kodak24, degraded | {' | '.join(said for said, _ in METRICS.values())} |", f"|{'---|' * 5}"]
    for kind, measured in facts.items():
        for rival, values in measured["degraded"].items():
            if kind == "fp32" or rival == name:
                mine = f"**{rival}{'' if kind == 'fp32' else f' {kind}'}**" if rival == name else rival
                cells = " | ".join(f"{values[key]:.{digits}f}" for key, (_, digits) in METRICS.items())
                lines.append(f"| {mine} | {cells} |")
    return "\n".join(
        [
            *lines,
            "",
            "Each photo went through the degradation chain used in training (`recipe.yaml`, seed 0). PSNR and SSIM on",
            "Y, border = scale, or PSNR on RGB where the size stays; NIQE as in basicsr, lower is better. The feature",
            "distance is our own metric: the mean relative difference of EfficientNet-Lite0's features, 0 for equal",
            "pictures.",
            "",
            f"![{', '.join(columns)}](look.jpg)",
            "",
            f"This repository's samples through the same chain, left to right: {', '.join(columns)}.",
        ]
    )
