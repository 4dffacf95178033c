"""Published networks to train further: any checkpoint that spandrel recognizes."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from restore.errors import MissingExtraError, ModelError
from restore.networks.base import NetworkOptions
from restore.networks.third_party_checkpoint import Called, folded_layer, make_exportable, read_weights, recognize
from restore.utils.text import printable
from restore.verify.channel_order import find_order
from restore.verify.sizes import Floats, Sizes

# Side of the pictures that sizes are tried on, and how often the multiple is doubled.
_SIDE, _DOUBLED = 64, 7
# Names in a FineTuned begin with this, followed by the published ones.
_PREFIX = "network."
# Reach of a network that has not been measured.
_HALO = 32


class FineTuned(Called):
    """A published network with the layers that it was trained with.

    Args:
        network: as spandrel builds it.
        call: spandrel's call function.
        bgr: whether the network takes and returns BGR.

    Shape:
        (N, 3, H, W), RGB, 0..1, to (N, 3, scale * H, scale * W), not clipped.
    """

    def __init__(self, network: nn.Module, call: Callable[[nn.Module, Tensor], Tensor], bgr: bool = False) -> None:
        super().__init__(network.float().train(), call)
        self.bgr = bgr
        for module in network.modules():
            if (folded := folded_layer(module)) is not None:  # computed from other weights, and not learned
                folded.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        made = super().forward(x.flip(1) if self.bgr else x)
        return made.flip(1) if self.bgr else made

    def deployed(self) -> FineTuned:
        """The network to export: with its branches folded, and without what torch exports wrongly."""
        network = copy.deepcopy(self)
        network.network = make_exportable(network.network)
        return network


class Found(BaseModel):
    """What was found out about a checkpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    architecture: str = Field(description="name of the architecture")
    sha256: str = Field(description="SHA-256 of the file")
    multiple: int = Field(ge=1, description="both sides of a picture must be a multiple of this")
    minimum: int = Field(ge=1, description="the shortest side that the network accepts")
    order: str = Field("", description="what the user should know about the order of its channels")


class SpandrelOptions(NetworkOptions):
    """A published network, trained further: any checkpoint that spandrel recognizes.

    :class:`restore.networks.fine_tuned.FineTuned`.
    """

    kind: Literal["spandrel"] = "spandrel"
    checkpoint: Path = Field(
        description="the file whose weights to start from: .pth, .pt, .ckpt or .safetensors. Once the run has begun, "
        "its own checkpoints hold everything, and the file is not read again"
    )
    colors: Literal["rgb", "bgr"] = Field(
        "rgb", description="order of its channels; if it is left out, the order that keeps colors, found by trying"
    )
    found: Found | None = Field(
        None, description="what the run found out about the checkpoint when it began; do not write it by hand"
    )

    @model_validator(mode="before")
    @classmethod
    def _look(cls, values: Any) -> Any:
        """Read the checkpoint of a new recipe; that of a run says what was found."""
        if not isinstance(values, dict) or values.get("found") is not None:
            return values
        if not isinstance(file := values.get("checkpoint"), str | Path):
            return values
        try:
            found, is_bgr = look_at(Path(file), "colors" not in values)
            return {"colors": "bgr" if is_bgr else "rgb", **values, "found": found}
        except ModelError as error:
            raise ValueError(f"checkpoint {error}") from error

    def build(self, scale: int) -> nn.Module:
        """The network with the checkpoint's weights.

        Raises:
            ValueError: the network enlarges by another factor, or the file is not the one that was looked at.
            ModelError: the file cannot be read.
        """
        found, file = self._found, printable(self.checkpoint)
        if _digest(self.checkpoint) != found.sha256:
            raise ValueError(
                f"the checkpoint {file} is not the one that network.found describes: set network.found to null to take "
                "this one"
            )
        recognized = _recognized(self.checkpoint)
        if recognized.scale != scale:
            raise ValueError(
                f"the checkpoint {file} enlarges by {recognized.scale}, and the recipe's scale is {scale}: "
                f"set scale: {recognized.scale}, or use a checkpoint for {scale}"
            )
        return FineTuned(recognized.model, recognized._call_fn, self.colors == "bgr")

    def rebuild(self, scale: int, weights: Mapping[str, Tensor]) -> nn.Module:
        """The network of a run: recognized by its own weights, and so without the file it began with."""
        own = {name.removeprefix(_PREFIX): value.clone() for name, value in weights.items()}
        recognized = recognize(own, "the run's weights")
        if recognized.architecture.name != self._found.architecture or recognized.scale != scale:
            raise ModelError(
                f"the run's weights are of {recognized.architecture.name} x{recognized.scale}, and its recipe says "
                f"{self._found.architecture} x{scale}: give the run its own recipe again"
            )
        return FineTuned(recognized.model, recognized._call_fn, self.colors == "bgr")

    def begun_from(self) -> str:
        name = printable(self.checkpoint.name)
        return f"{name}, {self._found.architecture} (checkpoint's SHA-256 {self._found.sha256})"

    def note(self) -> str:
        return self._found.order

    def halo(self, scale: int) -> int:
        """A guess: export measures the trained network, as import does."""
        return _HALO

    def exact_tiles(self) -> bool:
        return False

    def multiple(self, scale: int) -> int:
        return self._found.multiple

    def minimum(self) -> int:
        return self._found.minimum

    @property
    def architecture(self) -> str:
        """Name of the architecture."""
        return self._found.architecture

    @property
    def _found(self) -> Found:
        assert self.found is not None  # the validator has looked
        return self.found


def look_at(file: Path, find_colors: bool = False) -> tuple[Found, bool]:
    """Find out what a recipe must know about a checkpoint, and whether its network takes and returns BGR.

    Args:
        file: the checkpoint.
        find_colors: try the order of the channels; RGB otherwise.

    Raises:
        ModelError: it cannot be read, or its network cannot be trained.
    """
    recognized = _recognized(file)
    network = FineTuned(recognized.model, recognized._call_fn)
    needs, name = recognized.size_requirements, str(recognized.architecture.name)
    sizes = _sizes(network, recognized.scale, needs.multiple_of, needs.minimum or 1)
    if sizes is None:
        raise ModelError(
            f"{printable(file)}: {name} does not give a picture for pictures of many sizes, so it cannot be trained: "
            "use it as it is, with restore import"
        )
    is_bgr, note = _order(network, Sizes(recognized.scale, *sizes, batch=True), file) if find_colors else (False, "")
    found = Found(architecture=name, sha256=_digest(file), multiple=sizes[0], minimum=sizes[1], order=note)
    return found, is_bgr


def _order(network: nn.Module, sizes: Sizes, file: Path) -> tuple[bool, str]:
    """Whether a network takes and returns BGR, and what to tell about it."""

    @torch.no_grad()
    def run(batch: Floats) -> Floats:
        made: Floats = network(torch.from_numpy(batch)).numpy()
        return made

    network.eval()
    order = find_order(run, sizes, 0.0, 1.0)
    if order.input != order.output:
        names = ("RGB", "BGR")
        raise ModelError(
            f"{printable(file)}: it takes {names[order.input]} and returns {names[order.output]}, so it cannot be "
            "trained as it is: if that is wrong, set network.colors to rgb"
        )
    if order.input:
        return True, (
            f"{printable(file)} is taken to be for BGR, because its results are then {order.times:.1f} times as close "
            "to the colors of their inputs; if that is wrong, set network.colors to rgb"
        )
    if order.note:
        return False, (
            f"{printable(file)} keeps colors about as well in RGB as in BGR, so RGB is assumed: if its publisher says "
            "BGR, set network.colors to bgr"
        )
    return False, ""


def _recognized(file: Path) -> Any:
    try:
        recognized = recognize(read_weights(file), printable(file))
    except ModuleNotFoundError as error:
        raise MissingExtraError("the network 'spandrel'", "train", error.name) from error
    channels = recognized.input_channels, recognized.output_channels
    if channels != (3, 3):
        raise ModelError(
            f"{printable(file)}: {recognized.architecture.name} has {channels[0]} input and {channels[1]} output "
            "channels, and only networks from RGB to RGB can be trained: use another checkpoint"
        )
    return recognized


def _sizes(network: nn.Module, scale: int, multiple: int, minimum: int) -> tuple[int, int] | None:
    """The number that sides must be a multiple of, and the shortest side; None if no size works."""

    @torch.no_grad()
    def takes(height: int, width: int) -> bool:
        x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
        try:
            shape = network(x).shape
        except Exception:  # each network fails in its own way
            return False
        return bool(shape == (1, 3, height * scale, width * scale))

    for step in (multiple * 2**k for k in range(_DOUBLED)):
        side = -(-max(_SIDE, minimum) // step) * step
        network.eval()
        if takes(side + step, side + 3 * step):
            shortest = next(n for n in range(step, side + step, step) if n >= minimum and (takes(n, n) or n >= side))
            network.train()  # some return more than the picture then
            return (step, shortest) if takes(side, side + step) else None
    return None


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{printable(file)}: cannot read the checkpoint: {error.strerror}") from error
