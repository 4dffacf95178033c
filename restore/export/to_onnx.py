"""Write a network as ONNX with free height, width and batch."""

from __future__ import annotations

import warnings
from typing import Any

import onnx
import torch
from torch import nn

from restore.errors import ExportError
from restore.export.quiet import quiet
from restore.spec import ModelSpec

OPSET = 18


def to_onnx(network: nn.Module, spec: ModelSpec) -> onnx.ModelProto:
    """Export a network in evaluation mode.

    Args:
        network: float32 (N, 3, H, W) to (N, 3, scale * H, scale * W).
        spec: written into the file's metadata.

    Returns:
        A model with input ``input`` and output ``output``, optimised, checked by ONNX's own checker.

    Raises:
        ExportError: torch's exporter does not take the network.
    """
    side = max(32, spec.minimum)
    side += -side % spec.multiple
    example = torch.zeros(2, spec.channels, side, side + spec.multiple)
    dynamic = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        try:
            program: Any = torch.onnx.export(
                network.cpu().float().eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["input"],
                output_names=["output"],
                dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic},),
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise ExportError(
                f"{spec.name}: torch cannot export a {type(network).__name__}; most often because what it does depends "
                "on the values that it gets, not on the shapes alone"
            ) from error
        program.optimize()
    model: onnx.ModelProto = _slim(program.model_proto)
    _name_axes(model, spec)
    _describe(model, spec)
    onnx.checker.check_model(model, full_check=True)
    return model


def _slim(model: onnx.ModelProto) -> onnx.ModelProto:
    import onnxslim

    slimmed: onnx.ModelProto = onnxslim.slim(model)
    return slimmed


def _name_axes(model: onnx.ModelProto, spec: ModelSpec) -> None:
    """Readable names for the free axes."""
    given, made = model.graph.input[0], model.graph.output[0]
    grown = ("height", "width") if spec.scale == 1 else (f"{spec.scale}*height", f"{spec.scale}*width")
    for value, names in ((given, ("batch", "", "height", "width")), (made, ("batch", "", *grown))):
        for axis, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
            if name:
                axis.dim_param = name


def _describe(model: onnx.ModelProto, spec: ModelSpec) -> None:
    model.producer_name, model.producer_version = "restore", spec.made_with.removeprefix("restore ")
    model.doc_string = f"{spec.name}: {spec.task} x{spec.scale}"
    del model.metadata_props[:]
    del model.graph.value_info[:]
    # The exporter leaves file names and stack traces of the machine it ran on.
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for key, value in spec.metadata().items():
        model.metadata_props.add(key=key, value=value)
