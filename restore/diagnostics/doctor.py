"""Check the installation and devices, and suggest fixes. Works even if onnxruntime cannot be imported."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import ModuleType

import restore
from restore.errors import RestoreError
from restore.runtime.cpu import INT8_FEATURES, cpu_features, cpu_name, runs_openvino, usable_cores
from restore.runtime.devices import CPU, CUDA, PROVIDERS, TENSORRT
from restore.runtime.gpu import cuda_of_driver, gpus
from restore.runtime.memory import free_memory
from restore.runtime.ort_install import CUDA_CURE, captured, clash, missing, preload, runtimes
from restore.runtime.plugin_providers import PLUGINS, installed_plugins
from restore.utils.isolated_process import ApartError, run_apart
from restore.zoo.find import Entry, entries

# One package of each group must be installed; we suggest the first.
_NEEDED = (("numpy",), ("opencv-python-headless", "opencv-python"), ("Pillow",), ("PyYAML",))
_SPEED = frozenset({"avx2", "avx512f", "avx512_bf16", "amx_bf16", "bf16", *INT8_FEATURES})
_PROBE_SECONDS = 120.0


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        topic: group of checks.
        name: what was checked.
        value: what was found.
        ok: whether it works; None if it is only information.
        cure: what to do about it.
    """

    topic: str
    name: str
    value: str
    ok: bool | None = None
    cure: str = ""


def examine() -> list[Finding]:
    """Run all checks."""
    runtime, why = _import_runtime()
    cards = [gpu.name for gpu in gpus()]
    return [
        *_packages(why),
        *_machine(),
        *_cards(),
        *(_providers(runtime.get_available_providers(), cards) if runtime else ()),
        *(_plugins() if runtime else ()),
        *(_libraries(runtime, bool(cards)) if runtime else ()),
        *_models(bool(runtime)),
        *_temporary_folder(),
    ]


def _import_runtime() -> tuple[ModuleType | None, str]:
    """onnxruntime, or None and why it cannot be imported."""
    try:
        import onnxruntime
    except Exception as error:  # a missing package, a missing library of the system, a build for another Python
        return None, f"{type(error).__name__}: {error}"
    return onnxruntime, ""


def _packages(why: str) -> Iterator[Finding]:
    yield Finding("packages", "restore", restore.__version__)
    yield Finding("packages", "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    installed = runtimes()
    for name, version in installed.items():
        yield Finding("packages", name, version)
    if not installed:
        yield Finding("packages", "onnxruntime", "not installed", False, "pip install onnxruntime")
    elif why:
        yield Finding(
            "packages",
            "onnxruntime",
            f"cannot be imported: {why}",
            False,
            f"pip install --force-reinstall {' '.join(installed)}",
        )
    if both := clash(list(installed)):
        reason, _, cure = both.partition(": ")
        yield Finding("packages", "onnxruntime", reason, False, cure)
    for names in _NEEDED:
        found = [Finding("packages", name, number) for name in names if (number := _version(name))]
        yield from found
        if not found:
            yield Finding("packages", names[0], "not installed", False, f"pip install {names[0]}")
    yield Finding("packages", "torch", _version("torch") or "not installed (only needed for training)")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine() -> Iterator[Finding]:
    features = cpu_features()
    yield Finding("machine", "CPU", cpu_name())
    yield Finding("machine", "cores", f"{usable_cores()} of {os.cpu_count() or 1} available")
    yield Finding("machine", "features", ", ".join(sorted(features & _SPEED)) or "none that matter, or unknown")
    yield Finding(
        "machine",
        "8-bit networks",
        "fast on this CPU" if features & INT8_FEATURES else "no faster than fp32 on this CPU",
    )
    free = free_memory()
    yield Finding("machine", "free memory", "unknown" if free is None else f"{free / 2**30:.1f} GB")


def _cards() -> Iterator[Finding]:
    cards = gpus()
    for number, card in enumerate(cards):
        yield Finding("GPU", f"cuda:{number}", f"{card.name}, {card.memory / 2**30:.0f} GB")
    if cards:
        yield Finding("GPU", "driver", f"supports CUDA up to {cuda_of_driver()}")
    else:
        yield Finding("GPU", "NVIDIA", "no GPU or driver was found")


def _providers(available: list[str], cards: list[str]) -> Iterator[Finding]:
    """Try every supported provider that onnxruntime was built with."""
    for kind, provider in PROVIDERS.items():
        if provider not in available:
            if provider == CUDA and cards:
                cure = f"pip uninstall -y {' '.join(runtimes())} && pip install onnxruntime-gpu"
                yield Finding(
                    "devices", kind, f"{cards[0]} is not used: onnxruntime was built without CUDA", False, cure
                )
        elif provider in (CUDA, TENSORRT) and not cards:
            yield Finding("devices", kind, "built in, but there is no GPU")
        else:
            yield _tried(kind, provider)


def _plugins() -> Iterator[Finding]:
    """Try every provider in a package of its own that is installed."""
    installed = installed_plugins()
    for kind, plugin in PLUGINS.items():
        if kind in installed:
            tried = _tried(kind, plugin.provider)
            yield replace(tried, topic="plug-ins", value=f"{installed[kind]}: {tried.value}")
        elif kind == "openvino" and runs_openvino():
            value = "not installed: it may run networks faster on this processor"
            yield Finding("plug-ins", kind, value, None, plugin.install)
        else:
            yield Finding("plug-ins", kind, "not installed")


def _tried(kind: str, provider: str) -> Finding:
    try:
        answer = run_apart("restore.runtime.device_probe", kind, timeout=_PROBE_SECONDS)
    except ApartError as error:
        answer = {"error": str(error)}
    if answer.get("absent"):
        return Finding("devices", kind, answer["error"].removeprefix(f"--device {kind}: "))
    if why := answer.get("error", "").removeprefix(f"--device {kind}: "):
        # TensorRT support is always built in, but its libraries are not installed by default.
        return Finding("devices", kind, f"does not work: {why}", None if provider == TENSORRT else False)
    if answer["difference"] > 1:
        wrong = f"returns wrong pixels, off by {answer['difference']} of 255"
        return Finding("devices", kind, wrong, False, "use --device cpu instead" if provider != CPU else "")
    named = f" ({', '.join(answer['devices'])})" if "devices" in answer else ""
    return Finding("devices", kind, f"works, as {answer['device']}{named}: {answer['ms']:.1f} ms for the test", True)


def _libraries(runtime: ModuleType, needed: bool) -> Iterator[Finding]:
    if not hasattr(runtime, "preload_dlls") or CUDA not in runtime.get_available_providers():
        return
    with captured() as captured_output:
        preload(runtime)
    absent = missing(captured_output)
    if not absent:
        yield Finding("libraries", "CUDA and cuDNN", "found", True)
    elif needed:
        yield Finding("libraries", "CUDA and cuDNN", f"missing: {', '.join(absent)}", False, CUDA_CURE)
    else:
        yield Finding("libraries", "CUDA and cuDNN", f"missing, but not needed without a GPU: {', '.join(absent)}")


def _models(readable: bool) -> Iterator[Finding]:
    found = entries()
    if not found:
        yield Finding("models", "none", "no models found", False, "reinstall restore, or set RESTORE_MODELS")
    for entry in found:
        kinds = ", ".join(entry.files)
        if readable:
            yield _opened(entry, kinds)
        else:
            yield Finding("models", entry.name, f"{kinds}; not checked without onnxruntime")


def _opened(entry: Entry, kinds: str) -> Finding:
    from restore.runtime.model import file_spec

    try:
        for path in entry.files.values():
            file_spec(path)
    except RestoreError as error:
        return Finding("models", entry.name, str(error), False, "reinstall restore, or export the model again")
    return Finding("models", entry.name, kinds, True)


def _temporary_folder() -> Iterator[Finding]:
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile() as file:
            file.write(b"restore")
    except OSError as error:
        yield Finding(
            "folders", "temporary files", f"cannot be written: {error}", False, "set TMPDIR to another folder"
        )
    else:
        yield Finding("folders", "temporary files", folder, True)
