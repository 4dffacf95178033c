"""Measure a run of a rectified flow beside the network that it begins at, for several numbers of steps.

    python scripts/judge_flow.py runs/pmrf-x4 --data Kodak24
    python scripts/judge_flow.py runs/pmrf-denoise --data Kodak24 --inputs noisy

Without --inputs, which are for runs that do not enlarge, the pictures are reduced by bicubic. The networks run in torch
on whole pictures, with the noise that an exported file is given. PSNR is on Y for runs that enlarge, otherwise on RGB.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from restore.data.folder import list_photos
from restore.data.sources.bicubic import reduced_samples
from restore.data.sources.samples import Sample
from restore.imaging.decode import read_rgb8
from restore.networks.rectified_flow import RectifiedFlow
from restore.training.flow import WithNoise
from restore.training.trained_network import load_trained
from restore.training.validation import enlarge
from restore.training.validation_metric import find_metric

_WHOLE = 1 << 20


def main() -> None:
    """Print a table: a row for the network that the flow begins at, and one for each number of steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of reference pictures")
    parser.add_argument("--inputs", type=Path, help="folder of inputs, by the same names")
    parser.add_argument("--pictures", type=int, help="measure only the first so many")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 5, 10])
    parser.add_argument("--strength", type=float, default=1.0, help="of the flow, 0 to 1")
    parser.add_argument("--metric", nargs="+", default=["psnr", "lpips", "niqe"])
    parser.add_argument("--weights", type=Path, help="of AlexNet, for LPIPS; by default in torch hub's cache")
    parser.add_argument("--out", type=Path, help="folder for the results")
    given = parser.parse_args()
    recipe, flow, _ = load_trained(given.run)
    if not isinstance(flow, RectifiedFlow):
        parser.error(f"{given.run} is not a run of a flow")
    samples = list(_samples(given.data, given.inputs, recipe.scale, given.pictures))
    names = [{"psnr": "psnr-y" if recipe.scale > 1 else "psnr-rgb"}.get(name, name) for name in given.metric]
    metrics = [find_metric(name) for name in names]
    measures = [metric.build(recipe.scale, given.weights if metric.name == "lpips" else None) for metric in metrics]
    print(f"{len(samples)} pictures\n| | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for label, network in _contenders(flow, given.steps, given.strength):
        results = [_restored(network, sample.low, recipe.needs().multiple, recipe.scale) for sample in samples]
        values = [f"{measure(results, samples):.3f}" for measure in measures]
        print(f"| {label} | {' | '.join(values)} |", flush=True)
        for sample, result in zip(samples, results, strict=True):
            if given.out is not None:
                given.out.mkdir(parents=True, exist_ok=True)
                Image.fromarray(result).save(given.out / f"{Path(sample.name).stem}-{label.replace(' ', '')}.png")


def _samples(data: Path, inputs: Path | None, scale: int, most: int | None) -> Iterator[Sample]:
    photos = list_photos([data])[:most]
    if inputs is None:
        yield from reduced_samples(photos, scale, _WHOLE)
    else:
        for photo in photos:
            yield Sample(photo.name, read_rgb8(inputs / photo.name), read_rgb8(photo))


def _contenders(flow: RectifiedFlow, steps: list[int], strength: float) -> Iterator[tuple[str, nn.Module]]:
    yield "mean", flow.mean
    for flow.steps in steps:
        yield f"K = {flow.steps}" + (f", strength {strength:g}" if strength != 1 else ""), WithNoise(flow, 0, strength)


def _restored(network: nn.Module, low: NDArray[np.uint8], multiple: int, scale: int) -> NDArray[np.uint8]:
    """The result, for any size: what is missing to a multiple is mirrored."""
    height, width = low.shape[:2]
    more = [(0, -side % multiple) for side in (height, width)]
    made = enlarge(network, np.pad(low, [*more, (0, 0)], mode="symmetric"), torch.device("cpu"))
    return made[: height * scale, : width * scale]


if __name__ == "__main__":
    main()
