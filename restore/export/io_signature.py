"""Inputs and outputs of third-party ONNX files: names, and dynamic or fixed axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from restore.errors import ModelError
from restore.verify.graphs import inputs_of

# Batch, height and width.
Shape = tuple[int, int, int]


def name_ends(model: onnx.ModelProto, path: Path) -> None:
    """Rename the only input to ``input`` and the only output to ``output``.

    Raises:
        ModelError: it does not map a single picture to a single picture.
    """
    inputs = inputs_of(model)
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise ModelError(
            f"{path}: has {len(inputs)} inputs and {len(model.graph.output)} outputs; expected one picture each"
        )
    for value in (inputs[0], model.graph.output[0]):
        kind = value.type.tensor_type
        if kind.elem_type != onnx.TensorProto.FLOAT or len(kind.shape.dim) != 4:
            raise ModelError(f"{path}: '{value.name}' is not float32 (N, 3, H, W)")
    planes = inputs[0].type.tensor_type.shape.dim[1].dim_value
    if planes not in (0, 3):
        raise ModelError(f"{path}: takes {planes} channels; restore supports only RGB")
    _rename(model, inputs[0].name, "input")
    _rename(model, model.graph.output[0].name, "output")


def fix_axes(model: onnx.ModelProto, path: Path, shape: Shape | None) -> Shape | None:
    """Fix the picture's axes at one shape, or make them all dynamic.

    A fixed batch with dynamic sides is usually an exporter's habit, not the network's need: the batch is made dynamic,
    and the caller must test whether that works.

    Args:
        model: with names as set by :func:`name_ends`.
        path: for messages.
        shape: fixed shape; None to follow the axes.

    Returns:
        The fixed shape; None if all axes are dynamic.

    Raises:
        ModelError: the model does not accept the shape, or only one side is fixed.
    """
    (picture,) = inputs_of(model)
    axes = picture.type.tensor_type.shape.dim
    count, height, width = (axes[i].dim_value for i in (0, 2, 3))
    if shape is None and height and width:
        return (count or 1, height, width)
    if shape is None and (height or width):
        raise ModelError(
            f"{path}: only one side of its input is fixed: fix the whole shape with --shape BATCHxHEIGHTxWIDTH"
        )
    if shape is not None and any(
        has not in (0, wanted) for has, wanted in zip((count, height, width), shape, strict=True)
    ):
        has = "x".join(str(n or "any") for n in (count, height, width))
        raise ModelError(f"{path}: takes {has}, not {'x'.join(map(str, shape))}")
    if shape is None and not count:
        return None
    for i, name, size in zip((0, 2, 3), ("batch", "height", "width"), shape or (0, 0, 0), strict=True):
        if size:
            axes[i].dim_value = size
        elif axes[i].dim_value:
            axes[i].dim_param = name
        model.graph.output[0].type.tensor_type.shape.dim[i].Clear()
    del model.graph.value_info[:]  # derived from the old axes
    return shape


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Rename a value in a graph and its subgraphs; a value that already has the new name is renamed first."""
    if old == new:
        return

    def rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.name = names.get(value.name, value.name)
        for node in graph.node:
            for ends in (node.input, node.output):
                ends[:] = [names.get(end, end) for end in ends]
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    rename(inner, names)

    rename(model.graph, {new: f"{new}_before", old: new})
