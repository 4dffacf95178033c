"""How good a network is on a few pictures, in the literature's protocol, and a sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.secondorder import second_order
from restore.data.filters.options import PhotoFilters, open_filters
from restore.data.lighting.backlight import Backlight, backlit, well_lit
from restore.data.lighting.pairs import middle_and_reference
from restore.data.lighting.scenes import Scene
from restore.data.pairs import common_scale, refuse_turned
from restore.data.places import generator
from restore.errors import DataError
from restore.imaging.contact_sheet import contact_sheet
from restore.imaging.decode import read_rgb8
from restore.metrics.sr_protocol import bicubic, reduce

# Where the draws of validation begin: far from any sample that training will come to.
_APART = 2**62
# Pictures on a sheet, and the side of the middle that is shown of each.
_SHOWN, _SIDE = 4, 256


@dataclass(frozen=True)
class Sample:
    """One validation picture: input and target, uint8 (H, W, 3), and its name; without a target it is to look at."""

    name: str
    low: NDArray[np.uint8]
    high: NDArray[np.uint8] | None


def degrade_samples(
    paths: Sequence[Path], scale: int, crop: int, degradation: SecondOrder | None = None, seed: int = 0
) -> list[Sample]:
    """The middle ``crop`` pixels of each picture, reduced by bicubic or degraded, the same way at every call."""
    samples = []
    for number, path in enumerate(paths):
        middle = _middle(read_rgb8(path), crop)
        if min(middle.shape[:2]) < scale:
            raise DataError(f"{path}: {middle.shape[1]} x {middle.shape[0]} pixels are too few to validate on")
        low, high = reduce(middle, scale)
        if degradation is not None:
            low = second_order(np.ascontiguousarray(high), scale, degradation, generator(seed, _APART + number))
        samples.append(Sample(path.stem, low, high))
    return samples


def backlit_samples(paths: Sequence[Path], crop: int, options: Backlight, seed: int) -> list[Sample]:
    """Each picture made as small as ``crop`` pixels on its longer side, and the same against the light.

    None is left untouched: there the result could be compared with itself alone. Pictures that are too dark to be
    learned from are left out, unless all are.
    """
    options, samples = options.model_copy(update={"untouched": 0.0}), []
    pictures = [(number, path, _small(read_rgb8(path), crop)) for number, path in enumerate(paths)]
    bright = [one for one in pictures if well_lit(one[2], options)]
    for number, path, good in bright or pictures:
        samples.append(Sample(path.stem, backlit(good, options, generator(seed, _APART + number)), good))
    return samples


def filtered_samples(paths: Sequence[Path], crop: int, options: PhotoFilters, root: Path = Path()) -> list[Sample]:
    """Each picture made as small as ``crop`` pixels on its longer side, under one filter after another, whole.

    Raises:
        FilterError: a lookup table below ``root`` cannot be read.
    """
    filters = list(zip(options.kinds(), open_filters(options, root).values(), strict=False))  # but for none
    samples = []
    for number, path in enumerate(paths):
        good, (kind, filtered) = _small(read_rgb8(path), crop), filters[number % len(filters)]
        samples.append(Sample(f"{path.stem}-{kind}", filtered(good), good))
    return samples


def scene_samples(scenes: Sequence[Scene], crop: int) -> list[Sample]:
    """A dark exposure of each scene and its reference, as small as ``crop`` pixels on the longer side."""
    pairs = [(scene.paths[0].stem, *middle_and_reference(scene)) for scene in scenes]
    return [Sample(name, _small(low, crop), _small(high, crop)) for name, low, high in pairs]


def light_samples(pairs: Sequence[tuple[Path, Path]], crop: int) -> list[Sample]:
    """Both pictures of each pair, as small as ``crop`` pixels on the longer side: light is judged by the whole.

    Raises:
        DataError: the two differ in size.
    """
    samples = []
    for pair in pairs:
        low, high = (read_rgb8(path) for path in pair)
        common_scale([pair], np.array([low.shape[:2]]), np.array([high.shape[:2]]), 1)
        refuse_turned(pair, low, high, 1)
        samples.append(Sample(pair[0].stem, _small(low, crop), _small(high, crop)))
    return samples


def _small(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small: NDArray[np.uint8] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small


def pair_samples(pairs: Sequence[tuple[Path, Path]], scale: int, crop: int) -> list[Sample]:
    """The middle of each pair, ``crop`` pixels of the target.

    Raises:
        DataError: the sizes of a pair do not fit the scale.
    """
    samples = []
    for pair in pairs:
        low, high = (read_rgb8(path) for path in pair)
        common_scale([pair], np.array([low.shape[:2]]), np.array([high.shape[:2]]), scale)
        sides = [min(n, max(1, crop // scale)) for n in low.shape[:2]]
        top, left = ((n - side) // 2 for n, side in zip(low.shape[:2], sides, strict=True))
        low = low[top : top + sides[0], left : left + sides[1]]
        high = high[scale * top : scale * (top + sides[0]), scale * left : scale * (left + sides[1])]
        samples.append(Sample(pair[0].stem, low, high))
    return samples


def bare_samples(paths: Sequence[Path], crop: int, whole: bool = False) -> list[Sample]:
    """Inputs without targets, a few of the pictures, spread evenly; their middles, or the whole made as small."""
    count = min(_SHOWN, len(paths))
    chosen = [paths[i * len(paths) // count] for i in range(count)]
    cut = _small if whole else _middle
    return [Sample(path.stem, cut(read_rgb8(path), crop), None) for path in chosen]


def _middle(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    top, left = (max(0, (n - side) // 2) for n in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


@torch.no_grad()
def enlarge(network: nn.Module, low: NDArray[np.uint8], device: torch.device) -> NDArray[np.uint8]:
    """Run a network on one picture in float32, rounded to 8 bits."""
    x = torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1)))[None].to(device)
    y = network(x.float() / 255.0)
    return _to_uint8(y[0])


def _to_uint8(image: torch.Tensor) -> NDArray[Any]:
    values = image.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return values.permute(1, 2, 0).cpu().numpy()


def unchanged(samples: Sequence[Sample], scale: int) -> list[NDArray[np.uint8]]:
    """What bicubic enlargement makes of the inputs, or the inputs themselves at scale 1."""
    return [bicubic(sample.low, scale) if scale > 1 else sample.low for sample in samples]


def sheet(results: Sequence[NDArray[np.uint8]], samples: Sequence[Sample], scale: int) -> NDArray[np.uint8]:
    """A row for each of the first pictures: the input (enlarged by bicubic), the result, the target; their middles."""
    cells: list[NDArray[np.uint8]] = []
    columns = 2 if all(sample.high is None for sample in samples[:_SHOWN]) else 3
    for sample, before, after in zip(samples, unchanged(samples[:_SHOWN], scale), results, strict=False):
        row = [before, after] if sample.high is None else [before, after, sample.high]
        cells += [_middle(picture, _SIDE) for picture in row]
        cells += [np.zeros((0, 0, 3), np.uint8)] * (columns - len(row))
    return contact_sheet(cells, columns, gap=0, background=0)
