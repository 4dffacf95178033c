"""Marks of tests that a machine must lack something for, or have it: each with what it would spoil or miss."""

from __future__ import annotations

import onnxruntime as ort
import pytest

from restore.runtime.cpu import runs_openvino
from restore.runtime.devices import CUDA
from restore.runtime.gpu import gpus
from restore.runtime.plugin_providers import installed_plugins

# Such a fake replaces what finds GPUs, and not the driver below it: onnxruntime would still open a real one.
FAKES_A_BROKEN_GPU = pytest.mark.skipif(bool(gpus()), reason="fakes a GPU that fails, beside which a real one works")

# What CUDA's native code prints can be tested only where there is such code: onnxruntime for macOS and ARM has none.
# The list is the library's own, for the public function is replaced by some tests.
HAS_CUDA_CODE = pytest.mark.skipif(
    CUDA not in ort.capi._pybind_state.get_available_providers(), reason="onnxruntime is built without CUDA here"
)

# The plug-in lists no other processors, and has packages for x86-64 only. Where it should work, it must.
RUNS_OPENVINO = pytest.mark.skipif(
    not runs_openvino() or "openvino" not in installed_plugins(),
    reason="needs onnxruntime-ep-openvino and an Intel processor",
)
