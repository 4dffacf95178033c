"""Check the contents of a model file: metadata, graph and types."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import onnx

from restore.errors import ModelError
from restore.spec import METADATA_KEY, ModelSpec
from restore.verify.check import Check
from restore.verify.graphs import count_weights, inputs_of, weights, weights_digest
from restore.verify.half import LARGEST, largest_in_half

# Fields that every file should have; the others have meaningful defaults.
_SAID = ("name", "task", "network", "parameters", "licence", "data", "made_with")

_KINDS: dict[int, str] = {
    onnx.TensorProto.FLOAT: "fp32",
    onnx.TensorProto.FLOAT16: "fp16",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT8: "int8",
}


def contents(path: Path, spec: ModelSpec) -> Iterator[Check]:
    """Check the contents of a model file.

    Args:
        path: a file that onnxruntime can open.
        spec: the file's metadata, with the user's overrides.
    """
    model = onnx.load(path)
    yield _metadata(model, spec)
    yield _checker(model, path)
    yield _names(model, spec)
    yield _axes(model, spec)
    yield _precision(model, spec)
    if spec.precision == "fp32" and spec.weights:
        yield _weights(model, spec)
    if spec.precision == "fp16":
        yield _half(model, spec)


def _metadata(model: onnx.ModelProto, spec: ModelSpec) -> Check:
    if METADATA_KEY not in {p.key for p in model.metadata_props}:
        return Check("metadata", False, f"no '{METADATA_KEY}': programs cannot know how to run it")
    missing = [name for name in _SAID if not getattr(spec, name)]
    if "parameters" in missing and not count_weights(model):  # a plain resize has none
        missing.remove("parameters")
    if spec.name == "unnamed":
        missing.append("name")
    if spec.steps and not re.fullmatch("[0-9a-f]{64}", spec.recipe):
        missing.append("recipe")
    if spec.precision != "fp32" and spec.recipe and spec.loss_db is None and not spec.measured:
        missing.append("loss_db")
    if missing:
        return Check("metadata", False, f"lacks {', '.join(dict.fromkeys(missing))}")
    facts = [f"x{spec.scale}", f"{spec.colours} {spec.low:g}..{spec.high:g}", f"halo {spec.halo}"]
    facts += [f"multiple {spec.multiple}", spec.precision, f"licence {spec.licence}"]
    return Check("metadata", True, ", ".join(facts))


def _checker(model: onnx.ModelProto, path: Path) -> Check:
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    strange = sorted({node.domain for node in model.graph.node} - {"", "ai.onnx", "com.microsoft"})
    alone = onnx.load(path, load_external_data=False)
    outside = [t.name for t in alone.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        return Check(
            "onnx", False, f"{len(outside)} tensors are stored in another file: {path.name} is incomplete by itself"
        )
    if strange:
        return Check("onnx", False, f"needs operators of {', '.join(strange)}")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return Check("onnx", False, str(error).strip().splitlines()[0][:300])
    nodes = len(model.graph.node)
    return Check("onnx", True, f"checker clean, opset {opset}, {nodes} nodes, {path.stat().st_size / 1e6:.2f} MB")


def _names(model: onnx.ModelProto, spec: ModelSpec) -> Check:
    """Check that inputs and outputs have the standard names."""
    has = [[value.name for value in ends] for ends in (inputs_of(model), model.graph.output)]
    wrong = [
        f"{what} {', '.join(names) or 'nothing'}, not {', '.join(should)}"
        for what, names, should in zip(("takes", "gives"), has, (spec.inputs, spec.outputs), strict=True)
        if tuple(names) != should
    ]
    if wrong:
        return Check("names", False, f"{'; '.join(wrong)}: programs rely on the names ('restore import' sets them)")
    return Check("names", True, f"takes {', '.join(spec.inputs)}, gives {', '.join(spec.outputs)}")


def _axes(model: onnx.ModelProto, spec: ModelSpec) -> Check:
    """Check that exactly the axes that the spec fixes are fixed."""
    fixed = []
    picture = inputs_of(model)[0]
    sizes = [axis.dim_value if axis.HasField("dim_value") else None for axis in picture.type.tensor_type.shape.dim]
    wanted = [spec.shape[0], spec.channels, *spec.shape[1:]] if spec.shape else [None, spec.channels, None, None]
    for axis, has, should in zip(("batch", "channels", "height", "width"), sizes, wanted, strict=True):
        if has is not None and has != should:
            fixed.append(f"{axis} {has}")
    if fixed:
        count, _, height, width = (has or "N" for has in sizes)
        cure = f"export it with dynamic axes, or declare the shape: --spec shape={count}x{height}x{width}"
        return Check("axes", False, f"{picture.name} is fixed at {', '.join(fixed)}: {cure}")
    return Check("axes", True, f"{picture.name} {' x '.join(str(has or 'any') for has in sizes)}")


def _precision(model: onnx.ModelProto, spec: ModelSpec) -> Check:
    """Check that the weights have the spec's precision."""
    sizes: dict[str, int] = {}
    for tensor in weights(model):
        kind = _KINDS.get(tensor.data_type)
        if kind:
            sizes[kind] = sizes.get(kind, 0) + math.prod(tensor.dims)
    found = ", ".join(f"{kind} {size:,}" for kind, size in sizes.items()) or "none"
    lower = [kind for kind in ("int8", "fp16") if kind in sizes]
    right = spec.precision in sizes if spec.precision != "fp32" else not lower
    return Check("precision", right, f"declared {spec.precision}; values in the file: {found}")


def _weights(model: onnx.ModelProto, spec: ModelSpec) -> Check:
    """Check the weights against their digest, which associates twins with their original."""
    if weights_digest(model) == spec.weights:
        return Check("weights", True, f"match SHA-256 {spec.weights[:16]}...")
    return Check("weights", False, "do not match the SHA-256 in the metadata: twins of another file would be accepted")


def _half(model: onnx.ModelProto, spec: ModelSpec) -> Check:
    try:
        name, value = largest_in_half(model, spec)
    except ModelError as error:
        return Check("overflow", False, str(error))
    text = f"the largest 16-bit value is {value:.3g} ({name}; limit {LARGEST:,.0f})"
    return Check("overflow", value <= LARGEST, text)
