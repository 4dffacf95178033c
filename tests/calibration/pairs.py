"""Small encoders and decoders as ONNX files: low frequencies of blocks of 4 x 4 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from restore.networks.patch_autoencoder import low_frequencies

CHANNELS = 6


def save_model(
    path: Path,
    nodes: list[onnx.NodeProto],
    held: dict[str, np.ndarray],
    channels: tuple[object, object],
    opset: int = 14,
    names: tuple[str, str] = ("sample", "result"),
) -> Path:
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", count, f"{name}_h", f"{name}_w"])
        for name, count in zip(names, channels, strict=True)
    ]
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "part", ends[:1], ends[1:], tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def save_pair(
    folder: Path,
    layout: tuple[str, str] = ("encoder.onnx", "decoder.onnx"),
    kind: str = "plain",
    range: tuple[float, float] = (-1, 1),
    opset: int = 14,
) -> Path:
    """An encoder and a decoder for pictures on a range.

    Args:
        folder: where to.
        layout: names of the files.
        kind: ``plain``; ``moments``, with variances behind the means; ``drawn`` or ``uniform``, with noise of either
            kind in the code.
        range: values of black and white.
        opset: version of the operators.
    """
    basis = low_frequencies(4, CHANNELS).numpy().reshape(CHANNELS, 3, 4, 4)
    low, high = range
    scale = {"low": np.array(low), "span": np.array(high - low), "zero": np.array(0), "one": np.array(1)}
    nodes = [
        helper.make_node("Sub", ["sample", "low"], ["above"]),
        helper.make_node("Div", ["above", "span"], ["share"]),
        helper.make_node("Clip", ["share", "zero", "one"], ["seen"]),
        helper.make_node("Conv", ["seen", "basis"], ["mean"], strides=[4, 4], kernel_shape=[4, 4]),
    ]
    held, channels = {**scale, "basis": basis}, CHANNELS
    if kind == "plain":
        nodes.append(helper.make_node("Identity", ["mean"], ["result"]))
    elif kind == "moments":
        nodes.append(helper.make_node("Concat", ["mean", "mean"], ["result"], axis=1))
        channels = 2 * CHANNELS
    else:
        drawn = {"drawn": "RandomNormalLike", "uniform": "RandomUniformLike"}[kind]
        nodes += [helper.make_node(drawn, ["mean"], ["noise"]), helper.make_node("Add", ["mean", "noise"], ["result"])]
    save_model(folder / layout[0], nodes, held, (3, channels), opset)
    nodes = [
        helper.make_node("ConvTranspose", ["sample", "basis"], ["share"], strides=[4, 4], kernel_shape=[4, 4]),
        helper.make_node("Clip", ["share", "zero", "one"], ["seen"]),
        helper.make_node("Mul", ["seen", "span"], ["above"]),
        helper.make_node("Add", ["above", "low"], ["result"]),
    ]
    save_model(folder / layout[1], nodes, {**scale, "basis": basis}, (CHANNELS, 3), opset)
    return folder
