"""An ONNX model, opened: its spec and a function from float batches to float batches."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from restore.errors import DeviceError, ModelError
from restore.runtime.devices import CUDA, Placement, count_gpus, place
from restore.runtime.pixels import FloatNetwork, PixelNetwork, Pixels
from restore.spec import ModelSpec, read_spec

_CURE = "Its libraries come with: pip install 'restore[cuda]'"


class Model(PixelNetwork):
    """A session and what is known of it.

    Attributes:
        spec: what the file promises.
        device: ``cpu`` or ``cuda``, as onnxruntime says it is.
        note: a sentence for the user when that is not what one might expect.
    """

    def __init__(self, session: ort.InferenceSession, spec: ModelSpec, note: str = "") -> None:
        self._session = session
        self.spec = spec
        self.note = note
        self.device = "cuda" if session.get_providers()[0] == CUDA else "cpu"
        self._input = session.get_inputs()[0].name
        self._floats = FloatNetwork(self, spec)

    def enlarge(self, batch: Pixels) -> Pixels:
        return self._floats.enlarge(batch)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3, H, W) to (N, 3, scale * H, scale * W), both on the spec's range."""
        try:
            output: NDArray[np.float32] = self._session.run(None, {self._input: batch})[0]
        except Exception as error:  # onnxruntime raises a different class for every cause
            raise ModelError(f"{self.spec.name} failed on an input of {batch.shape}: {_line(error)}") from error
        return output


def open_model(
    path: Path, device: str = "auto", threads: int | None = None, given: Mapping[str, str] | None = None
) -> Model:
    """Open an ONNX file.

    Args:
        path: the file.
        device: ``auto``, ``cpu`` or ``cuda``; ``cuda`` fails rather than run on the CPU.
        threads: CPU threads within an operator (default: one for each core this process may use).
        given: spec fields that win over the file's, as text.

    Raises:
        ModelError: missing, not ONNX, needs something this onnxruntime lacks, or does not say what it needs.
        DeviceError: the GPU that was asked for cannot be used.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    gpus = 0 if device == "cpu" else count_gpus()
    placement = place(device, ort.get_available_providers(), gpus)
    try:
        session = _session(path, placement, threads)
        note = placement.note
    except DeviceError as error:
        if device == "cuda":
            raise
        session = _session(path, place("cpu", [], 0), threads)
        note = str(error)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        raise ModelError(
            f"{path}: expected one float input (N, 3, H, W) and one output, "
            f"found inputs {[(i.name, i.type, i.shape) for i in inputs]} and {len(outputs)} outputs"
        )
    return Model(session, read_spec(session.get_modelmeta().custom_metadata_map, str(path), given), note)


def _session(path: Path, placement: Placement, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # failures are raised below, in our words
    options.intra_op_num_threads = threads or usable_cores()
    options.enable_mem_pattern = False  # it plans memory for one shape; tiles come in several
    if placement.strict:
        ort.preload_dlls()
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = ort.InferenceSession(str(path), options, providers=placement.providers)
    except Exception as error:  # onnxruntime raises a different class for every cause
        if placement.strict:
            raise DeviceError(f"the GPU cannot run {path.name}: {_line(error)}. {_CURE}") from error
        raise ModelError(f"{path}: onnxruntime cannot open it: {_line(error)}") from error
    if placement.strict and session.get_providers()[0] != CUDA:
        raise DeviceError("onnxruntime could not load its CUDA provider (CUDA or cuDNN libraries missing?). " + _CURE)
    return session


def usable_cores() -> int:
    """Cores that this process may use: a container's or taskset's limit counts."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _line(error: Any) -> str:
    return str(error).strip().splitlines()[0][:300]
