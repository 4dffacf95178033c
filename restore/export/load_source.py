"""Where a model comes from: a run of ours, or a checkpoint that somebody published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import nn

from restore import __version__
from restore.errors import ModelError
from restore.export.infer_spec import UNKNOWN, published_spec
from restore.export.parity import TOLERANCE
from restore.export.third_party_checkpoint import load_published
from restore.networks.base import deployed
from restore.plugins import NO_CODE, Trust
from restore.spec import ModelSpec, check_given, fault_of
from restore.training.checkpoint import FORMAT, Checkpoint
from restore.training.recipe import Recipe
from restore.training.recipe_file import parse_recipe
from restore.utils.text import name_fault, name_of

# Others' networks are deeper, and work on larger numbers inside.
_PUBLISHED_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Source:
    """A network and what its file will say.

    Attributes:
        network: in evaluation mode, as it should run.
        spec: see there.
        tolerance: how far a file may be from it, as a share of the range.
    """

    network: nn.Module
    spec: ModelSpec
    tolerance: float = TOLERANCE


def load_source(
    source: Path,
    which: str = "last",
    name: str | None = None,
    given: Mapping[str, str] | None = None,
    shape: tuple[int, int, int] | None = None,
    trust: Trust = NO_CODE,
) -> Source:
    """Load a run's averaged weights, or a published checkpoint.

    Args:
        source: a run's folder, one of its checkpoints, or ``.pth`` or ``.safetensors`` of a network spandrel knows.
        which: ``last`` or ``best`` checkpoint of a folder.
        name: of the model; None for the recipe's, or one made of the file's.
        given: spec fields of a published checkpoint, as text.
        shape: the one that its file will take, for a published network that takes no other.
        trust: which code the recipe of a run may name.

    Raises:
        ModelError: it cannot be loaded, or what is given is wrong.
        PluginError: the recipe of the run names code that is not trusted, or a plug-in fails on import.
    """
    if name and (fault := name_fault(name)):
        raise ModelError(f"--name {fault}")
    if source.is_dir() or _is_ours(source):
        if given:
            raise ModelError(f"{source}: its recipe says what it is; --spec is for checkpoints of others")
        recipe, network, checkpoint = load_trained(source, which, trust)
        try:
            return Source(network, make_spec(recipe, network, checkpoint, name))
        except ValidationError as error:
            raise ModelError(f"{checkpoint.path}: what its recipe says cannot be written: {fault_of(error)}") from error
    known = check_given(str(source), given or {})
    found = load_published(source)
    spec = published_spec(found, name or name_of(source), given or {}, shape or known.shape)
    return Source(found.network, spec, _PUBLISHED_TOLERANCE)


def _is_ours(path: Path) -> bool:
    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(str(path), framework="pt") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such checkpoint") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a checkpoint that can be read: {error}") from error


def load_trained(source: Path, which: str = "last", trust: Trust = NO_CODE) -> tuple[Recipe, nn.Module, Checkpoint]:
    """The averaged weights of a run, as the network that should run.

    Args:
        source: a run's folder, or a checkpoint file.
        which: ``last`` or ``best`` checkpoint of a folder.
        trust: which code its recipe may name.

    Raises:
        ModelError: it cannot be loaded.
        PluginError: its recipe names code that is not trusted, or a plug-in fails on import.
    """
    checkpoint = Checkpoint(source / f"{which}.safetensors" if source.is_dir() else source)
    recipe = parse_recipe(checkpoint.recipe_yaml, str(checkpoint.path), trust=trust)
    network = recipe.network.build(recipe.scale)
    checkpoint.fill(network, checkpoint.part("average"))
    return recipe, deployed(network).eval(), checkpoint


def make_spec(recipe: Recipe, network: nn.Module, checkpoint: Checkpoint, name: str | None = None) -> ModelSpec:
    """What the model file will say of itself.

    Raises:
        ValidationError: the recipe has a name that cannot be a file's, or characters that are not shown.
    """
    return ModelSpec(
        name=name or recipe.name,
        task=recipe.task,
        scale=recipe.scale,
        halo=recipe.network.halo(recipe.scale),
        exact_tiles=recipe.network.exact_tiles(),
        multiple=recipe.network.multiple(recipe.scale),
        minimum=recipe.network.minimum(),
        context=recipe.network.context(),
        thumbnail=recipe.network.thumbnails(),
        strength=recipe.network.takes_strength(),
        kinds=next(filter(None, (loss.class_names(recipe) for loss in recipe.losses)), ()),
        network=recipe.network.kind,
        parameters=sum(p.numel() for p in network.parameters()),
        licence=_line(recipe.licence) or UNKNOWN,
        data=_line(recipe.data_note) or UNKNOWN,
        steps=checkpoint.step,
        hours=checkpoint.hours,
        start=checkpoint.facts.get("begun_from", ""),
        recipe=recipe.digest(),
        made_with=f"restore {__version__}",
    )


def _line(text: str) -> str:
    """Text of several lines, as YAML may have it, on one."""
    return " ".join(text.split())
