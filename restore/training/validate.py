"""PSNR on Y over a few pictures, in the literature's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.secondorder import second_order
from restore.data.places import generator
from restore.imaging.colour import luma
from restore.imaging.decode import read_rgb8
from restore.metrics.protocol import bicubic, reduce
from restore.metrics.psnr import psnr

# Where the draws of validation begin: far from any sample that training will come to.
_APART = 2**62


@dataclass(frozen=True)
class Sample:
    """One validation picture: low and high resolution, uint8 (H, W, 3), and its name."""

    name: str
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]


def load_samples(
    paths: Sequence[Path], scale: int, crop: int, degradation: SecondOrder | None = None, seed: int = 0
) -> list[Sample]:
    """The middle ``crop`` pixels of each picture, reduced by bicubic or degraded, the same way at every call."""
    samples = []
    for number, path in enumerate(paths):
        pixels = read_rgb8(path)
        top, left = (max(0, (n - crop) // 2) for n in pixels.shape[:2])
        low, high = reduce(pixels[top : top + crop, left : left + crop], scale)
        if degradation is not None:
            low = second_order(np.ascontiguousarray(high), scale, degradation, generator(seed, _APART + number))
        samples.append(Sample(path.stem, low, high))
    return samples


@torch.no_grad()
def enlarge(network: nn.Module, low: NDArray[np.uint8], device: torch.device) -> NDArray[np.uint8]:
    """Run a network on one picture in float32, rounded to 8 bits."""
    x = torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1)))[None].to(device)
    y = network(x.float() / 255.0)
    return _to_uint8(y[0])


def _to_uint8(image: torch.Tensor) -> NDArray[Any]:
    values = image.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return values.permute(1, 2, 0).cpu().numpy()


def mean_psnr(
    network: nn.Module, samples: Sequence[Sample], scale: int, device: torch.device
) -> tuple[float, NDArray[np.uint8]]:
    """Average PSNR (Y, border = scale) and the first picture's result."""
    values, first = [], None
    for sample in samples:
        result = enlarge(network, sample.low, device)
        first = result if first is None else first
        values.append(psnr(luma(result), luma(sample.high), border=scale))
    assert first is not None
    return float(np.mean(values)), first


def bicubic_psnr(samples: Sequence[Sample], scale: int) -> float:
    """The same average for bicubic enlargement."""
    return float(np.mean([psnr(luma(bicubic(s.low, scale)), luma(s.high), border=scale) for s in samples]))
