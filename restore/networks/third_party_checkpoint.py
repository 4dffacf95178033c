"""Load third-party checkpoints: detect the architecture and build the network with its weights.

spandrel recognizes architectures by the names and shapes of the weights. Files are read here and not by spandrel, whose
loader unpickles: torch's weights-only reader creates nothing but tensors and plain values.
"""

from __future__ import annotations

import pickle
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from restore.errors import ModelError
from restore.utils.json_types import JsonObject

SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")


@dataclass(frozen=True)
class Published:
    """A third-party network.

    Attributes:
        network: float32 RGB (N, 3, H, W) on 0..1 to (N, 3, scale * H, scale * W), in evaluation mode.
        architecture: name of the architecture.
        scale: output side over input side.
        multiple: both sides must be a multiple of this, according to the author.
        minimum: shortest allowed side, according to the author.
        parameters: number of parameters.
    """

    network: nn.Module
    architecture: str
    scale: int
    multiple: int
    minimum: int
    parameters: int


def load_published(path: Path) -> Published:
    """Read a checkpoint and build its network.

    Args:
        path: ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors``; a state dict, or a dictionary that contains one.

    Raises:
        ModelError: the file is missing, contains more than weights, or belongs to a network that is unknown or does not
            map pictures to pictures.
    """
    found = recognize(read_weights(path), str(path))
    if (found.input_channels, found.output_channels) not in ((3, 3), (1, 1)):
        raise ModelError(
            f"{path}: {found.architecture.name} has {found.input_channels} input and {found.output_channels} output "
            "channels; only RGB or one channel is supported"
        )
    network: nn.Module = Called(make_exportable(found.model), found._call_fn)
    if found.input_channels == 1:
        network = PlaneByPlane(network)
    needs = found.size_requirements
    parameters = sum(p.numel() for p in found.model.parameters())
    return Published(
        network.float().eval().requires_grad_(False),
        str(found.architecture.name),
        found.scale,
        needs.multiple_of,
        needs.minimum or 1,
        parameters,
    )


def recognize(weights: JsonObject, source: str) -> Any:
    """Build the network that weights belong to, with these weights.

    Args:
        weights: a state dict, or a dictionary that contains one.
        source: where they come from, for messages.

    Returns:
        spandrel's ``ImageModelDescriptor``.

    Raises:
        ModelError: the network is unknown, or does not map pictures to pictures.
    """
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    from restore.networks.published.registry import architectures

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, for the authors of the network
            found = ModelLoader(registry=architectures()).load_from_state_dict(weights)
    except UnsupportedModelError as error:
        raise ModelError(
            f"{source}: spandrel does not know the architecture of these weights; if the network can be exported where "
            "it was trained, import the .onnx file"
        ) from error
    except Exception as error:  # each of fifty architectures fails in its own way on weights that do not quite match
        raise ModelError(f"{source}: these weights fit no network: {_line(error)}") from error
    if not isinstance(found, ImageModelDescriptor):
        raise ModelError(
            f"{source}: {found.architecture.name} takes a mask in addition to the picture, which is not supported"
        )
    return found


def read_weights(path: Path) -> JsonObject:
    """Read a weights file without running any code in it.

    Raises:
        ModelError: it is missing, damaged, or contains more than tensors and plain values.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such checkpoint")
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"{path}: expected a checkpoint ({', '.join(SUFFIXES)}) or an .onnx file")
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+) (?:was not an allowed|whose module)", str(error))
        if named is None:
            raise ModelError(
                f"{path}: cannot be read as weights: it is damaged or was not written by torch.save"
            ) from error
        raise ModelError(
            f"{path}: contains more than weights ({named[1]}), which could run code when opened, so it was not "
            "opened. Ask for plain weights: a .safetensors file, or torch.save(network.state_dict(), ...)"
        ) from error
    except Exception as error:  # a damaged archive raises whatever it meets first
        raise ModelError(f"{path}: cannot be read as weights: {_line(error)}") from error
    if not isinstance(held, dict):
        raise ModelError(f"{path}: contains a {type(held).__name__}, not a state dict")
    return held


def make_exportable(network: nn.Module) -> nn.Module:
    """Replace what torch cannot export, or exports wrongly, without changing the network's results.

    SPAN trains three consecutive convolutions parallel to a fourth and recomputes their product in each forward pass,
    so it changes its own weights: they are folded once. SwinIR, DAT and similar networks compute the batch size through
    a float, and ATD counts through the batch: both bake the exported size into the file.
    """
    for module in network.modules():
        home = vars(sys.modules[type(module).__module__])
        for name, better in _EXPORTABLE.items():
            if name in home and len(signature(home[name]).parameters) == len(signature(better).parameters):
                home[name] = better
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if (folded := folded_layer(child)) is not None:
                cast(Any, child).update_params()
                if getattr(child, "has_relu", False):
                    folded = nn.Sequential(folded, nn.LeakyReLU(0.05))
                setattr(parent, name, folded)
    return Settled(network) if sorts(network) else network


def folded_layer(module: nn.Module) -> nn.Module | None:
    """The convolution that a module recomputes from its others in evaluation mode, as SPAN's do; None if none."""
    folded = getattr(module, "eval_conv", None)
    return folded if callable(getattr(module, "update_params", None)) and isinstance(folded, nn.Module) else None


def windows_together(windows: Tensor, side: int, height: int, width: int) -> Tensor:
    """Reassemble windows (N * windows, side, side, C) into pictures (N, height, width, C)."""
    return oblongs_together(windows, side, side, height, width)


def oblongs_together(windows: Tensor, rows: int, columns: int, height: int, width: int) -> Tensor:
    """Reassemble windows (N * windows, rows * columns, C) into pictures (N, height, width, C)."""
    channels = windows.shape[-1]
    apart = windows.view(-1, height // rows, width // columns, rows, columns, channels)
    return apart.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)


def inverse_order(order: Tensor) -> Tensor:
    """The permutations (N, L) that undo others."""
    places = torch.arange(order.shape[-1], device=order.device)
    return torch.zeros_like(order).scatter(-1, order, places.expand(order.shape))


# By the names of what they replace in the modules of spandrel: SwinIR, Swin2SR, HAT, DRCT and ATD; DAT, RGT and CRAFT;
# ATD.
_EXPORTABLE: dict[str, Callable[..., Tensor]] = {
    "window_reverse": windows_together,
    "windows2img": oblongs_together,
    "index_reverse": inverse_order,
}


class Called(nn.Module):
    """A network with spandrel's call function, which reduces several inputs or outputs to one picture.

    Some networks take a noise level, some return several results.
    """

    def __init__(self, network: nn.Module, call: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self._call = call

    def forward(self, x: Tensor) -> Tensor:
        return self._call(self.network, x.clone())  # some, for example RCAN, modify their input in place


def sorts(network: nn.Module) -> bool:
    """Whether a network is an ATD, which sorts pixels into categories and leaves the order within each open."""
    return any("index_reverse" in vars(sys.modules[type(module).__module__]) for module in network.modules())


class Settled(nn.Module):
    """A network whose sorting keeps the order of equal values, as ONNX's does; torch's depends on the processor."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        with _Stable():
            result: Tensor = self.network(x)
        return result


class _Stable(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: JsonObject | None = None
    ) -> object:
        kwargs = kwargs or {}
        return func(*args, **({**kwargs, "stable": True} if func is torch.sort else kwargs))


class PlaneByPlane(nn.Module):
    """A network for gray pictures, applied to each color channel."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        planes: Tensor = self.network(x.flatten(0, 1).unsqueeze(1))
        return planes.view(x.shape[0], x.shape[1], planes.shape[2], planes.shape[3])


def _line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__
