"""Checkpoints: everything needed to resume a run, in one safetensors file that is replaced atomically."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from restore.errors import ModelError
from restore.training.start_share import mixed
from restore.utils.atomic_write import write_bytes
from restore.utils.json_text import parse_json
from restore.utils.json_types import JsonObject
from restore.utils.text import printable

FORMAT = "restore-checkpoint-1"


def save_checkpoint(
    path: Path,
    *,
    step: int,
    recipe_yaml: str,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    facts: JsonObject,
) -> None:
    """Write the state of a run.

    Args:
        path: the file; if the process is killed at any moment, either the old or the new file is left.
        step: completed steps.
        recipe_yaml: the recipe of the run.
        modules: everything with weights or buffers, by name; ``average`` is the one that is exported, mixed with
            ``start`` if there is one.
        optimizers: optimizers by name, saved with their moments.
        facts: numbers to keep, such as the best validation score and the seconds spent.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors.update({f"{name}.{k}": v for k, v in module.state_dict().items()})
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors.update({f"{name}.{index}.{k}": v for k, v in state.items() if isinstance(v, Tensor)})
    metadata = {"format": FORMAT, "step": str(step), "recipe": recipe_yaml, "facts": json.dumps(facts)}
    # Copied because safetensors refuses tensors that share memory.
    write_bytes(path, save({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, metadata))


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint of ``restore train``, and not of another program.

    Raises:
        ModelError: it is missing, or a safetensors file that cannot be read.
    """
    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(str(path), framework="pt") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such checkpoint") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a readable checkpoint: {error}") from error


# Files in the folder of a run.
LAST, BEST = "last.safetensors", "best.safetensors"


class Checkpoint:
    """A checkpoint file that has been read.

    Attributes:
        step: completed steps.
        recipe_yaml: the recipe of the run.
        facts: numbers saved with it.
        hours: training time, excluding any run it started from.

    Raises:
        ModelError: the file is missing, damaged, or not a checkpoint of ``restore train``.
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
            raise ModelError(f"{path}: cannot read this checkpoint: {error}") from error
        if metadata.get("format") != FORMAT:
            raise ModelError(f"{path}: this safetensors file is not a training checkpoint")
        try:
            self.step = int(metadata["step"])
            self.recipe_yaml = metadata["recipe"]
            self.facts: JsonObject = dict(parse_json(metadata["facts"]))
            self.hours = round(float(self.facts["seconds"]) / 3600, 2)
            self._start_share = float(self.facts.get("start_share", 0))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"{path}: the metadata of this checkpoint is damaged: {error!r}") from error

    def describe(self) -> str:
        """Text that identifies this checkpoint, recorded by runs that start from it."""
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        before = f", begun with {printable(str(begun))}" if (begun := self.facts.get("begun_from")) else ""
        return f"a run of {self.step} steps and {self.hours:.2f} hours (checkpoint's SHA-256 {digest}){before}"

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors of a module or an optimizer."""
        prefix = f"{name}."
        return {k[len(prefix) :]: v for k, v in self._tensors.items() if k.startswith(prefix)}

    def result(self) -> dict[str, Tensor]:
        """The weights to export, and to start other runs from.

        Raises:
            ModelError: the file is damaged.
        """
        try:
            return mixed(self.part("average"), self.part("start"), self._start_share)
        except (KeyError, RuntimeError) as error:
            raise ModelError(f"{self.path}: the weights that its run started from are damaged: {error}") from error

    def load(self, modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Restore the modules and optimizers of a run, by the names they were saved under."""
        for name, module in modules.items():
            fit(module, self.part(name), self.path, name)
        for name, optimizer in optimizers.items():
            self._load_optimizer(self.part(name), optimizer)

    def _load_optimizer(self, saved: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in saved.items():
            index, name = key.split(".", 1)
            if int(index) >= len(parameters):
                raise ModelError(
                    f"{self.path}: has more trained parameters than the recipe; resume with the losses that the run "
                    "started with, or start a new run from it with --start"
                )
            parameter = parameters[int(index)]
            if value.shape == parameter.shape:
                # The file stores contiguous tensors, but a fused optimizer pairs moments with weights by their position
                # in memory, which differs for channels_last weights.
                value = torch.empty_like(parameter).copy_(value)
            state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def fit(module: nn.Module, tensors: Mapping[str, Tensor], file: Path, name: str = "network") -> None:
    """Load the tensors of a file into a module; ``name`` is for the error message.

    Raises:
        ModelError: the tensors do not fit the module.
    """
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(
            f"{file}: {name} does not fit; it is from another network or other losses: "
            f"{_misfit(module.state_dict(), tensors) or error}"
        ) from error


def _misfit(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """In what the tensors of a file differ from those of a module."""
    missing, more = [key for key in wanted if key not in given], [key for key in given if key not in wanted]
    shapes = [
        f"{key} ({' x '.join(map(str, given[key].shape))} instead of {' x '.join(map(str, tensor.shape))})"
        for key, tensor in wanted.items()
        if key in given and given[key].shape != tensor.shape
    ]
    parts = (("lacks", missing), ("also has", more), ("has in another shape", shapes))
    return "; ".join(f"it {verb} {_counted(names)}" for verb, names in parts if names)


def _counted(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
