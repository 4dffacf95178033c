"""onnxruntime sessions that print nothing."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from restore.errors import ModelError


def quiet_options(optimized: bool = True) -> ort.SessionOptions:
    """Options for a session that raises its failures instead of printing them.

    Args:
        optimized: False for a session that is only inspected, or must compute every value as written in the file.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.enable_mem_pattern = False  # it plans memory for one shape, but tiles have several
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def cpu_session(
    model: Path | bytes, source: Path | str, options: ort.SessionOptions | None = None
) -> ort.InferenceSession:
    """A session on the CPU.

    Args:
        model: a file, or its bytes.
        source: its name in messages.
        options: None for :func:`quiet_options`.

    Raises:
        ModelError: there is no such file, or onnxruntime rejects it.
    """
    if isinstance(model, Path) and not model.is_file():
        raise ModelError(f"{source}: no such model file")
    what = model if isinstance(model, bytes) else str(model)
    try:
        # With its fallback, onnxruntime prints to standard output and retries the same.
        return ort.InferenceSession(
            what, options or quiet_options(), providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # onnxruntime raises a different class for every cause
        raise ModelError(f"{source}: onnxruntime cannot open it: {first_line(error)}") from error


def first_line(error: object) -> str:
    """The first line of an error message, at most 300 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
