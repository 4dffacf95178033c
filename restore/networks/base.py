"""Options common to all networks, and protocols for what some networks can do besides enhancing a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

_BORDER = 4


class NetworkOptions(BaseModel, ABC):
    """A network as a recipe describes it; every network's own options derive from this class.

    The network takes RGB (N, 3, H, W) on 0..1 and returns (N, 3, scale * H, scale * W), not clipped. Sizes below are
    in pixels of its input.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str

    @abstractmethod
    def build(self, scale: int) -> nn.Module:
        """The network with fresh weights, drawn from torch's global generator.

        Raises:
            ValueError: the network cannot enlarge by ``scale``.
        """

    def rebuild(self, scale: int, weights: Mapping[str, Tensor]) -> nn.Module:
        """A network that the weights of a run fit, to be filled with them; by default that of :meth:`build`.

        Raises:
            ModelError: the weights are of another network.
        """
        return self.build(scale)

    def begun_from(self) -> str:
        """Which weights :meth:`build` begins with, for the model's metadata; empty if they are drawn."""
        return ""

    def note(self) -> str:
        """What the user should know about the network when a run begins; empty for nothing."""
        return ""

    @abstractmethod
    def halo(self, scale: int) -> int:
        """How far from an output pixel's position input pixels can affect it."""

    def border(self, scale: int) -> int:
        """How many pixels to mirror around a picture before the network sees it.

        Convolutions pad with zeros, to them a black frame, which changes saturated colors along the edges and most at
        the corners (``scripts/line_art.py --border 0`` measures it). Its effect hardly reaches deeper than four pixels.
        """
        return 0 if self.context() else border_of(self.halo(scale), self.multiple(scale))

    def exact_tiles(self) -> bool:
        """Whether tiles with this halo match the result of the whole picture (no global pooling inside)."""
        return True

    def multiple(self, scale: int) -> int:
        """Both sides of the input must be a multiple of this."""
        return 1

    def minimum(self) -> int:
        """The shortest side that the network accepts."""
        return 1

    def context(self) -> int:
        """Side of the thumbnail of the whole picture that the network takes; 0 if it takes none."""
        return 0

    def thumbnails(self) -> Literal["mean", "middle"]:
        """Whether a pixel of the thumbnail is the mean of its area or the pixel in the middle of it."""
        return "mean"

    def takes_strength(self) -> bool:
        """Whether the last input is a strength, from 0 (unchanged) to 1."""
        return False

    def takes_time(self) -> bool:
        """Whether it is the velocity of a rectified flow: of a picture of the result's size and a time (N,), 0..1."""
        return False

    def edit_points(self) -> int:
        """Points of each tone curve of the edit that the network predicts, as a :class:`PredictsEdit`; 0 for none."""
        return 0

    def codes(self) -> bool:
        """Whether the network makes codes for losses to use: it is a :class:`MakesCodes`."""
        return False

    def taps(self) -> int:
        """Number of taps the network lends features from, as a :class:`LendsFeatures`; 0 if it lends none."""
        return 0

    def refuse_to_enlarge(self, scale: int) -> None:
        """Check the scale in :meth:`build` of a network whose output has the size of its input.

        Raises:
            ValueError: ``scale`` is not 1.
        """
        if scale != 1:
            raise ValueError(f"the network '{self.kind}' does not enlarge: it needs scale 1, not {scale}")


def border_of(halo: int, multiple: int) -> int:
    """The border of a network with this halo, whose sides are multiples: see :meth:`NetworkOptions.border`."""
    return -(-_BORDER // multiple) * multiple if halo else 0


@runtime_checkable
class MakesCodes(Protocol):
    """A network that encodes what was done to a picture, such as the filter applied."""

    def codes_of(self, pictures: Tensor) -> Tensor:
        """Codes (N, C) of pictures (N, 3, H, W), 0..1."""


@runtime_checkable
class ReadsThumbnail(Protocol):
    """A network whose code of a picture depends only on the thumbnail."""

    def codes(self, thumbnail: Tensor) -> Tensor:
        """Codes (N, C) of thumbnails (N, 3, side, side), 0..1."""

    def belief(self, thumbnail: Tensor) -> Tensor:
        """Probability of each kind of picture (N, kinds), each row summing to 1.

        Raises:
            ValueError: the network was built without kinds.
        """


@runtime_checkable
class PredictsEdit(Protocol):
    """A network that changes a picture by an edit in numbers, which it reads from the thumbnail."""

    def edit(self, thumbnail: Tensor, strength: Tensor | None = None) -> Tensor:
        """Edits for thumbnails (N, 3, side, side): (N, 5 + 3 * points), in the order of a model's output ``edit``."""


@runtime_checkable
class LendsFeatures(Protocol):
    """A network whose intermediate features a loss can compare pictures in."""

    @property
    def channels(self) -> list[int]:
        """Channels at each tap; tap 0 is the picture itself."""

    def features(self, x: Tensor, taps: Sequence[int]) -> list[Tensor]:
        """Features (N, channels[tap], h, w) of x (N, 3, H, W) at ``taps``, shallow to deep."""


@runtime_checkable
class Reparameterized(Protocol):
    """A network that trains with more layers than it needs to run."""

    def deployed(self) -> nn.Module:
        """The equivalent network without the extra layers."""


@runtime_checkable
class TracedLarger(Protocol):
    """A network that cuts pictures into parts, and must be exported with a picture of several parts.

    An exporter takes a number that is 1 in its example for always 1.
    """

    @property
    def traced_side(self) -> int:
        """The shortest side of the example."""


def deployed(network: nn.Module) -> nn.Module:
    """The network to export and to measure: with its branches folded, if it has any."""
    return network.deployed() if isinstance(network, Reparameterized) else network
