"""Convert pictures to network input."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(image: NDArray[np.uint8], smallest: int = 1) -> Tensor:
    """uint8 RGB (H, W, 3) to float32 (1, 3, H, W), 0..1.

    Raises:
        ValueError: a side is shorter than ``smallest``, so that the network's downsampling would leave nothing.
    """
    if min(image.shape[:2]) < smallest:
        raise ValueError(f"{image.shape[1]} x {image.shape[0]} pixels are too few: each side needs at least {smallest}")
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None] / 255
