"""The only module that imports basicsr.

basicsr 1.4.2 imports ``torchvision.transforms.functional_tensor``, which torchvision 0.17 removed, and its package
``__init__`` imports every data set and model even for a single architecture. The missing name is restored before the
import. ``pixel_unshuffle`` is replaced by an equivalent that is exported as a single node.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

from torch import Tensor

from restore.errors import MissingExtraError, RestoreError
from restore.networks.anchored_shuffle import pixel_unshuffle


def _mend_torchvision() -> None:
    name = "torchvision.transforms.functional_tensor"
    if name in sys.modules:
        return
    try:
        importlib.import_module(name)
    except ImportError:
        from torchvision.transforms import functional

        module = types.ModuleType(name)
        vars(module)["rgb_to_grayscale"] = functional.rgb_to_grayscale
        sys.modules[name] = module


def basicsr_module(name: str) -> Any:
    """A module of basicsr, such as ``utils.matlab_functions``.

    Raises:
        MissingExtraError: basicsr or torchvision is not installed.
        RestoreError: basicsr does not support this Python version.
    """
    try:
        _mend_torchvision()
        return importlib.import_module(f"basicsr.{name}")
    except ModuleNotFoundError as error:
        if error.name == "basicsr" and sys.version_info >= (3, 13):
            raise RestoreError(
                "basicsr, last released as 1.4.2, is required here but cannot be installed on Python 3.13 or later: "
                "use Python 3.11 or 3.12, or another network, such as 'residual'"
            ) from error
        raise MissingExtraError("basicsr", "train", error.name) from error


def basicsr_arch(module: str, name: str) -> Any:
    """An architecture class of ``basicsr.archs``."""
    found = basicsr_module(f"archs.{module}")
    if hasattr(found, "pixel_unshuffle"):
        found.pixel_unshuffle = _unshuffle
    return getattr(found, name)


def _unshuffle(x: Tensor, scale: int) -> Tensor:
    """Inverse pixel shuffle, with basicsr's argument name for the factor."""
    return pixel_unshuffle(x, scale)
