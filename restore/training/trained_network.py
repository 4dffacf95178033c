"""The network that a run has trained, ready to be exported or to teach another."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from restore.networks.base import deployed
from restore.plugins import NO_CODE, Trust
from restore.training.checkpoint import Checkpoint, fit
from restore.training.recipe import Recipe
from restore.training.recipe_file import parse_recipe


def load_trained(source: Path, which: str = "last", trust: Trust = NO_CODE) -> tuple[Recipe, nn.Module, Checkpoint]:
    """Load the averaged weights of a run into a network ready for deployment.

    Args:
        source: a run folder, or a checkpoint file.
        which: ``last`` or ``best`` checkpoint of a run folder.
        trust: which code its recipe may name.

    Raises:
        ModelError: it cannot be loaded.
        PluginError: its recipe names code that is not trusted, or a plug-in fails on import.
    """
    checkpoint = Checkpoint(source / f"{which}.safetensors" if source.is_dir() else source)
    recipe = parse_recipe(checkpoint.recipe_yaml, str(checkpoint.path), trust=trust)
    weights = checkpoint.result()
    network = recipe.network.rebuild(recipe.scale, weights)
    fit(network, weights, checkpoint.path)
    return recipe, deployed(network).eval(), checkpoint
