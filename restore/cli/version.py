"""Environment information for bug reports, collected without importing the packages."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import restore

# Alternatives; one of each group is enough.
_PACKAGES = (("onnxruntime-gpu", "onnxruntime"), ("numpy",), ("opencv-python-headless", "opencv-python"), ("Pillow",))
_EXTRAS = (("torch",), ("onnx",))


def environment() -> Iterator[str]:
    """Yield lines on Python and the system, the relevant packages, and where this one is installed."""
    yield f"Python {platform.python_version()} on {platform.platform()}, {sys.executable}"
    yield ", ".join([*_installed(*_PACKAGES), *_installed(*_EXTRAS)])
    yield str(Path(restore.__file__).parent)


def _installed(*groups: tuple[str, ...]) -> Iterator[str]:
    for names in groups:
        found = []
        for name in names:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                continue
        yield " and ".join(found) or f"no {names[0]}"
