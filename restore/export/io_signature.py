"""Inputs and outputs of third-party ONNX files: names, and dynamic or fixed axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import helper

from restore.errors import ModelError
from restore.verify.graphs import inputs_of

# Batch, height and width.
Shape = tuple[int, int, int]
# Inputs or outputs named in a message.
_NAMED = 8


def name_ends(model: onnx.ModelProto, path: Path) -> list[str]:
    """Name the input ``input`` and the output ``output``; make the channels come before height and width.

    Returns:
        Sentences about what was changed.

    Raises:
        ModelError: it does not map a single picture to a single picture.
    """
    inputs = inputs_of(model)
    if len(inputs) != 1:
        raise ModelError(
            f"{path}: has {len(inputs)} inputs ({_listed(inputs)}), but restore gives it one picture: make the others "
            "constants where the file is exported"
        )
    notes = _one_output(model, path)
    for value in (inputs[0], model.graph.output[0]):
        kind = value.type.tensor_type
        if kind.elem_type != onnx.TensorProto.FLOAT:
            type_name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
            raise ModelError(
                f"{path}: '{value.name}' is {type_name}, but restore exchanges float32 with models: export it with a "
                "float32 input and output"
            )
        if len(kind.shape.dim) != 4:
            raise ModelError(
                f"{path}: '{value.name}' is {_shape(value)}, not a batch of pictures (N, 3, H, W): restore runs "
                "networks that turn a picture into a picture"
            )
    axes = [axis.dim_value for axis in inputs[0].type.tensor_type.shape.dim]
    if axes[3] == 3 and axes[1] != 3:
        _channels_first(model)
        notes.append("it takes (N, H, W, 3); the installed file takes (N, 3, H, W)")
        inputs = inputs_of(model)
        axes = [axis.dim_value for axis in inputs[0].type.tensor_type.shape.dim]
    if axes[1] not in (0, 3):
        raise ModelError(f"{path}: takes {axes[1]} channels; restore supports only RGB")
    _rename(model, inputs[0].name, "input")
    _rename(model, model.graph.output[0].name, "output")
    return notes


def _one_output(model: onnx.ModelProto, path: Path) -> list[str]:
    """Keep the only output that is a picture."""
    outputs = list(model.graph.output)
    if len(outputs) == 1:
        return []
    pictures = [value for value in outputs if _is_picture(value)]
    if len(pictures) != 1:
        raise ModelError(
            f"{path}: has {len(outputs)} outputs ({_listed(outputs)}), and {len(pictures) or 'none'} of them "
            f"{'is a' if len(pictures) == 0 else 'are'} RGB picture{'s' if pictures else ''}: keep the one to use, for "
            "example with onnx.utils.extract_model"
        )
    del model.graph.output[:]
    model.graph.output.append(pictures[0])
    return [f"of its {len(outputs)} outputs, '{pictures[0].name}' is the picture; the others are dropped"]


def _is_picture(value: onnx.ValueInfoProto) -> bool:
    axes = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
    return value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT and len(axes) == 4 and 3 in (axes[1], axes[3])


def _channels_first(model: onnx.ModelProto) -> None:
    """Transpose the input, and the output if its channels come last too."""
    graph = model.graph
    picture, result = inputs_of(model)[0], graph.output[0]
    for value, forth in ((picture, True), (result, False)):
        dims = value.type.tensor_type.shape.dim
        if not forth and dims[1].dim_value == 3 and dims[3].dim_value != 3:
            continue
        inner = f"{value.name}_channels_last"
        _rename(model, value.name, inner)
        value.name = inner.removesuffix("_channels_last")
        order = [onnx.TensorShapeProto.Dimension.FromString(dims[i].SerializeToString()) for i in (0, 3, 1, 2)]
        del dims[:]
        dims.extend(order)
        if forth:
            graph.node.insert(0, helper.make_node("Transpose", [value.name], [inner], perm=[0, 2, 3, 1]))
        else:
            graph.node.append(helper.make_node("Transpose", [inner], [value.name], perm=[0, 3, 1, 2]))
    del graph.value_info[:]


def _listed(values: Sequence[onnx.ValueInfoProto]) -> str:
    shown = [f"'{value.name}': {_shape(value)}" for value in values[:_NAMED]]
    return ", ".join(shown) + (f" and {len(values) - _NAMED} more" if len(values) > _NAMED else "")


def _shape(value: onnx.ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    return " x ".join(str(axis.dim_value or axis.dim_param or "any") for axis in dims) or "a number"


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
