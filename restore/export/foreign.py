"""An ONNX file of somebody else's, described so that it can be run here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from restore import __version__
from restore.errors import ModelError
from restore.export.describe import describe
from restore.export.make import prove
from restore.export.probe import UNKNOWN
from restore.spec import METADATA_KEY, ModelSpec, check_given, read_spec
from restore.verify.check import Check
from restore.verify.probing import Floats, Reach, Run, Sizes, find_range, find_reach, find_sizes

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8)


def describe_foreign(path: Path, name: str, given: Mapping[str, str]) -> tuple[bytes, ModelSpec, list[Check]]:
    """Find out what a file needs, write it into its metadata, and check it.

    Args:
        path: an ONNX file that takes one float32 picture and gives one. Weights in files beside it are taken in.
        name: what it shall be called.
        given: spec fields as text, which win over what the file says and what is found.

    Returns:
        The file's bytes with its description, the description, and what was checked.

    Raises:
        ModelError: it is no such file, or something can neither be found out nor is given; says how to give it.
        ExportError: it does not keep what is said of it.
    """
    model = _load(path)
    metadata = {p.key: p.value for p in model.metadata_props}
    check_given(str(path), given)
    if METADATA_KEY in metadata:
        spec = read_spec(metadata, str(path), {**given, "name": name})
        if spec.precision != "fp32":
            raise ModelError(f"{path} is an {spec.precision} twin: import the fp32 file, and put this beside it")
    else:
        shape = _ends(model, path)
        run = _function(model, path, shape)
        learned = sum(math.prod(t.dims) for t in model.graph.initializer if t.data_type in _FLOATS)
        found = _found(run, path, name, shape, given) | {"parameters": str(learned), "precision": _precision(model)}
        spec = read_spec({}, str(path), {**found, **given})
        spec = _shaped(spec, shape)
    described = spec.model_copy(update={"licence": spec.licence or UNKNOWN, "data": spec.data or UNKNOWN})
    describe(model, described)
    data = model.SerializeToString()
    _, checks = prove(data, lambda _: [])
    return data, described, checks


def _precision(model: onnx.ModelProto) -> str:
    if any(node.op_type in ("DequantizeLinear", "QLinearConv", "ConvInteger") for node in model.graph.node):
        return "int8"
    half = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in model.graph.initializer)
    return "fp16" if half else "fp32"


def _load(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    try:
        return onnx.load(path)
    except Exception as error:  # protobuf and onnx raise what they please on files that are no models
        raise ModelError(f"{path}: not an ONNX file that can be read: {str(error)[:300]}") from error


def _ends(model: onnx.ModelProto, path: Path) -> tuple[int, int, int] | None:
    """Give the input and the output their names; the one shape that the file takes, None when its axes are free."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise ModelError(
            f"{path}: takes {len(inputs)} inputs and gives {len(model.graph.output)} outputs; expected a picture each"
        )
    for value in (inputs[0], model.graph.output[0]):
        if value.type.tensor_type.elem_type != onnx.TensorProto.FLOAT or len(value.type.tensor_type.shape.dim) != 4:
            raise ModelError(f"{path}: '{value.name}' is not float32 (N, 3, H, W)")
    sizes = [axis.dim_value for axis in inputs[0].type.tensor_type.shape.dim]
    if sizes[1] not in (0, 3):
        raise ModelError(f"{path}: takes {sizes[1]} planes; networks run here take RGB")
    _rename(model, inputs[0].name, "input")
    _rename(model, model.graph.output[0].name, "output")
    count, _, height, width = sizes
    if not height and not width:
        return None
    if not height or not width:
        raise ModelError(f"{path}: one side of its input is fixed and one is free: export it with both free")
    return (count or 1, height, width)


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


def _function(model: onnx.ModelProto, path: Path, shape: tuple[int, int, int] | None) -> Run:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a different class for every cause
        raise ModelError(f"{path}: onnxruntime cannot open it: {str(error)[:300]}") from error

    def run(batch: Floats) -> Floats:
        whole = np.repeat(batch, shape[0], axis=0) if shape else batch
        result: Floats = session.run(None, {"input": whole})[0]
        return result[: len(batch)]

    return run


def _found(
    run: Run, path: Path, name: str, shape: tuple[int, int, int] | None, given: Mapping[str, str]
) -> dict[str, str]:
    """All that can be found out, as text."""
    size = shape[1:] if shape else None
    try:
        sizes = _sizes_at(run, size) if size else find_sizes(run, multiple=int(given.get("multiple", 1)))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    low, high = _range(run, sizes, size, path, given)
    reach = Reach(0, True, 1) if {"halo", "exact_tiles"} <= set(given) else find_reach(run, sizes, low, high, size)
    return {
        "name": name,
        "task": "super-resolution" if sizes.scale > 1 else "restoration",
        "scale": str(sizes.scale),
        "low": str(low),
        "high": str(high),
        "halo": str(reach.halo),
        "exact_tiles": str(reach.exact),
        "multiple": "1" if shape else str(reach.multiple),
        "minimum": "1" if shape else str(max(sizes.minimum, reach.multiple)),
        "network": UNKNOWN,
        "made_with": f"restore {__version__}, of a file by others",
    }


def _range(
    run: Run, sizes: Sizes, size: tuple[int, int] | None, path: Path, given: Mapping[str, str]
) -> tuple[float, float]:
    if "high" in given:
        return float(given.get("low", 0)), float(given["high"])
    found = find_range(run, sizes, size)
    if found is None:
        raise ModelError(
            f"{path}: whether white is 1 or 255 cannot be told from what it does: add --spec high=1 or --spec high=255 "
            "(and --spec low=-1 if black is -1)"
        )
    return found


def _sizes_at(run: Run, size: tuple[int, int]) -> Sizes:
    """Of a network that takes one size."""
    got = run(np.random.default_rng(0).random((1, 3, *size), dtype=np.float32)).shape
    scale = got[-1] // size[1]
    if got != (1, 3, size[0] * scale, size[1] * scale) or scale < 1:
        raise ModelError(f"for {size[0]}x{size[1]} it gives {'x'.join(map(str, got))}, which is no enlargement of RGB")
    return Sizes(scale, 1, 1, batch=False)


def _shaped(spec: ModelSpec, shape: tuple[int, int, int] | None) -> ModelSpec:
    """With the one shape; a halo that leaves nothing of it is cut to a quarter of it."""
    if shape is None:
        return spec
    side = min(shape[1:])
    fits = 2 * spec.halo < side
    halo = spec.halo if fits else (side - 1) // 4
    facts = {**spec.model_dump(), "shape": shape, "halo": halo, "exact_tiles": spec.exact_tiles and fits}
    return ModelSpec.model_validate(facts)
