"""The queue of past keys of MoCo (He et al., CVPR 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class KeyQueue(nn.Module):
    """The last ``size`` keys; the oldest are replaced first. It starts with random unit vectors, like MoCo's.

    The caller decides whether keys come from an encoder or its moving average. Keys and position are in ``state_dict``;
    nothing here synchronizes with a GPU.

    Args:
        size: how many keys.
        dim: length of a key.
    """

    keys: Tensor
    position: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("keys", F.normalize(torch.randn(size, dim), dim=1))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, keys: Tensor) -> None:
        """Replace the oldest keys with these unit vectors, (n, dim); of more than ``size``, the last are kept."""
        size = len(self.keys)
        places = (self.position + torch.arange(len(keys), device=self.keys.device)) % size
        # A new tensor instead of an in-place change: the backward pass of this step still needs the old keys.
        self.keys = self.keys.index_copy(0, places[-size:], keys[-size:].to(self.keys.dtype))
        self.position = (self.position + len(keys)) % size
