"""What goes into a foreign ONNX file and comes out of it: names, and which of the axes are free."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from restore.errors import ModelError
from restore.verify.graphs import inputs_of

# Batch, height and width.
Shape = tuple[int, int, int]


def name_ends(model: onnx.ModelProto, path: Path) -> None:
    """Call the one input ``input`` and the one output ``output``.

    Raises:
        ModelError: it does not take a picture alone and give one.
    """
    inputs = inputs_of(model)
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise ModelError(
            f"{path}: takes {len(inputs)} inputs and gives {len(model.graph.output)} outputs; expected a picture each"
        )
    for value in (inputs[0], model.graph.output[0]):
        kind = value.type.tensor_type
        if kind.elem_type != onnx.TensorProto.FLOAT or len(kind.shape.dim) != 4:
            raise ModelError(f"{path}: '{value.name}' is not float32 (N, 3, H, W)")
    planes = inputs[0].type.tensor_type.shape.dim[1].dim_value
    if planes not in (0, 3):
        raise ModelError(f"{path}: takes {planes} planes; networks run here take RGB")
    _rename(model, inputs[0].name, "input")
    _rename(model, model.graph.output[0].name, "output")


def settle_axes(model: onnx.ModelProto, path: Path, shape: Shape | None) -> Shape | None:
    """Fix the picture's axes at one shape, or free them all.

    A batch that is fixed while the sides are free is an exporter's habit and seldom the network's: it is freed, and
    whether it is by that is to be tried.

    Args:
        model: with the names of :func:`name_ends`.
        path: for messages.
        shape: what it is to take; None for what its axes say.

    Returns:
        The one shape; None when all are free.

    Raises:
        ModelError: the shape is not one that it takes, or one side is fixed and one is not.
    """
    (picture,) = inputs_of(model)
    axes = picture.type.tensor_type.shape.dim
    count, height, width = (axes[i].dim_value for i in (0, 2, 3))
    if shape is None and height and width:
        return (count or 1, height, width)
    if shape is None and (height or width):
        raise ModelError(
            f"{path}: one side of its input is fixed and one is free: give the one shape that it is to take with "
            "--shape BATCHxHEIGHTxWIDTH"
        )
    if shape is not None and any(
        has not in (0, wanted) for has, wanted in zip((count, height, width), shape, strict=True)
    ):
        has = "x".join(str(n or "any") for n in (count, height, width))
        raise ModelError(f"{path}: takes {has}, and not {'x'.join(map(str, shape))}")
    if shape is None and not count:
        return None
    for i, name, size in zip((0, 2, 3), ("batch", "height", "width"), shape or (0, 0, 0), strict=True):
        if size:
            axes[i].dim_value = size
        elif axes[i].dim_value:
            axes[i].dim_param = name
        model.graph.output[0].type.tensor_type.shape.dim[i].Clear()
    del model.graph.value_info[:]  # it was derived from the axes as they were
    return shape


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Rename a value of a graph, and of the graphs within it; what has the new name gets another first."""
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
