"""Export a network to ONNX with dynamic height, width and batch."""

from __future__ import annotations

import collections
import contextlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from restore.errors import SizesError
from restore.export.quick_rewrites import quick_rewrites
from restore.networks.anchored_shuffle import pixel_unshuffle
from restore.networks.base import TracedLarger
from restore.spec import METADATA_KEY, ModelSpec
from restore.utils.json_types import JsonObject

# Native version of torch's exporter, which can convert to the others.
OPSET = 18
OPSETS = range(17, 24)

_FREE = ("batch", "height", "width")

# Called with the name of a step and the model after it.
Watch = Callable[[str, onnx.ModelProto], None]


def to_onnx(
    network: nn.Module, spec: ModelSpec, opset: int = OPSET, watch: Watch = lambda _step, _model: None
) -> onnx.ModelProto:
    """Export a network in evaluation mode.

    Args:
        network: float32 (N, 3, H, W) to (N, 3, scale * H, scale * W); the spec's further inputs follow as arguments, in
            that order.
        spec: written into the file's metadata. Its ``shape``, if set, becomes a fixed input shape; if it has kinds, the
            network must have a method ``belief`` that classifies thumbnails; if an edit, a method ``edit``.
        opset: ONNX opset version, one of :data:`OPSETS`.
        watch: called after each step, to measure its effect.

    Returns:
        An optimized model with the spec's inputs and outputs, checked by ONNX's checker.

    Raises:
        SizesError: torch's exporter fails on the network.
    """
    side = spec.side(network.traced_side if isinstance(network, TracedLarger) else 32)
    axes = _axes(spec)
    count, height, width = spec.shape or (2, side, side + spec.multiple)
    sizes = {"batch": count, "height": height, "width": width, "context": spec.context}
    sizes |= {axis: spec.scale * sizes[side] for axis, side in zip(_grown(spec), _FREE[1:], strict=True)}
    example = tuple(torch.zeros([sizes.get(axis, spec.channels) for axis in axes[name]]) for name in spec.inputs)
    free = tuple(
        {i: torch.export.Dim.DYNAMIC for i, axis in enumerate(axes[name]) if axis in (*_FREE, *_grown(spec))}
        for name in spec.inputs
    )
    # On failure, the exporter prints the whole graph to stderr.
    with warnings.catch_warnings(), quiet(), contextlib.redirect_stderr(io.StringIO()), _Exportable():
        warnings.simplefilter("ignore")
        try:
            program: Any = torch.onnx.export(
                (_Telling(network, spec) if len(spec.outputs) > 1 else network).cpu().float().eval(),
                example,
                dynamo=True,
                opset_version=opset,
                input_names=list(spec.inputs),
                output_names=list(spec.outputs),
                dynamic_shapes=None if spec.shape else free,
                verbose=False,
                optimize=False,  # not before the epsilons are safe
            )
        except (torch.onnx.OnnxExporterError, RuntimeError) as error:
            raise SizesError(
                f"{spec.name}: torch cannot export a {spec.network or type(network).__name__}: {_cause(error)}"
            ) from error
        watch("exported", program.model_proto)
        _keep_epsilons(program.model.graph)
        with quick_rewrites():
            program.optimize()
        watch("optimized", program.model_proto)
        model: onnx.ModelProto = _slim(program.model_proto)
    watch("slimmed", model)
    _keep_inputs(model, spec, [list(tensor.shape) for tensor in example])
    if not spec.shape:
        _name_axes(model, spec)
    _describe(model, spec)
    onnx.checker.check_model(model, full_check=True)
    return model


def _cause(error: BaseException) -> str:
    """Why torch's exporter failed, as the end of a sentence."""
    reasons = [str(error)]
    while (deeper := error.__cause__) is not None:
        error = deeper
        reasons.append(str(error))
    text = "\n".join(reasons)
    if found := re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)', overload='(\w+)'", text):
        return f"it has no ONNX form of the operator {found[1]}.{found[2]}"
    if found := re.search(r"inferred a static shape of (\d+) for dimension inputs\[0\]\.shape\[(\d)\]", text):
        axis = ("batch size", "number of channels", "height", "width")[int(found[2])]
        return f"its code fixes the {axis}, here to {found[1]}"
    return "the most common cause is control flow that depends on input values, not only on shapes"


# The optimizer takes scalars up to this size for 0 and drops them from sums.
_NEGLIGIBLE = 1e-8


def _keep_epsilons(graph: ir.Graph) -> None:
    """Raise tiny scalars in sums to a size that the optimizer keeps.

    Where such a scalar is the epsilon of a division, 0 / 0 would become NaN. The change itself is below the precision
    of float32 for all values above 0.2.
    """
    for node in list(graph):
        if node.op_type not in ("Add", "Sub"):
            continue
        for index, value in enumerate(node.inputs):
            constant = None if value is None else ir.convenience.get_const_tensor(value)
            if constant is None or constant.size != 1 or not constant.dtype.is_floating_point():
                continue
            number = constant.numpy()
            if 0 < abs(number.item()) <= _NEGLIGIBLE:
                kept = ir.tensor(np.copysign(number.dtype.type(1.1 * _NEGLIGIBLE), number))
                new = ir.node("Constant", [], {"value": kept})
                graph.insert_before(node, new)
                node.replace_input_with(index, new.outputs[0])


class _Telling(nn.Module):
    """A network that also returns its class probabilities, its edit, or both."""

    def __init__(self, network: Any, spec: ModelSpec) -> None:
        super().__init__()
        self.network = network
        self.classifies, self.edits = bool(spec.kinds), bool(spec.edit)

    def forward(
        self, x: Tensor, thumbnail: Tensor, rows: Tensor, columns: Tensor, strength: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        outputs = [self.network(x, thumbnail, rows, columns, strength)]
        if self.classifies:
            outputs.append(self.network.belief(thumbnail))
        if self.edits:
            outputs.append(self.network.edit(thumbnail, strength))
        return tuple(outputs)


class _Exportable(TorchFunctionMode):
    """Replaces, during export, pixel unshuffling by a convolution, and stable sorting by plain sorting.

    torch cannot export the former as one node, nor the latter's operator. In ONNX, all sorting is stable.
    """

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: JsonObject | None = None
    ) -> object:
        if func in (torch.pixel_unshuffle, nn.functional.pixel_unshuffle):
            return pixel_unshuffle(
                *args, **{"factor" if k == "downscale_factor" else k: v for k, v in (kwargs or {}).items()}
            )
        if func is torch.sort and kwargs:
            return torch.sort(*args, **{k: v for k, v in kwargs.items() if k != "stable"})
        return func(*args, **(kwargs or {}))


def _slim(model: onnx.ModelProto) -> onnx.ModelProto:
    import onnxslim

    slimmed: onnx.ModelProto = onnxslim.slim(model)
    return slimmed


def _keep_inputs(model: onnx.ModelProto, spec: ModelSpec, shapes: Sequence[list[int]]) -> None:
    """Declare inputs again that the network does not use, such as positions: all models with a context take them."""
    kept = {value.name: value for value in model.graph.input}
    inputs = [
        kept.get(name) or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in zip(spec.inputs, shapes, strict=True)
    ]
    del model.graph.input[:]
    model.graph.input.extend(inputs)


def _axes(spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """Names of the axes of inputs and outputs."""
    return {
        "input": ("batch", "", "height", "width"),
        "thumbnail": ("batch", "", "context", "context"),
        "rows": ("batch", "height"),
        "columns": ("batch", "width"),
        "strength": ("batch",),
        "noise": ("batch", "", *_grown(spec)),
        "output": ("batch", "", *_grown(spec)),
        "belief": ("batch", ""),
        "edit": ("batch", ""),
    }


def _grown(spec: ModelSpec) -> tuple[str, str]:
    """Names of the height and the width of the result."""
    return ("height", "width") if spec.scale == 1 else (f"{spec.scale}*height", f"{spec.scale}*width")


def _name_axes(model: onnx.ModelProto, spec: ModelSpec) -> None:
    """Give dynamic axes readable names."""
    axes = _axes(spec)
    for value in [*model.graph.input, *model.graph.output]:
        for axis, name in zip(value.type.tensor_type.shape.dim, axes[value.name], strict=True):
            if name and name != "context":
                axis.dim_param = name


def _describe(model: onnx.ModelProto, spec: ModelSpec) -> None:
    model.producer_name, model.producer_version = "restore", spec.made_with.removeprefix("restore ")
    model.doc_string = f"{spec.name}: {spec.task} x{spec.scale}"
    del model.metadata_props[:]
    del model.graph.value_info[:]
    # The exporter leaves file names and stack traces of the machine that it ran on.
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for key, value in spec.metadata().items():
        model.metadata_props.add(key=key, value=value)


def with_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which every node has a unique name; existing unique names are kept, so the function is idempotent."""
    named = onnx.ModelProto()
    named.CopyFrom(model)
    count = collections.Counter(node.name for node in named.graph.node)
    for number, node in enumerate(named.graph.node):
        if node.name and count[node.name] == 1:
            continue
        node.name = f"{node.op_type}_{number}"
        while count[node.name]:
            node.name += "_"
        count[node.name] = 1
    return named


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter's progress and the quantizer's logging; what matters is measured afterwards."""
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def describe(model: onnx.ModelProto, spec: ModelSpec) -> None:
    """Replace the spec in a model's metadata; keep all other entries."""
    kept = [(p.key, p.value) for p in model.metadata_props if p.key != METADATA_KEY]
    del model.metadata_props[:]
    for key, value in [*kept, *spec.metadata().items()]:
        model.metadata_props.add(key=key, value=value)
