"""Execution providers of onnxruntime that are separate packages, such as ``onnxruntime-ep-openvino``.

Nothing is imported or loaded until a device of that kind is used: a provider's library takes tens of milliseconds and
up to hundreds of megabytes. A library is registered once per process and stays.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from restore.errors import DeviceError
from restore.runtime.ort_install import captured

Hardware = Literal["CPU", "GPU", "NPU"]

_OLDEST = "1.23"


class NoPluginDeviceError(DeviceError):
    """A plug-in provider works, but this machine has no device for it."""


@dataclass(frozen=True)
class PluginProvider:
    """A provider in a package of its own.

    Attributes:
        packages: the distributions that contain it, the usual one first.
        module: the module to import.
        provider: its name in onnxruntime.
        hardware: the kind of device to prefer if it lists several.
        needs: the hardware that it runs on, as the end of a sentence.
        extra: the extra of restore that installs it; empty if there is none.
        path: the module's function that returns the path of the library.
    """

    packages: tuple[str, ...]
    module: str
    provider: str
    hardware: Hardware
    needs: str
    extra: str = ""
    path: str = "get_library_path"

    @property
    def install(self) -> str:
        """The command that installs it."""
        if self.extra:
            return f"pip install 'restore[{self.extra}]'  (from a checkout: pip install '.[{self.extra}]')"
        return f"pip install {self.packages[0]}"


PLUGINS: Mapping[str, PluginProvider] = {
    "openvino": PluginProvider(
        ("onnxruntime-ep-openvino",),
        "onnxruntime_ep_openvino",
        "OpenVINOExecutionProvider",
        "CPU",
        "an Intel processor",
        extra="openvino",
    ),
    "webgpu": PluginProvider(
        ("onnxruntime-ep-webgpu",),
        "onnxruntime_ep_webgpu",
        "WebGpuExecutionProvider",
        "GPU",
        "a GPU with a driver for Vulkan, Metal or Direct3D 12",
    ),
    "tensorrt-rtx": PluginProvider(
        (
            "onnxruntime-ep-nv-tensorrt-rtx",
            "onnxruntime-ep-nv-tensorrt-rtx-cu13",
            "onnxruntime-ep-nv-tensorrt-rtx-cu12",
        ),
        "onnxruntime_ep_nv_tensorrt_rtx",
        "NvTensorRTRTXExecutionProvider",
        "GPU",
        "an NVIDIA RTX GPU of the Ampere generation or later",
    ),
    "mlx": PluginProvider(
        ("onnxruntime-ep-mlx",),
        "onnxruntime_ep_mlx",
        "MLXExecutionProvider",
        "GPU",
        "a Mac with Apple silicon",
        path="library_path",
    ),
}

_lock = threading.Lock()
_registered: set[str] = set()


@dataclass(frozen=True)
class PluginDevice:
    """A device that a plug-in provider lists.

    Attributes:
        handle: onnxruntime's object for it.
        hardware: kind of device.
        name: the hardware's name.
        bf16: whether it multiplies bfloat16 numbers in hardware, on a CPU.
    """

    handle: Any
    hardware: str
    name: str
    bf16: bool


def _installed(kind: str) -> tuple[str, str]:
    """The installed package of a plug-in provider and its version; empty if there is none."""
    for package in PLUGINS[kind].packages:
        try:
            return package, importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "", ""


def plugin_version(kind: str) -> str:
    """The version of an installed plug-in provider; empty if it is not installed.

    Args:
        kind: a key of :data:`PLUGINS`.
    """
    return _installed(kind)[1]


def installed_plugins() -> dict[str, str]:
    """The installed plug-in providers by kind, with their versions; imports none of them."""
    return {kind: version for kind in PLUGINS if (version := plugin_version(kind))}


def not_installed(kind: str) -> str:
    """The problem and remedy if a plug-in provider is missing."""
    plugin = PLUGINS[kind]
    return f"the package {plugin.packages[0]} is not installed: {plugin.install}"


def plugin_devices(kind: str) -> list[PluginDevice]:
    """Load a plug-in provider, if that has not been done yet, and list its devices, the preferred kind first.

    Args:
        kind: a key of :data:`PLUGINS`.

    Raises:
        DeviceError: the package is missing or broken; the message says what would help.
        NoPluginDeviceError: the package found no device.
    """
    plugin, (package, version) = PLUGINS[kind], _installed(kind)
    if not package:
        raise DeviceError(f"--device {kind}: {not_installed(kind)}")
    with _lock:
        found = _listed(plugin.provider, kind)  # also if someone else registered it
        if not found and kind not in _registered:
            _register(plugin, kind, package, version)
            _registered.add(kind)
            found = _listed(plugin.provider, kind)
    if not found:
        raise NoPluginDeviceError(
            f"--device {kind}: {package} {version} found no device on this machine; it needs {plugin.needs}"
        )
    devices = [_described(handle) for handle in found]
    return sorted(devices, key=lambda device: device.hardware != plugin.hardware)


def plugin_device(kind: str, index: int) -> PluginDevice:
    """A device of :func:`plugin_devices` by its number.

    Raises:
        DeviceError: also if there are fewer devices.
    """
    devices = plugin_devices(kind)
    if index >= len(devices):
        listed = ", ".join(f"{kind}:{number} ({device.name})" for number, device in enumerate(devices))
        raise DeviceError(f"--device {kind}:{index}: no such device; available: {listed}")
    return devices[index]


def plugin_options(
    kind: str, device: PluginDevice, threads: int, parallel: int, bf16: bool, half: bool
) -> dict[str, str]:
    """Options of a plug-in provider for one session.

    OpenVINO otherwise chooses the precision itself, and pins its threads to cores, where those that decode and encode
    pictures have to wait for them.

    Args:
        kind: a key of :data:`PLUGINS`.
        device: the device.
        threads: CPU threads.
        parallel: runs at once, which share the threads.
        bf16: compute in bfloat16.
        half: whether the model is in float16.
    """
    if kind != "openvino":
        return {}
    precision = "bf16" if bf16 else "f16" if half and device.hardware != "CPU" else "f32"
    settings = {"INFERENCE_PRECISION_HINT": precision}
    if device.hardware == "CPU":
        settings |= {"INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": str(parallel)}
        settings["ENABLE_CPU_PINNING"] = "NO"
    elif device.hardware == "NPU":
        settings = {}  # it has one precision
    return {"load_config": json.dumps({device.hardware: settings})} if settings else {}


def _register(plugin: PluginProvider, kind: str, package: str, version: str) -> None:
    """Load the library.

    Raises:
        DeviceError: onnxruntime is too old, or the package is broken.
    """
    import onnxruntime as ort

    if not hasattr(ort, "register_execution_provider_library"):
        raise DeviceError(
            f"--device {kind}: {package} {version} needs onnxruntime {_OLDEST} or later, and {ort.__version__} is "
            f"installed: pip install --upgrade 'onnxruntime-gpu>={_OLDEST}'"
        )
    with captured() as output:
        try:
            path = getattr(importlib.import_module(plugin.module), plugin.path)()
            ort.register_execution_provider_library(plugin.provider, str(path))
            failure = None
        except Exception as error:  # a broken package may raise anything, and so does onnxruntime
            failure = error
    if failure is not None:
        lines = str(failure).strip().splitlines() or [type(failure).__name__]
        why = output.reason or f"{type(failure).__name__}: {lines[0][:300]}"
        raise DeviceError(
            f"--device {kind}: {package} {version} is installed but cannot be loaded ({why}). It needs {plugin.needs}; "
            f"to install it again: pip install --force-reinstall --no-deps {package}=={version}"
        ) from failure


def _listed(provider: str, kind: str) -> list[Any]:
    import onnxruntime as ort

    if not hasattr(ort, "get_ep_devices"):
        return []
    try:
        return [device for device in ort.get_ep_devices() if device.ep_name == provider]
    except Exception as error:  # onnxruntime raises a different class for every cause
        raise DeviceError(f"--device {kind}: onnxruntime cannot list its devices: {error}") from error


def _described(handle: Any) -> PluginDevice:
    hardware, facts = handle.device, dict(handle.ep_metadata)
    kind = str(hardware.type.name)
    name = facts.get("FULL_DEVICE_NAME") or f"{hardware.vendor} {kind}".strip()
    return PluginDevice(handle, kind, name, "BF16" in facts.get("OPTIMIZATION_CAPABILITIES", "").split())
