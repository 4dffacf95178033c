"""Load the network to export: from a training run, or from a third-party checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from torch import nn

from restore import __version__
from restore.errors import ModelError
from restore.export.channel_order import ForRgb
from restore.export.infer_spec import UNKNOWN, as_function, published_spec
from restore.export.narrate import Report
from restore.export.parity import TOLERANCE
from restore.networks.base import border_of
from restore.networks.fine_tuned import SpandrelOptions
from restore.networks.rectified_flow import RectifiedFlow
from restore.networks.third_party_checkpoint import Published, load_published
from restore.plugins import NO_CODE, Trust
from restore.recipes import shipped
from restore.spec import ModelSpec, check_given, fault_of
from restore.training.checkpoint import Checkpoint, is_checkpoint
from restore.training.recipe import Recipe
from restore.training.trained_network import load_trained
from restore.utils.text import name_fault, name_of
from restore.verify.channel_order import Colors, find_order
from restore.verify.sizes import Sizes

# Third-party networks are deeper, and have larger intermediate values.
_PUBLISHED_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ExportSource:
    """A network and the metadata for its file.

    Attributes:
        network: in evaluation mode, ready for deployment.
        spec: metadata for the file.
        tolerance: maximum difference of a file from the network, as a share of the range.
        note: what was assumed or changed; empty otherwise.
    """

    network: nn.Module
    spec: ModelSpec
    tolerance: float = TOLERANCE
    note: str = ""


def load_source(
    source: Path,
    which: str = "last",
    name: str | None = None,
    given: Mapping[str, str] | None = None,
    shape: tuple[int, int, int] | None = None,
    trust: Trust = NO_CODE,
    colors: Colors = "auto",
    report: Report = lambda _: None,
    flow_steps: int | None = None,
) -> ExportSource:
    """Load a run's averaged weights, or a third-party checkpoint.

    Args:
        source: a run folder, one of its checkpoints, or ``.pth`` or ``.safetensors`` of a network known to spandrel.
        which: ``last`` or ``best`` checkpoint of a run folder.
        name: of the model; None for the recipe's, or one derived from the file name.
        given: spec fields of a third-party checkpoint, as text.
        shape: fixed input shape, for a third-party network that accepts only one.
        trust: which code a run's recipe may name.
        colors: order of a third-party network's channels; one for BGR is made to take RGB.
        report: called with progress messages.
        flow_steps: of a run's rectified flow; None for its recipe's.

    Raises:
        ModelError: it cannot be loaded, or an argument is invalid.
        PluginError: the recipe of the run names code that is not trusted, or a plug-in fails on import.
    """
    if name and (fault := name_fault(name)):
        raise ModelError(f"--name {fault}")
    if source.is_dir() or is_checkpoint(source):
        if given:
            raise ModelError(f"{source}: its metadata comes from its recipe; --spec is for third-party checkpoints")
        recipe, network, checkpoint = load_trained(source, which, trust, flow_steps)
        try:
            spec = make_spec(recipe, network, checkpoint, name)
        except ValidationError as error:
            raise ModelError(
                f"{checkpoint.path}: its recipe cannot be written as metadata: {fault_of(error)}"
            ) from error
        if not isinstance(recipe.network, SpandrelOptions):
            return ExportSource(network, spec)
        return ExportSource(network, _measured(spec, network, recipe.network, shape, report), _PUBLISHED_TOLERANCE)
    if flow_steps is not None:
        raise ModelError(f"{source}: a third-party checkpoint has no flow, so remove --flow-steps")
    known = check_given(str(source), given or {})
    found = load_published(source)
    spec = published_spec(found, name or name_of(source), given or {}, shape or known.shape, report)
    size = spec.shape[1:] if spec.shape else None
    sizes = Sizes(spec.scale, spec.multiple, spec.minimum, batch=True)
    order = find_order(as_function(found.network), sizes, 0.0, 1.0, size, colors)
    network = found.network if order.plain else ForRgb(found.network, order)
    return ExportSource(network, spec, _PUBLISHED_TOLERANCE, order.note)


def own_name(spec: ModelSpec, place: Path) -> str:
    """The name of a model that is written to a place: that of the file or folder if its own is one of restore's models.

    A run of an included recipe has the recipe's name, and messages would not tell its model from the one that comes
    with restore.
    """
    return name_of(place) if spec.name in {recipe.name for recipe in shipped()} else spec.name


def make_spec(recipe: Recipe, network: nn.Module, checkpoint: Checkpoint, name: str | None = None) -> ModelSpec:
    """The metadata of a run's model file.

    Raises:
        ValidationError: the recipe's name is not a valid file name, or contains unprintable characters.
    """
    context = recipe.network.context()
    # A classifier of the features of the picture itself (IFRNet's) only trains them: the file has no output for it.
    kinds = next(filter(None, (loss.class_names(recipe) for loss in recipe.losses)), ()) if context else ()
    flow_steps = network.steps if isinstance(network, RectifiedFlow) else None
    needs = recipe.needs(flow_steps)
    return ModelSpec(
        name=name or recipe.name,
        task="restoration" if recipe.scale == 1 and recipe.task == "super-resolution" else recipe.task,
        scale=recipe.scale,
        halo=needs.halo,
        border=needs.border,
        exact_tiles=needs.exact_tiles,
        multiple=needs.multiple,
        minimum=needs.minimum,
        context=context,
        thumbnail=recipe.network.thumbnails(),
        strength=flow_steps is not None or recipe.network.takes_strength(),
        noise=flow_steps is not None,
        flow=flow_steps or 0,
        kinds=kinds,
        edit=recipe.network.edit_points(),
        network=recipe.network.kind if recipe.flow is None else f"{recipe.flow.network.kind}, {recipe.network.kind}",
        parameters=sum(p.numel() for p in network.parameters()),
        licence=_line(recipe.licence) or UNKNOWN,
        data=_line(recipe.data_note) or UNKNOWN,
        steps=checkpoint.step,
        hours=checkpoint.hours,
        start=checkpoint.facts.get("begun_from", ""),
        teacher=checkpoint.facts.get("teacher", ""),
        recipe=recipe.digest(),
        made_with=f"restore {__version__}",
    )


def _measured(
    spec: ModelSpec, network: nn.Module, options: SpandrelOptions, shape: tuple[int, int, int] | None, report: Report
) -> ModelSpec:
    """The metadata of a published network that was trained further: what it needs is measured, as at import."""
    network.requires_grad_(False)
    found = Published(network, options.architecture, spec.scale, spec.multiple, spec.minimum, spec.parameters)
    seen = published_spec(found, spec.name, {}, shape, report)
    needs = {key: getattr(seen, key) for key in ("halo", "exact_tiles", "multiple", "minimum", "shape", "network")}
    return spec.but(**needs, border=0 if seen.shape else border_of(seen.halo, seen.multiple))


def _line(text: str) -> str:
    """Join the lines of a text."""
    return " ".join(text.split())
