"""Choose the device that runs a model; never switch silently.

These are pure functions of the available hardware and packages, which the caller passes in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from restore.errors import DeviceError
from restore.runtime.ort_install import CUDA_CURE, clash
from restore.runtime.plugin_providers import PLUGINS, not_installed
from restore.runtime.tiling import window_side
from restore.spec import ModelSpec

# A provider of onnxruntime, by name or with its options.
Provider = str | tuple[str, dict[str, str]]

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"

# onnxruntime's own provider for each kind of device, and the package of onnxruntime that contains it. Those in packages
# of their own are in PLUGINS.
PROVIDERS = {
    "cpu": CPU,
    "cuda": CUDA,
    "tensorrt": TENSORRT,
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",  # in onnxruntime-openvino; the plug-in takes precedence
}
_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "tensorrt": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
}
_NVIDIA = ("cuda", "tensorrt")
_CHOICES = "auto, cpu, cuda, cuda:N, tensorrt, tensorrt:N, coreml, directml, openvino, webgpu, tensorrt-rtx or mlx"
_NO_GPU = "no NVIDIA GPU or driver was found (does nvidia-smi list one?)"


@dataclass(frozen=True)
class Device:
    """A chosen device.

    Attributes:
        kind: a key of :data:`PROVIDERS` or :data:`~restore.runtime.plugin_providers.PLUGINS`.
        index: number of the GPU, or of the plug-in's device.
        note: why the device is not the expected one; empty if it is.
        plugin: whether its provider is a plug-in.
    """

    kind: str
    index: int = 0
    note: str = ""
    plugin: bool = False

    @property
    def name(self) -> str:
        """The name as the user writes it: ``cpu``, ``cuda:0``."""
        return f"{self.kind}:{self.index}" if self.kind in _NVIDIA or self.index else self.kind

    @property
    def provider(self) -> str:
        """The provider that a session on it must report."""
        return PLUGINS[self.kind].provider if self.plugin else PROVIDERS[self.kind]

    @property
    def cure(self) -> str:
        """What to install if a session on it fails."""
        if self.kind == "tensorrt":
            package = "pip install tensorrt-cu13  (tensorrt-cu12 if onnxruntime was built for CUDA 12)"
            return f"Install TensorRT's libraries with: {package}; CUDA's with: {CUDA_CURE}"
        return f"Install its libraries with: {CUDA_CURE}" if self.kind == "cuda" else "--device cpu works everywhere"


@dataclass(frozen=True)
class TilePlan:
    """The shapes to expect, for providers that prepare for them.

    Attributes:
        tile: largest side of a tile, without its halo.
        batch: maximum number of tiles per run.
        fixed: whether every run has the same shape: one window size, full batches, no picture smaller than a window.
    """

    tile: int = 512
    batch: int = 4
    fixed: bool = False


@dataclass(frozen=True)
class ModelFile:
    """What a provider needs to know about a model file: the name of its input and a digest of its bytes."""

    input: str
    digest: str


def choose(
    device: str,
    available: Sequence[str],
    gpus: Sequence[str],
    installed: Sequence[str] = (),
    plugins: Collection[str] = (),
) -> Device:
    """Choose a device.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``tensorrt``, ``tensorrt:N``, ``coreml``, ``directml``,
            ``openvino``, ``webgpu``, ``tensorrt-rtx`` or ``mlx``.
        available: the providers that onnxruntime was built with.
        gpus: names of the NVIDIA GPUs, in order.
        installed: installed packages that provide onnxruntime.
        plugins: the kinds whose plug-in is installed.

    Raises:
        DeviceError: no such device, or the named one is not available; the message says why and what would help.
    """
    if device == "auto":
        if gpus and CUDA in available:
            return Device("cuda")
        # Report an unused GPU or conflicting packages, but not the lack of a GPU.
        idle = f"{gpus[0]} is not used: {_not_built('cuda', installed)}" if gpus else ""
        return Device("cpu", note=idle or clash(installed))
    match = re.fullmatch(rf"({'|'.join({**PROVIDERS, **PLUGINS})})(?::(\d+))?", device)
    if not match or (match[2] and match[1] not in (*_NVIDIA, *PLUGINS)):
        raise DeviceError(f"--device {device}: no such device; choose {_CHOICES}")
    kind, index = match[1], int(match[2] or 0)
    if kind == "cpu":
        return Device("cpu")
    if kind in plugins:
        return Device(kind, index, plugin=True)
    if kind in PLUGINS and PROVIDERS.get(kind) not in available:
        raise DeviceError(f"--device {device}: {not_installed(kind)}")
    if kind in _NVIDIA and not gpus:
        raise DeviceError(f"--device {device}: {_NO_GPU}")
    if PROVIDERS[kind] not in available:
        raise DeviceError(f"--device {device}: {_not_built(kind, installed)}")
    if kind in _NVIDIA and index >= len(gpus):
        there = ", ".join(f"{kind}:{i} ({name})" for i, name in enumerate(gpus))
        raise DeviceError(f"--device {device}: no such GPU; there {_are(len(gpus))} {there}")
    return Device(kind, index)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _not_built(kind: str, installed: Sequence[str]) -> str:
    if both := clash(installed):
        return both
    package = _PACKAGES.get(kind)
    if package is None:
        return f"this onnxruntime was built without {PROVIDERS[kind]}, which only onnxruntime for macOS contains"
    gone = " ".join(installed) or "onnxruntime"
    return f"this onnxruntime was built without {PROVIDERS[kind]}: pip uninstall -y {gone} && pip install {package}"


def provider_list(
    device: Device, spec: ModelSpec, plan: TilePlan, model: ModelFile, gpu: str, tensorrt: str, cache: Path
) -> list[Provider]:
    """Providers and options for a session. The CPU is never added to another, since it would take over silently.

    Args:
        device: from :func:`choose`.
        spec: of the model.
        plan: the shapes to expect.
        model: the model file.
        gpu: name of the GPU.
        tensorrt: version of TensorRT.
        cache: folder for TensorRT's engines.
    """
    if device.kind == "cuda":
        return [(CUDA, _cuda_options(device, plan))]
    if device.kind == "tensorrt":
        folder = cache / tensorrt_key(model, spec, gpu, tensorrt)
        # CUDA runs the nodes that TensorRT does not support.
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
        # The exhaustive search for algorithms runs for each new shape and takes longer than a picture.
        "cudnn_conv_algo_search": "EXHAUSTIVE" if plan.fixed else "HEURISTIC",
        # The other strategy doubles its allocation, and so fails long before memory is full.
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
            "noise": f"{spec.channels}x{spec.scale * length}x{spec.scale * length}",
        }
        extra = [f",{name}:{'x'.join([str(count), *filter(None, [sides.get(name)])])}" for name in spec.inputs[1:]]
        return f"{model.input}:{count}x{spec.channels}x{length}x{length}{''.join(extra)}"

    profile = {
        "trt_profile_min_shapes": shape(fewest, least),
        "trt_profile_opt_shapes": shape(plan.batch, side),
        "trt_profile_max_shapes": shape(plan.batch, side),
    }
    # In one folder, engines for different shapes would overwrite each other; rebuilding one takes minutes.
    shapes = f"{fewest}-{plan.batch}x{least}-{side}"
    if spec.shape is not None:  # the file itself fixes the shape
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
    """Folder name for engines: an engine is only valid for one model, GPU and version of TensorRT."""
    # The model's name comes from its file and is untrusted: it must not lead to another folder.
    model_name, gpu_name = (re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") for name in (spec.name, gpu))
    return f"{model_name}-{model.digest[:16]}-{gpu_name}-{tensorrt}"
