"""A teacher: a trained network that stays as it is, and whose results losses can take for the photograph."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from restore.errors import ModelError, RecipeError
from restore.networks.base import deployed
from restore.networks.fine_tuned import SpandrelOptions
from restore.networks.rectified_flow import RectifiedFlow
from restore.networks.third_party_checkpoint import SUFFIXES
from restore.training.checkpoint import is_checkpoint
from restore.training.flow import WithNoise
from restore.training.recipe import Recipe
from restore.training.teacher_cache import TeacherCache
from restore.training.trained_network import load_trained

# Makes the context manager that sets the precision of forward passes.
Precision = Callable[[], AbstractContextManager[object]]
STARTED = "start"


@dataclass
class FrozenTeacher:
    """A network that gets no gradient.

    Attributes:
        name: what it is, for people.
        sha256: of its file; "start" for the network that the run starts from.
        compute: inputs (N, 3, h, w) on 0..1 to results (N, 3, scale * h, scale * w), which may exceed 0..1.
        cache: keeps its results by the number of the sample; None computes them each time.
    """

    name: str
    sha256: str
    compute: Callable[[Tensor], Tensor]
    cache: TeacherCache | None = None

    def __call__(self, low: Tensor, numbers: Sequence[int]) -> Tensor:
        """Its results for a batch, rounded to 8 bits per channel whether they are cached or not.

        Args:
            low: inputs (N, 3, h, w) on 0..1.
            numbers: of these samples; only the cache uses them.

        Raises:
            ModelError: the teacher fails on these inputs.
            RecipeError: the cache cannot be written.
        """
        if self.cache is None:
            return eight_bits(self.compute(low)).to(low.dtype).div(255)
        inputs = eight_bits(low).cpu().numpy()
        found = self.cache.read(numbers, inputs)
        if found is None:
            results = eight_bits(self.compute(low))
            self.cache.write(numbers, inputs, results.cpu().numpy())
        else:
            results = torch.from_numpy(found).to(low.device)
        return results.to(low.dtype).div(255).contiguous(memory_format=torch.channels_last)


def eight_bits(results: Tensor) -> Tensor:
    """Pictures on 0..1, clipped, as uint8."""
    return results.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)


def load_teacher(
    recipe: Recipe, device: torch.device, autocast: Precision, start: nn.Module | None = None
) -> FrozenTeacher:
    """The recipe's teacher; see :func:`load_fixed`.

    Args:
        recipe: with a teacher.
        device: to compute on.
        autocast: of a network's forward passes.
        start: the network that the run starts from; it may get its weights later.
    """
    assert recipe.teacher is not None
    if recipe.teacher.file is not None:
        return load_fixed(recipe.teacher.file, "teacher.file", recipe, device, autocast)
    assert start is not None
    return FrozenTeacher("the network that the run starts from", STARTED, _frozen(start, device, autocast))


def load_fixed(file: Path, key: str, recipe: Recipe, device: torch.device, autocast: Precision) -> FrozenTeacher:
    """A trained network that stays as it is.

    Args:
        file: a run's folder or checkpoint, a published checkpoint, or a model.
        key: of the recipe that names it, for messages.
        recipe: which says how much it must enlarge, and the side of its inputs.
        device: to compute on; ONNX files run in onnxruntime on the CPU.
        autocast: of a network's forward passes.

    Raises:
        ModelError: the file is missing or damaged, or its network is unknown.
        RecipeError: it enlarges by another factor, or does not accept patches of this size.
    """
    if file.is_dir():
        file = file / "last.safetensors"
    if not file.is_file():
        raise ModelError(f"{key}: {file}: no such file; give a run's folder, a checkpoint or a model (.onnx)")
    if file.suffix == ".onnx":
        name, scale, compute = _model(file)
    elif is_checkpoint(file):
        name, scale, compute = _run(file, key, recipe, device, autocast)
    elif file.suffix.lower() in SUFFIXES:
        name, scale, compute = _published(file, key, recipe, device, autocast)
    else:
        raise ModelError(f"{key}: {file}: not a checkpoint ({', '.join(SUFFIXES)}) and not a model (.onnx)")
    if scale != recipe.scale:
        raise RecipeError(f"{key}: {file} enlarges by {scale}, and this recipe's network by {recipe.scale}")
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return FrozenTeacher(f"{name} (SHA-256 {sha256[:16]}...)", sha256, compute)


_Loaded = tuple[str, int, Callable[[Tensor], Tensor]]


def _model(file: Path) -> _Loaded:
    from restore.runtime.model import open_model
    from restore.runtime.stream import enhance_pixels

    model = open_model(file, "cpu")

    def compute(low: Tensor) -> Tensor:
        pictures = eight_bits(low).permute(0, 2, 3, 1).cpu().numpy()
        results = np.stack([enhance_pixels(np.ascontiguousarray(picture), model, model.spec) for picture in pictures])
        return torch.from_numpy(results).permute(0, 3, 1, 2).to(low.device).float().div(255)

    return f"{model.spec.name}, {model.spec.network or 'an ONNX file'}", model.spec.scale, compute


def _run(file: Path, key: str, recipe: Recipe, device: torch.device, autocast: Precision) -> _Loaded:
    theirs, network, checkpoint = load_trained(file)
    needs = theirs.needs()
    _check_side(file, key, recipe, needs.multiple, needs.minimum)
    whole = WithNoise(network) if isinstance(network, RectifiedFlow) else network
    return f"{theirs.name}, {checkpoint.describe()}", theirs.scale, _frozen(whole, device, autocast)


def _published(file: Path, key: str, recipe: Recipe, device: torch.device, autocast: Precision) -> _Loaded:
    try:
        options = SpandrelOptions(checkpoint=file)
        network = options.build(recipe.scale)
    except (ValidationError, ValueError) as error:
        raise ModelError(f"{key}: {file}: {error}") from error
    _check_side(file, key, recipe, options.multiple(recipe.scale), options.minimum())
    return f"{file.stem}, {options.architecture}", recipe.scale, _frozen(deployed(network), device, autocast)


def _frozen(network: nn.Module, device: torch.device, autocast: Precision) -> Callable[[Tensor], Tensor]:
    network = network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)

    def compute(low: Tensor) -> Tensor:
        with torch.no_grad(), autocast():
            results: Tensor = network(low)
        return results

    return compute


def _check_side(file: Path, key: str, recipe: Recipe, multiple: int, minimum: int) -> None:
    side = recipe.data.patch
    if side % multiple or side < minimum:
        raise RecipeError(
            f"{key}: {file} takes sides of at least {minimum} that are multiples of {multiple}, "
            f"and data.patch is {side}"
        )
