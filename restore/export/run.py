"""From a run's folder or a checkpoint to a verified model file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from restore import __version__
from restore.atomic import write_bytes
from restore.data.filters.options import NO_FILTER
from restore.errors import ExportError
from restore.export.to_onnx import to_onnx
from restore.export.verify import Check, verify
from restore.networks.registry import deployed
from restore.runtime.model import file_spec
from restore.spec import ModelSpec
from restore.training.checkpoint import Checkpoint
from restore.training.recipe import Recipe
from restore.training.recipe_file import parse_recipe
from restore.zoo.precision import family


@dataclass(frozen=True)
class Exported:
    """What was written and how it was checked; ``outdated`` are twins beside it that are of another training."""

    path: Path
    spec: ModelSpec
    checks: list[Check]
    outdated: list[Path]


def load_trained(source: Path, which: str = "last") -> tuple[Recipe, nn.Module, Checkpoint]:
    """The averaged weights of a run, as the network that should run.

    Args:
        source: a run's folder, or a checkpoint file.
        which: ``last`` or ``best`` checkpoint of a folder.
    """
    checkpoint = Checkpoint(source / f"{which}.safetensors" if source.is_dir() else source)
    recipe = parse_recipe(checkpoint.recipe_yaml, str(checkpoint.path))
    network = recipe.network.build(recipe.scale)
    network.load_state_dict(checkpoint.part("average"))
    return recipe, deployed(network).eval(), checkpoint


def make_spec(recipe: Recipe, network: nn.Module, checkpoint: Checkpoint) -> ModelSpec:
    """What the model file will say of itself."""
    return ModelSpec(
        name=recipe.name,
        task=recipe.task,
        scale=recipe.scale,
        halo=recipe.network.halo(recipe.scale),
        exact_tiles=recipe.network.exact_tiles(),
        multiple=recipe.network.multiple(recipe.scale),
        minimum=recipe.network.minimum(),
        context=recipe.network.context(),
        strength=recipe.network.takes_strength(),
        kinds=_kinds(recipe),
        network=recipe.network.kind,
        parameters=sum(p.numel() for p in network.parameters()),
        licence=recipe.licence,
        data=recipe.data_note,
        steps=checkpoint.step,
        hours=round(checkpoint.facts["seconds"] / 3600, 2),
        recipe=recipe.digest(),
        made_with=f"restore {__version__}",
    )


def _kinds(recipe: Recipe) -> tuple[str, ...]:
    """What a network that learned to tell filters apart says by name; the last is none."""
    filters = recipe.data.filters
    learned = any(loss.kind == "filter-class" for loss in recipe.losses)
    return (*filters.names, NO_FILTER) if learned and filters is not None else ()


def export(source: Path, target: Path, which: str = "last", overwrite: bool = False) -> Exported:
    """Export a trained network.

    Args:
        source: a run's folder, or a checkpoint file.
        target: an ``.onnx`` file, or a folder for one named after the recipe.
        which: ``last`` or ``best`` checkpoint of a run's folder.
        overwrite: replace a file that is there.

    Raises:
        ExportError: the file would not reproduce the network, or exists; nothing is written.
        ModelError: the checkpoint is missing or damaged.
    """
    recipe, network, checkpoint = load_trained(source, which)
    path = target if target.suffix == ".onnx" else target / f"{recipe.name}.onnx"
    if path.exists() and not overwrite:
        raise ExportError(f"{path} exists already: add --overwrite to replace it")
    spec = make_spec(recipe, network, checkpoint)
    data = to_onnx(network, spec).SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "trial.onnx")
        trial.write_bytes(data)
        checks = verify(trial, network)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data, overwrite=overwrite)
    twins = [twin for kind, twin in family(path).items() if kind != "fp32"]
    return Exported(path, spec, checks, [t for t in twins if file_spec(t).trained_as != spec.trained_as])
