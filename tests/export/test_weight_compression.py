"""What looks at a thumbnail is stored in 8 bits and computed as before; nothing else is touched."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from restore.export.to_onnx import to_onnx
from restore.export.weight_compression import narrow_weights
from restore.metrics.psnr import psnr
from restore.networks.bilateral_grid import BilateralGrid
from restore.networks.modulated_color import ModulatedColor
from restore.networks.residual import ResidualSR
from restore.runtime.conditioning import PictureAside
from restore.runtime.tiling import Span, Tile
from restore.spec import ModelSpec
from tests.conftest import picture
from tests.runtime.test_conditioning import SPEC as LIGHT

COLOR = LIGHT.model_copy(update={"halo": 0, "multiple": 1, "context": 64})


def bilateral_grid() -> nn.Module:
    torch.manual_seed(0)
    return far(BilateralGrid(thumbnail=32, width=24, local=4), "cells")


def modulated_color() -> nn.Module:
    torch.manual_seed(0)
    return far(ModulatedColor(thumbnail=64, width=64), "modulation")


def far(network: nn.Module, layer: str) -> nn.Module:
    """From the identity that it begins as."""
    with torch.no_grad():
        network.get_parameter(f"{layer}.weight").mul_(10)
    return network.eval()


CASES = pytest.mark.parametrize(("make", "spec"), [(bilateral_grid, LIGHT), (modulated_color, COLOR)])


@functools.cache
def _exported(make: Callable[[], nn.Module], spec: str) -> bytes:
    return to_onnx(make(), ModelSpec.model_validate_json(spec)).SerializeToString()


def exported(make: Callable[[], nn.Module], spec: ModelSpec) -> onnx.ModelProto:
    """A model of one's own to change; exporting takes seconds, so once and for the one shape that is asked."""
    return onnx.ModelProto.FromString(_exported(make, spec.but(shape=(1, 64, 96)).model_dump_json()))


def feed(spec: ModelSpec) -> dict[str, np.ndarray]:
    pixels = picture(64, 96, seed=2) // 2
    tile = Tile(Span(0, 64, 0, 64), Span(0, 96, 0, 96))
    return {
        "input": pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255,
        **PictureAside(pixels, spec).of(tile),
    }


def run(model: onnx.ModelProto, spec: ModelSpec) -> np.ndarray:
    return ort.InferenceSession(model.SerializeToString()).run(None, feed(spec))[0]


@CASES
def test_the_result_hardly_changes_and_the_file_shrinks(make: Callable[[], nn.Module], spec: ModelSpec) -> None:
    wide = exported(make, spec)
    narrow = onnx.ModelProto.FromString(wide.SerializeToString())
    count = narrow_weights(narrow)
    onnx.checker.check_model(narrow, full_check=True)
    assert count >= 3
    bits = {i.name for i in narrow.graph.initializer if i.data_type == onnx.TensorProto.INT8}
    assert len(bits) == count
    stored = [sum(len(i.raw_data) for i in model.graph.initializer) for model in (wide, narrow)]
    assert stored[1] < 0.6 * stored[0]
    before, after = run(wide, spec), run(narrow, spec)
    assert 35 < psnr(after, before, peak=1.0) < 100, "neither broken nor left as it was"


@CASES
def test_no_weight_moves_by_more_than_half_a_step_of_its_channel(
    make: Callable[[], nn.Module], spec: ModelSpec
) -> None:
    wide = exported(make, spec)
    narrow = onnx.ModelProto.FromString(wide.SerializeToString())
    narrow_weights(narrow)
    were = {i.name: numpy_helper.to_array(i) for i in wide.graph.initializer}
    now = {i.name: numpy_helper.to_array(i) for i in narrow.graph.initializer}
    wides = [node for node in narrow.graph.node if node.op_type == "DequantizeLinear"]
    for node in wides:
        (name,), axis = node.output, node.attribute[0].i
        scale = np.expand_dims(now[node.input[1]], [i for i in range(were[name].ndim) if i != axis])
        assert np.abs(now[node.input[0]] * scale - were[name]).max() <= 0.5001 * scale.max()
        assert np.abs(now[node.input[0]]).max() == 127
        assert now[node.input[0]].dtype == np.int8
        assert now[node.input[1]].size == len(makers(make(), were[name])), "a scale an output channel"
    kept = set(were) - {node.output[0] for node in wides}
    for name in kept:
        np.testing.assert_array_equal(now[name], were[name])


def makers(network: nn.Module, weights: np.ndarray) -> torch.Tensor:
    """The network's own tensor of these values, whose first axis is the output's, as torch has it."""
    for own in network.state_dict().values():
        for seen in (own, own.T) if own.ndim == 2 else (own,):
            if seen.shape == weights.shape and np.allclose(seen, weights, atol=1e-6):
                return own
    raise AssertionError(f"no tensor of {weights.shape} in the network")


def test_what_looks_at_the_picture_stays() -> None:
    model = to_onnx(ResidualSR(2, 16, 2), ModelSpec(name="small", scale=2, halo=6))
    before = model.SerializeToString()
    assert narrow_weights(model) == 0
    assert model.SerializeToString() == before


def test_a_channel_of_zeros_stays_zeros() -> None:
    network = modulated_color()
    with torch.no_grad():
        network.tell.weight[3] = 0
    model = to_onnx(network, COLOR.but(shape=(1, 64, 96)))
    narrow_weights(model)
    assert np.isfinite(run(model, COLOR)).all()
