"""Restore photographs with small networks: train, export to ONNX, run over folders.

    import restore

    model = restore.load("sr-x2")
    large = model(pixels)  # a numpy array, uint8 or uint16 RGB
    restore.enhance("Pictures", "enlarged", model="sr-x2")  # files and folders

See `help(restore.load)` and so on for arguments and results.
"""

import os
from typing import TYPE_CHECKING, Any

# Since 1.29, onnxruntime gives the computer an ID and reports its sessions to Microsoft, on Linux and macOS too, unless
# this is set before it is imported. Who wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from restore.api import Model, enhance, load
    from restore.errors import RestoreError
    from restore.spec import ModelSpec

__version__ = "0.1.0"
__all__ = ["Model", "ModelSpec", "RestoreError", "__version__", "enhance", "load"]

_HOMES = {
    "Model": "restore.api",
    "enhance": "restore.api",
    "load": "restore.api",
    "ModelSpec": "restore.spec",
    "RestoreError": "restore.errors",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: ``restore --help`` shall import no numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
