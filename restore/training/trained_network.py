"""The network that a run has trained, ready to be exported or to teach another."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from restore.errors import ModelError
from restore.networks.base import deployed
from restore.plugins import NO_CODE, Trust
from restore.training.checkpoint import Checkpoint, fit
from restore.training.flow import FlowTrainer
from restore.training.recipe import Recipe
from restore.training.recipe_file import parse_recipe


def load_trained(
    source: Path, which: str = "last", trust: Trust = NO_CODE, flow_steps: int | None = None
) -> tuple[Recipe, nn.Module, Checkpoint]:
    """Load the averaged weights of a run into a network ready for deployment.

    Args:
        source: a run folder, or a checkpoint file.
        which: ``last`` or ``best`` checkpoint of a run folder.
        trust: which code its recipe may name.
        flow_steps: of a rectified flow; None for the recipe's.

    Returns:
        Its recipe, the network and the checkpoint. A rectified flow also takes a strength and noise: see
        :class:`restore.networks.rectified_flow.RectifiedFlow`.

    Raises:
        ModelError: it cannot be loaded, or has no flow whose steps could be chosen.
        PluginError: its recipe names code that is not trusted, or a plug-in fails on import.
    """
    checkpoint = Checkpoint(source / f"{which}.safetensors" if source.is_dir() else source)
    recipe = parse_recipe(checkpoint.recipe_yaml, str(checkpoint.path), trust=trust)
    weights = checkpoint.result()
    network = recipe.network.rebuild(recipe.scale, weights)
    fit(network, weights, checkpoint.path)
    network = deployed(network).eval()
    if recipe.flow is not None:
        flow = FlowTrainer.build(recipe.flow, recipe.scale, torch.device("cpu"))
        fit(flow.mean, checkpoint.part("mean"), checkpoint.path, "mean")
        network = flow.sampler(network, flow_steps)
    elif flow_steps is not None:
        raise ModelError(f"{checkpoint.path}: has no flow, so remove --flow-steps")
    return recipe, network, checkpoint
