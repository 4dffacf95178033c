"""Where a model runs: chosen openly, never changed in silence. Functions of what there is, not of this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restore.errors import DeviceError
from restore.runtime.ort_install import CUDA_CURE, clash
from restore.runtime.tiling import window_side
from restore.spec import ModelSpec

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"

# Each kind of device: onnxruntime's provider, and how to come by an onnxruntime that has it.
PROVIDERS = {
    "cpu": CPU,
    "cuda": CUDA,
    "tensorrt": TENSORRT,
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "tensorrt": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
    "openvino": "onnxruntime-openvino",
}
_NVIDIA = ("cuda", "tensorrt")
_NO_GPU = "no NVIDIA GPU or driver was found (does nvidia-smi list one?)"


@dataclass(frozen=True)
class Device:
    """A device that was chosen.

    Attributes:
        kind: a key of :data:`PROVIDERS`.
        index: which of several GPUs.
        note: why it is not what one might have expected; empty when it is.
    """

    kind: str
    index: int = 0
    note: str = ""

    @property
    def name(self) -> str:
        """As a user writes it: ``cpu``, ``cuda:0``."""
        return f"{self.kind}:{self.index}" if self.kind in _NVIDIA else self.kind

    @property
    def provider(self) -> str:
        """What a session on it must say that it runs on."""
        return PROVIDERS[self.kind]

    @property
    def cure(self) -> str:
        """What to install when a session on it fails."""
        if self.kind == "tensorrt":
            package = "pip install tensorrt-cu13  (tensorrt-cu12 for an onnxruntime that is built for CUDA 12)"
            return f"TensorRT's libraries come with: {package}; CUDA's with: {CUDA_CURE}"
        return f"Its libraries come with: {CUDA_CURE}" if self.kind == "cuda" else "--device cpu works everywhere"


@dataclass(frozen=True)
class TilePlan:
    """What shapes a session will meet, for providers that prepare for them.

    Attributes:
        tile: largest side of a tile before its halo.
        batch: most tiles at once.
        fixed: every run has the same shape: one window size, the batch always full, no picture smaller than a window.
    """

    tile: int = 512
    batch: int = 4
    fixed: bool = False


@dataclass(frozen=True)
class ModelFile:
    """What a provider must know of a model file: the name of its input, and a digest of its bytes."""

    input: str
    digest: str


def choose(device: str, available: Sequence[str], gpus: Sequence[str], installed: Sequence[str] = ()) -> Device:
    """Choose a device.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``tensorrt``, ``tensorrt:N``, ``coreml``, ``directml`` or
            ``openvino``.
        available: the providers that onnxruntime was built with.
        gpus: names of the NVIDIA GPUs, by number.
        installed: packages that provide onnxruntime.

    Raises:
        DeviceError: no such device, or one that was named cannot be had; says why and what would help.
    """
    if device == "auto":
        if gpus and CUDA in available:
            return Device("cuda")
        # A GPU that lies idle is worth a word, as are packages that fight; no GPU is not.
        idle = f"{gpus[0]} is not used: {_not_built('cuda', installed)}" if gpus else ""
        return Device("cpu", note=idle or clash(installed))
    match = re.fullmatch(rf"({'|'.join(PROVIDERS)})(?::(\d+))?", device)
    if not match or (match[2] and match[1] not in _NVIDIA):
        raise DeviceError(
            f"--device {device}: there is no such device; there are auto, cpu, cuda, cuda:N, tensorrt, tensorrt:N, "
            "coreml, directml and openvino"
        )
    kind, index = match[1], int(match[2] or 0)
    if kind == "cpu":
        return Device("cpu")
    if kind in _NVIDIA and not gpus:
        raise DeviceError(f"--device {device}: {_NO_GPU}")
    if PROVIDERS[kind] not in available:
        raise DeviceError(f"--device {device}: {_not_built(kind, installed)}")
    if kind in _NVIDIA and index >= len(gpus):
        there = ", ".join(f"{kind}:{i} ({name})" for i, name in enumerate(gpus))
        raise DeviceError(f"--device {device}: there is no such GPU; there {_are(len(gpus))} {there}")
    return Device(kind, index)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _not_built(kind: str, installed: Sequence[str]) -> str:
    if both := clash(installed):
        return both
    package = _PACKAGES.get(kind)
    if package is None:
        return f"this onnxruntime is built without {PROVIDERS[kind]}, which is in onnxruntime for macOS alone"
    gone = " ".join(installed) or "onnxruntime"
    return f"this onnxruntime is built without {PROVIDERS[kind]}: pip uninstall -y {gone} && pip install {package}"


def provider_list(
    device: Device, spec: ModelSpec, plan: TilePlan, model: ModelFile, gpu: str, tensorrt: str, cache: Path
) -> list[Any]:
    """Providers and their options for a session, the CPU never beside another: listed, it would take over silently.

    Args:
        device: chosen by :func:`choose`.
        spec: of the model.
        plan: the shapes that will come.
        model: the file.
        gpu: the GPU's name.
        tensorrt: TensorRT's version.
        cache: a folder for what TensorRT prepares.
    """
    if device.kind == "cuda":
        return [(CUDA, _cuda_options(device, plan))]
    if device.kind == "tensorrt":
        folder = cache / tensorrt_key(model, spec, gpu, tensorrt)
        # What TensorRT does not take is CUDA's.
        return [
            (TENSORRT, _tensorrt_options(device, spec, plan, model, folder)),
            (CUDA, _cuda_options(device, plan)),
        ]
    if device.kind == "coreml":
        return [(device.provider, {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"})]
    if device.kind == "openvino":
        return [(device.provider, {"device_type": "AUTO"})]
    return [device.provider]


def _cuda_options(device: Device, plan: TilePlan) -> dict[str, str]:
    return {
        "device_id": str(device.index),
        # An exhaustive search for algorithms is done again for each new shape, and takes longer than a picture.
        "cudnn_conv_algo_search": "EXHAUSTIVE" if plan.fixed else "HEURISTIC",
        # The other strategy doubles what it holds, and so fails long before memory is full.
        "arena_extend_strategy": "kSameAsRequested",
    }


def _tensorrt_options(
    device: Device, spec: ModelSpec, plan: TilePlan, model: ModelFile, folder: Path
) -> dict[str, str]:
    side = window_side(plan.tile, spec.halo, spec.multiple, spec.minimum)
    least = side if plan.fixed else spec.side(1)
    fewest = plan.batch if plan.fixed else 1

    def shape(count: int, length: int) -> str:
        sides = {
            "thumbnail": f"{spec.channels}x{spec.context}x{spec.context}",
            "rows": f"{length}",
            "columns": f"{length}",
        }
        beside = [f",{name}:{'x'.join([str(count), *filter(None, [sides.get(name)])])}" for name in spec.inputs[1:]]
        return f"{model.input}:{count}x{spec.channels}x{length}x{length}{''.join(beside)}"

    profile = {
        "trt_profile_min_shapes": shape(fewest, least),
        "trt_profile_opt_shapes": shape(plan.batch, side),
        "trt_profile_max_shapes": shape(plan.batch, side),
    }
    # An engine built for other shapes would be built anew over this one, for minutes, each time they change.
    shapes = f"{fewest}-{plan.batch}x{least}-{side}"
    if spec.shape is not None:  # the file itself says its one shape
        profile, shapes = {}, "x".join(map(str, spec.shape))
    return {
        "device_id": str(device.index),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder / shapes),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": "1" if spec.precision == "fp16" else "0",
        **profile,
    }


def tensorrt_key(model: ModelFile, spec: ModelSpec, gpu: str, tensorrt: str) -> str:
    """A folder's name for engines: one is good for one model, GPU and TensorRT alone."""
    # A model's name is whatever its file says, and a folder's must not lead elsewhere.
    model_name, gpu_name = (re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") for name in (spec.name, gpu))
    return f"{model_name}-{model.digest[:16]}-{gpu_name}-{tensorrt}"
