"""Where a model runs: chosen openly, never changed in silence."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

from restore.errors import DeviceError

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@dataclass(frozen=True)
class Placement:
    """Which provider a session shall use.

    Attributes:
        providers: for onnxruntime, exactly one.
        note: why it is not what one might have expected; empty when it is.
    """

    providers: list[Any]
    note: str = ""

    @property
    def strict(self) -> bool:
        """Whether falling back to the CPU would be a failure."""
        return bool(self.providers[0] != CPU)


def count_gpus() -> int:
    """NVIDIA GPUs that the driver shows; 0 without a driver."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def place(device: str, available: list[str], gpus: int) -> Placement:
    """Choose the provider.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.
        available: the providers that onnxruntime was built with.
        gpus: how many NVIDIA GPUs there are.

    Raises:
        DeviceError: ``cuda`` cannot be had; says why and what would help.
    """
    if device == "cpu":
        return Placement([CPU])
    built, present = CUDA in available, gpus > 0
    if built and present:
        # Tiles differ in shape; an exhaustive algorithm search would be done again for each.
        return Placement([(CUDA, {"cudnn_conv_algo_search": "HEURISTIC"})])
    if present:
        reason = "this onnxruntime is built without CUDA: pip uninstall onnxruntime && pip install onnxruntime-gpu"
    else:
        reason = "no NVIDIA GPU or driver was found (does nvidia-smi list one?)"
    if device == "cuda":
        raise DeviceError(f"--device cuda: {reason}")
    return Placement([CPU], reason if present else "")
