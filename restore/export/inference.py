"""A common interface to networks and model files, to compare their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from restore.errors import ModelError
from restore.networks.base import ReadsThumbnail
from restore.runtime.model import Model
from restore.runtime.session import first_line
from restore.spec import ModelSpec

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """A network's outputs: the result (N, 3, H, W), and class probabilities (N, kinds) if it classifies."""

    output: Floats
    belief: Floats | None = None

    def apart(self, other: Answer, span: float) -> float:
        """The largest difference; of the result as a share of the range. May be infinite, see :func:`largest`."""
        return max(largest(self.output, other.output) / span, self.believed_apart(other))

    def believed_apart(self, other: Answer) -> float:
        """The largest difference of class probabilities; 0 if both have none."""
        if self.belief is None and other.belief is None:
            return 0.0
        if self.belief is None or other.belief is None:
            return float("inf")
        return largest(self.belief, other.belief)


def largest(some: Floats, others: Floats) -> float:
    """The largest absolute difference; infinite if a value is NaN or the shapes differ."""
    if some.shape != others.shape:
        return float("inf")
    return float(np.nan_to_num(np.abs(some - others), nan=np.inf).max())


# Takes a batch of inputs by name; the picture is ``input``.
Ask = Callable[[Mapping[str, Floats]], Answer]


def asking(what: nn.Module | Model, spec: ModelSpec) -> Ask:
    """Wrap a network in evaluation mode, or an opened file, as a function that raises ModelError on failure.

    Args:
        what: maps float32 (N, 3, H, W), and the spec's further inputs, to (N, 3, scale * H, scale * W).
        spec: of the network.
    """
    return _of_model(what) if isinstance(what, Model) else _of_network(what, spec)


def _of_model(model: Model) -> Ask:
    def ask(given: Mapping[str, Floats]) -> Answer:
        batch, aside = given["input"], {name: given[name] for name in model.spec.inputs[1:]}
        belief = model.shares(batch, **aside) if model.spec.kinds else None
        return Answer(model(batch, **aside), belief)

    return ask


def _of_network(network: nn.Module, spec: ModelSpec) -> Ask:
    network = network.cpu().float().eval()
    believes: Callable[[Tensor], Tensor] | None = None
    if spec.kinds:
        assert isinstance(network, ReadsThumbnail), "a network with kinds must classify"
        believes = network.belief

    @torch.no_grad()
    def ask(given: Mapping[str, Floats]) -> Answer:
        tensors = {name: torch.from_numpy(np.ascontiguousarray(given[name])) for name in spec.inputs}
        try:
            output: Floats = network(*tensors.values()).numpy()
            belief: Floats | None = believes(tensors["thumbnail"]).numpy() if believes else None
        except Exception as error:  # each network fails in its own way on unsupported inputs
            shape = "x".join(map(str, given["input"].shape))
            raise ModelError(f"{spec.name} fails on an input of {shape}: {first_line(error)}") from error
        return Answer(output, belief)

    return ask
