"""Inspect the installation: which onnxruntime packages, and whether the GPU libraries are present."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import importlib.util
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

CUDA_CURE = "pip install 'onnxruntime-gpu[cuda,cudnn]'  (from a checkout: pip install '.[cuda]')"


_RUNTIMES = (
    "onnxruntime",
    *(f"onnxruntime-{build}" for build in ("directml", "gpu", "openvino", "qnn", "rocm", "training", "training-cpu")),
)


def runtimes() -> dict[str, str]:
    """The installed packages that provide onnxruntime, with their versions."""
    found = {}
    for name in _RUNTIMES:  # to list every package, and read its name, would take a tenth of a second
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def clash(installed: Sequence[str]) -> str:
    """The problem and remedy if several packages provide onnxruntime; empty if at most one does."""
    if len(installed) < 2:
        return ""
    keep = next(name for name in [*installed, installed[0]] if name != "onnxruntime")
    return (
        f"{' and '.join(installed)} are installed together, and it is undefined which one is used: "
        f"pip uninstall -y {' '.join(installed)} && pip install {keep}"
    )


class CapturedOutput:
    """Output captured by :func:`captured`."""

    text = ""

    @property
    def reason(self) -> str:
        """Why a library could not be loaded, as reported by the system; empty if there was no such report."""
        found = re.findall(r"(?:Failed to load library \S+ with error: |Failed to load )([^\n]+)", self.text)
        return "; ".join(dict.fromkeys(line.strip() for line in found))


@contextlib.contextmanager
def captured() -> Iterator[CapturedOutput]:
    """Capture standard output and error, including native code's.

    onnxruntime raises an exception if a provider is unavailable, but only prints the reason: from Python or directly
    to the terminal.
    """
    captured_output, printed = CapturedOutput(), io.StringIO()
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        kept = [(stream, os.dup(stream)) for stream in (1, 2)]
        for stream, _ in kept:
            os.dup2(file.fileno(), stream)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                yield captured_output
        finally:
            for stream, copy in kept:
                os.dup2(copy, stream)
                os.close(copy)
            file.seek(0)
            captured_output.text = printed.getvalue() + file.read().decode(errors="replace")


def preload(runtime: ModuleType, tensorrt: bool = False) -> None:
    """Load the libraries installed as packages, so that onnxruntime finds them. Failures are printed, not raised.

    Args:
        runtime: the onnxruntime module.
        tensorrt: also load TensorRT's, which onnxruntime does not look for itself.
    """
    if hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()
    package = importlib.util.find_spec("tensorrt_libs") if tensorrt else None
    for folder in (package.submodule_search_locations or ()) if package else ():
        for pattern in ("*nvinfer.so.*", "*nvinfer_plugin.so.*", "*nvonnxparser.so.*", "nvinfer*.dll"):
            for file in sorted(Path(folder).glob(pattern)):
                with contextlib.suppress(OSError):  # the provider reports better what is missing
                    ctypes.CDLL(str(file))


def missing(captured_output: CapturedOutput) -> list[str]:
    """The libraries that :func:`preload` could not load, such as ``libcudnn.so.9``."""
    return sorted({name.rsplit("/", 1)[-1] for name in re.findall(r"Failed to load (\S+?):", captured_output.text)})
