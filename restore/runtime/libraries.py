"""Which onnxruntime is installed, and whether the libraries that a GPU needs are there."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import re
from collections.abc import Sequence
from typing import Any

CUDA_CURE = "pip install 'onnxruntime-gpu[cuda,cudnn]'  (from a checkout: pip install '.[cuda]')"


def runtimes() -> dict[str, str]:
    """The installed packages that provide onnxruntime, with their versions."""
    found = {}
    for package in importlib.metadata.distributions():
        name = (package.metadata["Name"] or "").lower().replace("_", "-")
        if name == "onnxruntime" or re.fullmatch(r"onnxruntime-(gpu|directml|openvino|rocm|training.*|qnn)", name):
            found[name] = package.version
    return dict(sorted(found.items()))


def clash(installed: Sequence[str]) -> str:
    """What is wrong when several packages provide onnxruntime, and its cure; empty when none or one does."""
    if len(installed) < 2:
        return ""
    keep = next(name for name in [*installed, installed[0]] if name != "onnxruntime")
    return (
        f"{' and '.join(installed)} are installed at once, and which of them is used is chance: "
        f"pip uninstall -y {' '.join(installed)} && pip install {keep}"
    )


def preload(runtime: Any) -> str:
    """Load the CUDA and cuDNN libraries that came as packages, so that onnxruntime finds them.

    Args:
        runtime: the onnxruntime module.

    Returns:
        What could not be loaded, in onnxruntime's words, which it prints rather than raises; empty when all is there.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        runtime.preload_dlls()
    return "; ".join(line.strip() for line in said.getvalue().splitlines() if line.strip())


def missing(said: str) -> list[str]:
    """The libraries that :func:`preload` could not load, such as ``libcudnn.so.9``."""
    return sorted({name.rsplit("/", 1)[-1] for name in re.findall(r"Failed to load (\S+?):", said)})
