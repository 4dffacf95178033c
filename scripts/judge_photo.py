"""Judge models that restore photographs, by distances that see texture, on every preset of the degradation chain.

    python scripts/judge_photo.py photo-x4 peer.onnx --testsets TESTSETS \\
        --weights lpips=alexnet.safetensors --weights dists=vgg16.safetensors --out models/photo-x4/presets.json

Each picture of Kodak24 goes through each preset (seed 0), then through bicubic, or stays as it is at scale 1, and
through each MODEL: a name that ``restore models`` lists or a file, all of one scale. Published networks become such
files by ``restore import``. A model's card shows what is in ``presets.json`` next to it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from degraded_card import degraded
from numpy.typing import NDArray
from PIL import Image

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.presets import Preset
from restore.imaging.contact_sheet import contact_sheet
from restore.metrics.metric import MetricInputs, MetricProtocol, OfPicture
from restore.metrics.registry import METRICS
from restore.metrics.sr_protocol import bicubic
from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels
from restore.utils.atomic_write import write_bytes
from restore.zoo.find import find

Pixels = NDArray[np.uint8]
JUDGED_BY = ("psnr", "lpips", "dists", "niqe")
# `realesrgan` is `heavy`.
PRESETS = tuple(name for name in get_args(Preset) if name != "realesrgan")
BASELINE = {True: "bicubic", False: "input"}


def main() -> None:
    """Judge the models, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or files of models")
    parser.add_argument("--testsets", required=True, type=Path, help="folder that contains Kodak24/")
    parser.add_argument("--preset", action="append", choices=PRESETS, help="degradation (default: each in turn)")
    parser.add_argument("--metric", action="append", choices=list(METRICS), help=f"default: {', '.join(JUDGED_BY)}")
    parser.add_argument("--weights", action="append", default=[], metavar="METRIC=FILE", help="file of a backbone")
    parser.add_argument("--every", default=1, type=int, help="use only every n-th picture, for a quick look")
    parser.add_argument("--out", type=Path, help="JSON file of the results; those of other models in it are kept")
    parser.add_argument("--look", type=Path, help="write a sheet of each picture to this folder: input, results, truth")
    options = parser.parse_args()
    models = {file.stem: open_model(file, "cpu") for file in map(find, options.models)}
    if len(scales := {model.spec.scale for model in models.values()}) > 1:
        raise SystemExit(f"models of scales {', '.join(map(str, sorted(scales)))}: judge those of one scale at a time")
    paths = sorted((options.testsets / "Kodak24").glob("*.png"))[:: options.every]
    if not paths:
        raise SystemExit(f"{options.testsets / 'Kodak24'}: no pictures")
    weights = {name: Path(file) for name, file in (one.split("=", 1) for one in options.weights)}
    found: dict[str, Any] = {}
    for preset in options.preset or PRESETS:
        found[preset] = judge(models, preset, paths, options.metric or JUDGED_BY, weights, options.look)
        print(f"{preset}\n{table(found[preset])}\n", flush=True)
    if options.out:
        kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        merged = {preset: {**kept.get(preset, {}), **found.get(preset, {})} for preset in {**kept, **found}}
        write_bytes(options.out, (json.dumps(merged, indent=1) + "\n").encode())


def judge(
    models: Mapping[str, Model],
    preset: Preset,
    paths: Sequence[Path],
    metrics: Sequence[str],
    weights: Mapping[str, Path],
    look: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Mean distances from the original, for the baseline and for each model.

    Args:
        models: by name, all of one scale.
        preset: of the degradation.
        paths: pictures.
        metrics: names of registered metrics of single pictures; on RGB, border = scale (1 at scale 1).
        weights: files of backbones, by metric.
        look: folder for a sheet of each picture; None for none.

    Returns:
        By name of the method, its means, and ``seconds``, its mean time for a picture.
    """
    scale = next(iter(models.values())).spec.scale
    measures = measured_by(metrics, scale, weights)
    methods: dict[str, Callable[[Pixels], Pixels]] = {
        BASELINE[scale > 1]: (lambda low: bicubic(low, scale)) if scale > 1 else (lambda low: low)
    }
    for name, model in models.items():
        methods[name] = partial(enhance_pixels, network=model, spec=model.spec)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
    for number, path in enumerate(paths):
        low, high = degraded(path, scale, SecondOrder(preset=preset), number)
        sheet = [low.repeat(scale, axis=0).repeat(scale, axis=1)]
        for name, method in methods.items():
            began = time.perf_counter()
            made = method(low)
            row = {"seconds": time.perf_counter() - began}
            # What comes back to the bit counts as 100 dB, so that it does not hide the other pictures in the mean.
            row |= {key: min(float(measure(made, high, path.name)), 100.0) for key, measure in measures.items()}
            rows[name].append(row)
            sheet.append(made)
        if look is not None:
            look.mkdir(parents=True, exist_ok=True)
            names = ["low", *methods, "truth"]
            Image.fromarray(contact_sheet([*sheet, high], 2, names)).save(look / f"{preset}-{path.stem}.png")
    return {
        name: {key: round(statistics.mean(row[key] for row in found), 4) for key in found[0]}
        for name, found in rows.items()
    }


def measured_by(metrics: Sequence[str], scale: int, weights: Mapping[str, Path]) -> dict[str, OfPicture]:
    """The metrics, ready to measure, on RGB and without a border as wide as the scale."""
    found: dict[str, OfPicture] = {}
    for name in metrics:
        if (build := METRICS[name].measure) is None:
            raise SystemExit(f"{name} measures sets, not single pictures: choose another metric")
        found[name] = build(MetricProtocol(scale, color="rgb"), MetricInputs(weights))
    return found


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """The results of one preset as text."""
    keys = list(next(iter(found.values())))
    lines = [f"{'':24}" + "".join(f"{key:>10}" for key in keys)]
    lines += [f"{name:24}" + "".join(f"{row[key]:10.4f}" for key in keys) for name, row in found.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
