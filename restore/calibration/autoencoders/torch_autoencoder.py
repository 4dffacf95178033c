"""Autoencoders that are torch modules: published weights, our own runs, and modules of the user."""

from __future__ import annotations

from typing import Protocol, cast, runtime_checkable

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.calibration.autoencoders.autoencoder import Autoencoder, Batch, CodeChange, Needs, find_needs
from restore.errors import ModelError
from restore.export.to_onnx import to_onnx
from restore.runtime.session import first_line
from restore.spec import ModelSpec


@runtime_checkable
class Codes(Protocol):
    """A module that encodes and decodes."""

    def encode(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), RGB, 0..1, to codes (N, C, h, w)."""

    def decode(self, code: Tensor) -> Tensor:
        """Codes to pictures."""


class TorchAutoencoder(Autoencoder):
    """A module with the methods ``encode`` and ``decode``.

    Args:
        network: both of them deterministic.
        name: for messages and metadata.
        needs: what it needs; None to find out.
        licence: of the weights; empty if unknown.

    Raises:
        ModelError: it lacks one of the methods, or does not give back pictures of the size that it takes.
    """

    def __init__(self, network: nn.Module, name: str, needs: Needs | None = None, licence: str = "") -> None:
        if not isinstance(network, Codes):
            raise ModelError(f"{name}: not an autoencoder: a {type(network).__name__} has no methods encode and decode")
        self._network = cast(nn.Module, network).float().eval().requires_grad_(False)
        self._codes: Codes = network
        self.name, self.licence = name, licence
        self.parameters = sum(p.numel() for p in self._network.parameters())
        self.needs = needs or find_needs(self.encode, self.decode, name)

    @torch.no_grad()
    def encode(self, pictures: Batch) -> Batch:
        try:
            return _array(self._codes.encode(torch.from_numpy(pictures)))
        except Exception as error:  # each network fails in its own way on unsupported inputs
            raise ModelError(f"{self.name}: encoding {_shape(pictures)} fails: {first_line(error)}") from error

    @torch.no_grad()
    def decode(self, codes: Batch) -> Batch:
        try:
            return _array(self._codes.decode(torch.from_numpy(codes)))
        except Exception as error:  # as above
            raise ModelError(f"{self.name}: decoding {_shape(codes)} fails: {first_line(error)}") from error

    def exported(self, change: CodeChange, opset: int) -> onnx.ModelProto:
        needs = self.needs
        spec = ModelSpec(
            name=self.name,
            task="restoration",
            scale=1,
            halo=needs.halo,
            multiple=needs.multiple,
            minimum=needs.minimum,
        )
        return to_onnx(_Changed(self._codes, change), spec, opset)


class _Changed(nn.Module):
    """What a change of its code adds to a picture."""

    weights: Tensor
    bias: Tensor

    def __init__(self, autoencoder: Codes, change: CodeChange) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.reach, self.rebuilt = change.reach, change.rebuilt
        self.register_buffer("weights", torch.from_numpy(change.weights))
        self.register_buffer("bias", torch.from_numpy(change.bias))

    def forward(self, x: Tensor) -> Tensor:
        codes = self.autoencoder.encode(x.clamp(0, 1))
        around = F.pad(codes, [self.reach] * 4, mode="replicate")
        moved = F.conv2d(around, self.weights, self.bias)
        if self.rebuilt:
            return self.autoencoder.decode(moved) - x
        both = self.autoencoder.decode(torch.cat((moved, codes)))
        return both[: x.shape[0]] - both[x.shape[0] :]


def _array(tensor: Tensor) -> Batch:
    return np.ascontiguousarray(tensor.numpy(), np.float32)


def _shape(batch: Batch) -> str:
    return " x ".join(map(str, batch.shape))
