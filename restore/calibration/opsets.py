"""Versions of ONNX's operators, which all nodes of a file share."""

from __future__ import annotations

import onnx
import onnx.version_converter

from restore.errors import ExportError
from restore.runtime.session import first_line


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators in a model."""
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)


def at_opset(model: onnx.ModelProto, opset: int, source: str) -> onnx.ModelProto:
    """The model in another version of the operators; the model itself if it has that version.

    Args:
        model: is not changed.
        opset: the version.
        source: of the model, for messages.

    Raises:
        ExportError: it cannot be converted.
    """
    if opset_of(model) == opset:
        return model
    try:
        converted: onnx.ModelProto = onnx.version_converter.convert_version(model, opset)
    except Exception as error:  # the converter raises a different class for every cause
        raise ExportError(
            f"{source} has version {opset_of(model)} of ONNX's operators, and cannot be converted to {opset} "
            f"({first_line(error)}): export it with opset {opset}"
        ) from error
    return converted
