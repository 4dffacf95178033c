"""Everything a run needs to go on, in one safetensors file, replaced in one step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from restore.errors import ModelError
from restore.utils.atomic_write import write_bytes
from restore.utils.text import printable

FORMAT = "restore-checkpoint-1"


def save_checkpoint(
    path: Path,
    *,
    step: int,
    recipe_yaml: str,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    facts: dict[str, Any],
) -> None:
    """Write the state of a run.

    Args:
        path: the file; a kill at any moment leaves either the old one or the new one.
        step: steps done.
        recipe_yaml: the recipe of the run.
        modules: all that has weights or buffers, by name; ``average`` is what is exported.
        optimizers: with the moments they have gathered, by name.
        facts: numbers to keep, such as the best PSNR and the seconds spent.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors.update({f"{name}.{k}": v for k, v in module.state_dict().items()})
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors.update({f"{name}.{index}.{k}": v for k, v in state.items() if isinstance(v, Tensor)})
    metadata = {"format": FORMAT, "step": str(step), "recipe": recipe_yaml, "facts": json.dumps(facts)}
    # A copy each: safetensors takes no two names for one memory.
    write_bytes(path, save({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, metadata))


class Checkpoint:
    """A checkpoint file, read.

    Attributes:
        step: steps done.
        recipe_yaml: the recipe of the run.
        facts: numbers kept with it.
        hours: spent training it, without what it was begun with.

    Raises:
        ModelError: missing, damaged, or not a checkpoint of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with safe_open(str(path), framework="pt") as file:
                metadata = file.metadata() or {}
                self._tensors = {key: file.get_tensor(key) for key in list(file.keys())}
        except FileNotFoundError as error:
            raise ModelError(f"{path}: no such checkpoint") from error
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path}: not a checkpoint that can be read: {error}") from error
        if metadata.get("format") != FORMAT:
            raise ModelError(f"{path}: a safetensors file, but not a checkpoint of a training run")
        try:
            self.step = int(metadata["step"])
            self.recipe_yaml = metadata["recipe"]
            self.facts: dict[str, Any] = dict(json.loads(metadata["facts"]))
            self.hours = round(float(self.facts["seconds"]) / 3600, 2)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"{path}: a checkpoint, but what it says of its run is damaged: {error!r}") from error

    def said(self) -> str:
        """What it is, in words by which it can be known again, for runs that begin with it."""
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        before = f", begun with {printable(str(begun))}" if (begun := self.facts.get("begun_from")) else ""
        return f"a run of {self.step} steps and {self.hours:.2f} hours (checkpoint's SHA-256 {digest}){before}"

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors of a module or an optimiser."""
        prefix = f"{name}."
        return {k[len(prefix) :]: v for k, v in self._tensors.items() if k.startswith(prefix)}

    def load(self, modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Put a run's modules and optimisers where this checkpoint left them; names as when it was saved."""
        for name, module in modules.items():
            self.fill(module, self.part(name), name)
        for name, optimizer in optimizers.items():
            self._load_optimizer(self.part(name), optimizer)

    def fill(self, module: nn.Module, tensors: Mapping[str, Tensor], name: str = "network") -> None:
        """Give a module the tensors of a part of this file, whose name is for the message.

        Raises:
            ModelError: they are not its.
        """
        try:
            module.load_state_dict(tensors)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines()]
            first = lines[1] if len(lines) > 1 else lines[0]
            more = f" (and {len(lines) - 2} more)" if len(lines) > 2 else ""
            raise ModelError(
                f"{self.path}: made for another network or with other losses: its {name} does not fit: "
                f"{first[:300]}{more}"
            ) from error

    def _load_optimizer(self, saved: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in saved.items():
            index, name = key.split(".", 1)
            if int(index) >= len(parameters):
                raise ModelError(
                    f"{self.path}: more was learned than the recipe has now: a run goes on with the losses that it "
                    "began with, or begins anew with --start"
                )
            parameter = parameters[int(index)]
            if value.shape == parameter.shape:
                # The file holds rows in order; a fused optimiser pairs moments and weights by their place in memory,
                # which is another where the weights are channels_last.
                value = torch.empty_like(parameter).copy_(value)
            state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
