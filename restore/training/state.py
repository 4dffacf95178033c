"""A run: its moving parts, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from restore.errors import RecipeError
from restore.losses.base import LossOptions, LossTerm, TrainingContext
from restore.plugins import NO_CODE, Trust
from restore.runtime.cpu import BF16_FEATURES, cpu_features
from restore.training.checkpoint import Checkpoint, save_checkpoint
from restore.training.discriminator_trainer import Critic
from restore.training.distributed import Team
from restore.training.optim import build_optimizer, warm_average
from restore.training.prompt_trainer import Guidance
from restore.training.recipe import Recipe
from restore.training.recipe_file import dump_recipe, parse_recipe
from restore.training.validation_metric import Measure, ValidationMetric, find_metric

LAST, BEST = "last.safetensors", "best.safetensors"


@dataclass
class Run:
    """The moving parts of a run and how far it is.

    Attributes:
        call: what runs the network: itself, or what was compiled of it.
        begun_from: whose weights it began with (see Checkpoint.said); empty for its own.
        step: steps done.
        best: the best value of validation so far, the highest or the lowest.
        stale: validations since then.
        anew: whether validation settings changed, so that the previous best score no longer applies.
        seconds: spent in the loop.
    """

    recipe: Recipe
    folder: Path
    device: torch.device
    team: Team
    network: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    terms: list[tuple[LossOptions, LossTerm]]
    critic: Critic | None = None
    guidance: Guidance | None = None
    call: Callable[[Tensor], Any] = field(init=False)
    begun_from: str = ""
    step: int = 0
    best: float = field(init=False)
    stale: int = 0
    anew: bool = False
    seconds: float = 0.0
    stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.call = self.network
        self.best = self.metric.worst

    def save(self, name: str) -> None:
        """Write a checkpoint into the run's folder, if it is this process's to write."""
        if not self.team.leads:
            return
        save_checkpoint(
            self.folder / name,
            step=self.step,
            recipe_yaml=dump_recipe(self.recipe),
            modules=self.modules,
            optimizers=self.optimizers,
            facts={"best": self.best, "stale": self.stale, "seconds": self.seconds, "begun_from": self.begun_from},
        )

    def autocast(self) -> torch.autocast:
        """The precision of forward passes, as a context."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    @cached_property
    def precision(self) -> Literal["bf16", "fp32"]:
        """What the networks compute in: the recipe's choice, but fp32 on a processor that has to emulate bf16."""
        emulated = self.device.type == "cpu" and not cpu_features() & BF16_FEATURES
        return "fp32" if emulated else self.recipe.train.precision

    @property
    def metric(self) -> ValidationMetric:
        """What the run is validated by."""
        return find_metric(self.recipe.validation.metric)

    @cached_property
    def measure(self) -> Measure:
        """Computes it; raises RestoreError if its packages or weights are missing."""
        return self.metric.build(self.recipe.scale, self.recipe.validation.weights)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do: the last step is done, or patience has run out."""
        patience = self.recipe.validation.patience
        return self.step >= self.recipe.train.steps or (patience is not None and self.stale >= patience)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All that a checkpoint must hold, by name."""
        learned = {f"loss{i}": term.learned for i, (_, term) in enumerate(self.terms) if term.learned is not None}
        others: dict[str, nn.Module] = {"discriminator": self.critic.network} if self.critic else {}
        if self.guidance:
            others.update(prompts=self.guidance.judge.prompts, earlier=self.guidance.earlier)
        return {"network": self.network, "average": self.average.module, **others, **learned}

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The same of optimisers."""
        others = {"discriminator-optimizer": self.critic.optimizer} if self.critic else {}
        if self.guidance:
            others["prompts-optimizer"] = self.guidance.optimizer
        return {"optimizer": self.optimizer, **others}

    @property
    def trained(self) -> list[nn.Parameter]:
        """What the optimiser of the network changes: it, and what losses learn along with it."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]


def new_run(
    recipe: Recipe, folder: Path, device: torch.device, team: Team | None = None, begin_with: Path | None = None
) -> Run:
    """A run at step 0.

    Args:
        recipe: of the run.
        folder: of the run; it need not be there yet.
        device: to train on.
        team: this process's; alone by default.
        begin_with: a checkpoint whose averaged weights the network begins with; drawn from the recipe's seed without.

    Raises:
        RestoreError: weights of an encoder are missing, the checkpoint is of another network, or parts of the recipe do
            not go together.
    """
    team = team or Team()
    team.check_shares(recipe.train.batch, recipe.train.accumulate)
    try:
        run = _build(recipe, folder, device, team)
    except ValueError as error:
        raise RecipeError(f"{recipe.name}: {error}") from error
    if begin_with is not None:
        _load_weights(run, begin_with)
    run.team.align(run.modules.values())
    return run


def _build(recipe: Recipe, folder: Path, device: torch.device, team: Team) -> Run:
    """Its parts, freshly made."""
    torch.manual_seed(recipe.train.seed)
    network = recipe.network.build(recipe.scale).to(device).to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=warm_average(recipe.train.ema))
    average.n_averaged = average.n_averaged.cpu()  # read at each step: on a GPU that would wait
    critic = Critic.build(recipe.discriminator, device) if recipe.discriminator else None
    guidance = Guidance.build(recipe.guidance, network, device) if recipe.guidance else None
    context = TrainingContext(network, critic.opponent if critic else None, guidance.judge if guidance else None)
    terms = [(loss, loss.build(context).to(device)) for loss in recipe.losses]
    learned = [parameter for _, term in terms if term.learned is not None for parameter in term.learned.parameters()]
    optimizer = build_optimizer(recipe.train.optimizer, network.parameters(), learned)
    return Run(recipe, folder, device, team, network, average, optimizer, terms, critic, guidance)


def _load_weights(run: Run, path: Path) -> None:
    checkpoint = Checkpoint(path)
    weights = checkpoint.part("average")
    checkpoint.fill(run.network, weights)
    checkpoint.fill(run.average.module, weights)
    run.begun_from = checkpoint.said()


def resume_run(
    recipe: Recipe, folder: Path, device: torch.device, team: Team | None = None, trust: Trust = NO_CODE
) -> Run:
    """A run at its last checkpoint, whose own recipe may name only code that is trusted."""
    run = new_run(recipe, folder, device, team)
    checkpoint = Checkpoint(folder / LAST)
    if recipe.train.steps < checkpoint.step:
        raise RecipeError(f"train.steps = {recipe.train.steps}: {checkpoint.step} steps are done in {folder} already")
    checkpoint.load(run.modules, run.optimizers)
    guidance = run.guidance
    run.average.n_averaged.fill_(guidance.network_steps(checkpoint.step) if guidance else checkpoint.step)
    run.step = checkpoint.step
    before = parse_recipe(checkpoint.recipe_yaml, str(checkpoint.path), trust=trust)
    if _measured_by(before) == _measured_by(recipe):
        run.best = checkpoint.facts["best"]
        run.stale = checkpoint.facts.get("stale", 0)
    else:
        run.anew = checkpoint.facts["best"] != find_metric(before.validation.metric).worst
    run.seconds = checkpoint.facts["seconds"]
    run.begun_from = checkpoint.facts.get("begun_from", "")
    return run


def _measured_by(recipe: Recipe) -> tuple[Any, ...]:
    """What values of validation depend on, but for the network: of others the best is no best."""
    data = recipe.data.model_dump(exclude={"cache_gb", "patch", "candidates"})
    return recipe.validation.model_dump(exclude={"every", "patience"}), data, recipe.train.seed
