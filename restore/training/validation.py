"""Validation: running a network on a few pictures, and a contact sheet of the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from restore.data.sources.samples import Sample, middle
from restore.imaging.arrays import AnyArray
from restore.imaging.contact_sheet import contact_sheet
from restore.metrics.sr_protocol import bicubic

# Pictures on a contact sheet, and the side of the central crop that is shown of each.
_SHOWN, _SIDE = 4, 256


@torch.no_grad()
def enlarge(network: nn.Module, low: NDArray[np.uint8], device: torch.device) -> NDArray[np.uint8]:
    """Run a network on one picture in float32, rounded to 8 bits."""
    x = torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1)))[None].to(device)
    y = network(x.float() / 255.0)
    return _to_uint8(y[0])


def _to_uint8(image: torch.Tensor) -> AnyArray:
    values = image.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return values.permute(1, 2, 0).cpu().numpy()


def unchanged(samples: Sequence[Sample], scale: int) -> list[NDArray[np.uint8]]:
    """The inputs enlarged by bicubic, or the inputs themselves at scale 1."""
    return [bicubic(sample.low, scale) if scale > 1 else sample.low for sample in samples]


def validation_sheet(results: Sequence[NDArray[np.uint8]], samples: Sequence[Sample], scale: int) -> NDArray[np.uint8]:
    """Contact sheet with central crops of the first pictures: a row of input (bicubic), result and target for each."""
    cells: list[NDArray[np.uint8]] = []
    columns = 2 if all(sample.high is None for sample in samples[:_SHOWN]) else 3
    for sample, before, after in zip(samples, unchanged(samples[:_SHOWN], scale), results, strict=False):
        row = [before, after] if sample.high is None else [before, after, sample.high]
        cells += [middle(picture, _SIDE) for picture in row]
        cells += [np.zeros((0, 0, 3), np.uint8)] * (columns - len(row))
    return contact_sheet(cells, columns, gap=0, background=0)
