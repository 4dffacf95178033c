"""Measure the loss of computing each layer alone in 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from rich.console import Console

from restore.export.quantize import Batch, Quantizer, quantized_by_default
from restore.export.quantized_model import calibration_patches, load_wide
from restore.export.to_onnx import with_names
from restore.metrics.psnr import psnr
from restore.runtime.session import cpu_session
from restore.utils.progress import progress_bar

# Patches to measure on: those of the calibration, which favors all layers slightly and equally.
_MEASURED = 16


@dataclass(frozen=True)
class Layer:
    """A convolution.

    Attributes:
        name: of its node.
        what: its kernel and channels, and whether an int8 twin computes it in 8 bits.
        psnr: in dB, between the network and the network with this layer alone in 8 bits, on the model's range.
    """

    name: str
    what: str
    psnr: float


def explain(source: Path, calibrate: Path, screen: Console) -> list[Layer]:
    """Quantize each convolution alone and measure the loss; returns the most sensitive first.

    Args:
        source: an fp32 model file.
        calibrate: photographs to calibrate and measure on.
        screen: shows progress.

    Raises:
        ModelError: the file cannot have an 8-bit twin.
        DataError: there are no photographs.
    """
    wide, spec = load_wide(source)
    model = with_names(wide)
    patches = calibration_patches(calibrate, spec)
    wanted = _results(model, patches)
    usual = quantized_by_default(model)
    kernels = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    layers, quantizer = [], Quantizer(model, patches)
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    for node in progress_bar(convs, "Quantizing layer by layer", screen):
        narrow = quantizer.only([node.name])
        value = psnr(_results(narrow, patches), wanted, peak=spec.high - spec.low)
        outputs, inputs, height, width = kernels.get(node.input[1], (0, 0, 0, 0))
        kept = "in 8 bits in the twin" if node.name in usual else "stays in fp32"
        layers.append(Layer(node.name, f"{height}x{width}, {inputs} to {outputs}, {kept}", value))
    return sorted(layers, key=lambda layer: layer.psnr)


def _results(model: onnx.ModelProto, patches: list[Batch]) -> NDArray[np.float32]:
    session = cpu_session(model.SerializeToString(), "a quantized copy")
    return np.concatenate([session.run(None, dict(batch))[0].reshape(-1, 1) for batch in patches[:_MEASURED]])
