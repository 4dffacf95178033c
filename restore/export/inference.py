"""A common interface to networks and model files, to compare their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from restore.errors import ModelError
from restore.networks.base import PredictsEdit, ReadsThumbnail
from restore.runtime.model import Model
from restore.runtime.session import first_line
from restore.spec import ModelSpec

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """A network's outputs: the result (N, 3, H, W), and by name what else it tells, such as class probabilities."""

    output: Floats
    told: Mapping[str, Floats] = field(default_factory=dict)

    def apart(self, other: Answer, span: float) -> float:
        """The largest difference; of the result as a share of the range. May be infinite, see :func:`largest`."""
        names = {*self.told, *other.told}
        return max(largest(self.output, other.output) / span, *(self.told_apart(other, name) for name in names), 0.0)

    def told_apart(self, other: Answer, name: str) -> float:
        """The largest difference in what both tell by an output besides the result; infinite if one does not."""
        if name not in self.told or name not in other.told:
            return float("inf")
        return largest(self.told[name], other.told[name])


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
        told = {}
        if model.spec.kinds:
            told["belief"] = model.shares(batch, **aside)
        if model.spec.edit:
            told["edit"] = model.edits(batch, **aside)
        return Answer(model(batch, **aside), told)

    return ask


def _of_network(network: nn.Module, spec: ModelSpec) -> Ask:
    network = network.cpu().float().eval()
    tells: dict[str, Callable[[dict[str, Tensor]], Tensor]] = {}
    if spec.kinds:
        assert isinstance(network, ReadsThumbnail), "a network with kinds must classify"
        believes = network.belief
        tells["belief"] = lambda given: believes(given["thumbnail"])
    if spec.edit:
        assert isinstance(network, PredictsEdit), "a network whose change is an edit must tell it"
        edits = network.edit
        tells["edit"] = lambda given: edits(given["thumbnail"], given.get("strength"))

    @torch.no_grad()
    def ask(given: Mapping[str, Floats]) -> Answer:
        tensors = {name: torch.from_numpy(np.ascontiguousarray(given[name])) for name in spec.inputs}
        try:
            output: Floats = network(*tensors.values()).numpy()
            told = {name: tell(tensors).numpy() for name, tell in tells.items()}
        except Exception as error:  # each network fails in its own way on unsupported inputs
            shape = "x".join(map(str, given["input"].shape))
            raise ModelError(f"{spec.name} fails on an input of {shape}: {first_line(error)}") from error
        return Answer(output, told)

    return ask
