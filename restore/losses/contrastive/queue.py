"""The queue of past keys of MoCo (He et al., CVPR 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class KeyQueue(nn.Module):
    """The last ``size`` keys, the oldest replaced first. It begins with random unit vectors, as MoCo's does.

    Where the keys come from, from an encoder or from the moving average of one, is up to the caller. Keys and
    position are in ``state_dict``; nothing here makes a GPU wait.

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
        """Replace the oldest keys by these, (n, dim), unit vectors; of more than ``size`` the last ones stay."""
        size = len(self.keys)
        places = (self.position + torch.arange(len(keys), device=self.keys.device)) % size
        # A new tensor, not a change in place: the loss of this step still needs the old keys on its way back.
        self.keys = self.keys.index_copy(0, places[-size:], keys[-size:].to(self.keys.dtype))
        self.position = (self.position + len(keys)) % size
