"""The state of a run: networks, optimizers, and progress."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from restore.errors import RecipeError
from restore.losses.base import LossOptions, LossTerm, TrainingContext
from restore.losses.contrastive.beside_blur import beside_blur
from restore.losses.enlarge import enlarged
from restore.networks.base import deployed
from restore.plugins import NO_CODE, Trust
from restore.training.checkpoint import LAST, Checkpoint, save_checkpoint
from restore.training.discriminator_trainer import DiscriminatorTrainer
from restore.training.distributed import Team
from restore.training.flow import FlowTrainer, WithNoise
from restore.training.gradient_checkpointing import checkpoint_blocks
from restore.training.optim import warm_average
from restore.training.optimizers import build_optimizer
from restore.training.partial import AtStrength, freeze_all_but
from restore.training.precision import Precision, autocast_of, precision_of
from restore.training.prompt_trainer import PromptTrainer
from restore.training.recipe import Recipe
from restore.training.recipe_file import dump_recipe, parse_recipe
from restore.training.start_share import mixed
from restore.training.start_weights import load_start
from restore.training.teacher import STARTED, FrozenTeacher, load_fixed, load_teacher
from restore.training.validation_metric import Measure, ValidationMetric, find_metric
from restore.utils.json_types import JsonObject


@dataclass
class Run:
    """Networks, optimizers and progress of a run.

    Attributes:
        call: runs the network; the network itself, or its compiled version.
        teacher: the recipe's teacher, if it has one.
        fixed: other trained networks that losses use, by their file as the recipe names it.
        flow: the recipe's rectified flow, if it has one.
        start: the network at the start, if the recipe keeps a share of it; otherwise None.
        started_from: the checkpoint that the run started from (see :meth:`Checkpoint.describe` and
            :meth:`NetworkOptions.begun_from`); empty if none.
        step: completed steps.
        best: the best validation score so far, the highest or the lowest.
        stale: validations since then.
        best_reset: whether what is validated on or how changed, so that the previous best score no longer applies.
        seconds: time spent in the loop.
        data: fingerprint of the photographs; None before they are opened.
        data_before: that of the checkpoint that the run was resumed from.
    """

    recipe: Recipe
    folder: Path
    device: torch.device
    team: Team
    network: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    terms: list[tuple[LossOptions, LossTerm]]
    discriminator: DiscriminatorTrainer | None = None
    guidance: PromptTrainer | None = None
    flow: FlowTrainer | None = None
    start: nn.Module | None = None
    teacher: FrozenTeacher | None = None
    fixed: dict[str, FrozenTeacher] = field(default_factory=dict)
    call: Callable[..., Tensor] = field(init=False)
    started_from: str = ""
    step: int = 0
    best: float = field(init=False)
    stale: int = 0
    best_reset: bool = False
    seconds: float = 0.0
    data: JsonObject | None = None
    data_before: JsonObject | None = None
    stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.call = self.network
        self.best = self.metric.worst

    def save(self, name: str) -> None:
        """Write a checkpoint to the run's folder; only the main process does."""
        if not self.team.is_main:
            return
        save_checkpoint(
            self.folder / name,
            step=self.step,
            recipe_yaml=dump_recipe(self.recipe),
            modules=self.modules,
            optimizers=self.optimizers,
            facts={
                "best": self.best,
                "stale": self.stale,
                "seconds": self.seconds,
                "begun_from": self.started_from,
                "data": self.data,
                "start_share": self.recipe.train.start_share,
                **({"teacher": self.teacher_name, "teacher_sha256": self.teacher.sha256} if self.teacher else {}),
                **({"fixed": {name: one.sha256 for name, one in self.fixed.items()}} if self.fixed else {}),
                **({"scaler": self.scaler.state_dict()} if self.scaler else {}),
            },
        )

    def note_data(self, data: JsonObject) -> None:
        """Take the fingerprint of the photographs; other pictures to validate on end the count of the best score."""
        self.data = data
        if self.data_before is not None and self.data_before.get("validation") != data["validation"]:
            self.best_reset |= self.best != self.metric.worst
            self.best, self.stale = self.metric.worst, 0

    def sample_numbers(self, step: int) -> list[int]:
        """This process's samples of a step; with a finite number of samples, they come round again."""
        size, teacher = self.recipe.train.batch, self.recipe.teacher
        numbers = self.team.share(range(step * size, (step + 1) * size))
        again = teacher.samples if teacher is not None else None
        return list(numbers) if again is None else [number % again for number in numbers]

    @property
    def teacher_name(self) -> str:
        """What the teacher is, for people; empty without one."""
        if self.teacher is None:
            return ""
        return self.started_from if self.teacher.sha256 == STARTED else self.teacher.name

    def taught(self, low: Tensor, high: Tensor) -> Tensor:
        """What the teacher makes of the inputs of the current step, or the photographs where the recipe says so.

        Args:
            low: inputs (N, 3, h, w) on 0..1.
            high: photographs (N, 3, scale * h, scale * w) on 0..1.

        Returns:
            Of the shape and range of ``high``.
        """
        assert self.teacher is not None
        taught, options = self.teacher(low, self.sample_numbers(self.step)), self.recipe.teacher
        if options is None or options.unless_blurred is None:
            return taught
        blurred = beside_blur(enlarged(low, *high.shape[-2:]), high) <= options.unless_blurred
        return torch.where(blurred[:, None, None, None], high, taught)

    def autocast(self) -> torch.autocast:
        """A context manager that sets the precision of forward passes."""
        return autocast_of(self.precision, self.device)

    @cached_property
    def precision(self) -> Precision:
        """Precision of the networks: as in the recipe, but fp32 on a processor that would have to emulate it."""
        return precision_of(self.recipe, self.device)

    @cached_property
    def scaler(self) -> torch.amp.GradScaler | None:
        """Scales the network's loss in fp16, whose smallest gradients would otherwise become 0; None otherwise."""
        return torch.amp.GradScaler(self.device.type) if self.precision == "fp16" else None

    @property
    def metric(self) -> ValidationMetric:
        """The validation metric."""
        return find_metric(self.recipe.validation.metric)

    @cached_property
    def measure(self) -> Measure:
        """Function that computes the metric; raises RestoreError if its packages or weights are missing."""
        return self.metric.build(self.recipe.scale, self.recipe.validation.weights)

    @property
    def finished(self) -> bool:
        """Whether the last step is done or patience has run out."""
        patience = self.recipe.validation.patience
        return self.step >= self.recipe.train.steps or (patience is not None and self.stale >= patience)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Everything with weights or buffers that a checkpoint must hold, by name."""
        learned = {f"loss{i}": term.learned for i, (_, term) in enumerate(self.terms) if term.learned is not None}
        others: dict[str, nn.Module] = {"discriminator": self.discriminator.network} if self.discriminator else {}
        if self.guidance:
            others.update(prompts=self.guidance.judge.prompts, earlier=self.guidance.earlier)
        if self.flow is not None:
            others["mean"] = self.flow.mean
        if self.start is not None:
            others["start"] = self.start
        return {"network": self.network, "average": self.average.module, **others, **learned}

    def result(self) -> nn.Module:
        """The network to export: with the averaged weights, mixed with those at the start if the recipe says so."""
        if self.start is None:
            trained: nn.Module = self.average.module
            return trained
        made = copy.deepcopy(self.average.module)
        share = self.recipe.train.start_share
        made.load_state_dict(mixed(made.state_dict(), self.start.state_dict(), share))
        return made

    def validated(self) -> nn.Module:
        """The network to validate, folded, in evaluation mode, and at the strength that it is trained at."""
        network = deployed(self.result()).eval()
        if self.flow is not None:
            return WithNoise(self.flow.sampler(network))
        strength = self.recipe.train.strength
        return network if strength is None else AtStrength(network, strength)

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimizers that a checkpoint must hold, by name."""
        others = {"discriminator-optimizer": self.discriminator.optimizer} if self.discriminator else {}
        if self.guidance:
            others["prompts-optimizer"] = self.guidance.optimizer
        return {"optimizer": self.optimizer, **others}

    @property
    def trained(self) -> list[nn.Parameter]:
        """Parameters that the network's optimizer updates, including those of losses that learn."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]


def new_run(
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    team: Team | None = None,
    start_from: Path | None = None,
    weights: Mapping[str, Tensor] | None = None,
) -> Run:
    """A run at step 0.

    Args:
        recipe: recipe of the run.
        folder: folder of the run; it need not exist yet.
        device: device to train on.
        team: processes of the run; only this process by default.
        start_from: run or checkpoint whose averaged weights to start from, or a model by name or file; without it, they
            are those that the network begins with: drawn from the recipe's seed, or published.
        weights: of the network that is resumed, which the caller fills in; the network is built to fit them.

    Raises:
        RestoreError: weights of an encoder are missing, the checkpoint is of another network, or parts of the recipe
            contradict each other.
    """
    team = team or Team()
    team.check_shares(recipe.train.batch, recipe.train.accumulate)
    try:
        run = _build(recipe, folder, device, team, weights)
    except ValueError as error:
        raise RecipeError(f"{recipe.name}: {error}") from error
    if run.flow is not None and weights is None:
        run.started_from = run.flow.begin()
    if start_from is not None:
        modules = [run.average.module, *([run.start] if run.start is not None else [])]
        begun = load_start(start_from, run.network, modules)
        run.started_from = begun if run.flow is None else f"{run.started_from}; velocity: {begun}"
    if run.start is not None and weights is None and not run.started_from:
        raise RecipeError(
            f"{_needs_start(recipe)} the weights that the run starts from, but it starts from none: add --start RUN"
        )
    if weights is None:
        for _, term in run.terms:
            term.begin()
    run.team.sync(run.modules.values())
    return run


def _build(recipe: Recipe, folder: Path, device: torch.device, team: Team, weights: Mapping[str, Tensor] | None) -> Run:
    """A run with new weights."""
    torch.manual_seed(recipe.train.seed)
    options = recipe.network
    network = options.build(recipe.scale) if weights is None else options.rebuild(recipe.scale, weights)
    network = network.to(device).to(memory_format=torch.channels_last)
    freeze_all_but(recipe.train.only, network)
    average = AveragedModel(network, multi_avg_fn=warm_average(recipe.train.ema))
    average.n_averaged = average.n_averaged.cpu()  # read at every step, which would synchronize with a GPU
    if recipe.train.checkpointing:
        checkpoint_blocks(network)
    discriminator = DiscriminatorTrainer.build(recipe.discriminator, device) if recipe.discriminator else None
    guidance = PromptTrainer.build(recipe.guidance, network, device) if recipe.guidance else None
    run_fixed: dict[str, FrozenTeacher] = {}

    precision = precision_of(recipe, device)

    def fixed(file: Path) -> Callable[[Tensor], Tensor]:
        key = "file of the sample 'checkpoint'"
        run_fixed[str(file)] = load_fixed(file, key, recipe, device, lambda: autocast_of(precision, device))
        return run_fixed[str(file)].compute

    context = TrainingContext(
        network,
        discriminator.opponent if discriminator else None,
        guidance.judge if guidance else None,
        copied=lambda: copy.deepcopy(average.module),
        fresh=lambda: options.build(recipe.scale).to(device),
        fixed=fixed,
    )
    terms = [(loss, loss.build(context).to(device)) for loss in recipe.losses]
    kept = [parameter for _, term in terms if term.learned is not None for parameter in term.learned.parameters()]
    learned = [parameter for parameter in kept if parameter.requires_grad]
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = build_optimizer(recipe.train.optimizer, trained, learned)
    run = Run(
        recipe, folder, device, team, network, average, optimizer, terms, discriminator, guidance, fixed=run_fixed
    )
    if recipe.flow is not None:
        run.flow = FlowTrainer.build(recipe.flow, recipe.scale, device)
    if recipe.train.start_share or (recipe.teacher is not None and recipe.teacher.start):
        run.start = copy.deepcopy(network).requires_grad_(False)
    if recipe.teacher is not None:
        run.teacher = load_teacher(recipe, device, run.autocast, run.start)
    run.started_from = options.begun_from()
    return run


def resume_run(
    recipe: Recipe, folder: Path, device: torch.device, team: Team | None = None, trust: Trust = NO_CODE
) -> Run:
    """A run restored from its last checkpoint, whose recipe may name only trusted code."""
    checkpoint = Checkpoint(folder / LAST)
    run = new_run(recipe, folder, device, team, weights=checkpoint.part("network"))
    if recipe.train.steps < checkpoint.step:
        raise RecipeError(f"train.steps = {recipe.train.steps}: {checkpoint.step} steps are already done in {folder}")
    if run.start is not None and not checkpoint.part("start"):
        raise RecipeError(
            f"{_needs_start(recipe)} the weights that {folder} started from, and they are not kept; begin a new run "
            "with --start"
        )
    checkpoint.load(run.modules, run.optimizers)
    guidance = run.guidance
    run.average.n_averaged.fill_(guidance.network_steps(checkpoint.step) if guidance else checkpoint.step)
    run.step = checkpoint.step
    before = parse_recipe(checkpoint.recipe_yaml, str(checkpoint.path), trust=trust)
    if _measured_by(before) == _measured_by(recipe):
        run.best = checkpoint.facts["best"]
        run.stale = checkpoint.facts.get("stale", 0)
    else:
        run.best_reset = checkpoint.facts["best"] != find_metric(before.validation.metric).worst
    run.seconds = checkpoint.facts["seconds"]
    run.started_from = checkpoint.facts.get("begun_from", "")
    if run.scaler is not None and (scaled := checkpoint.facts.get("scaler")):
        run.scaler.load_state_dict(scaled)
    run.data_before = checkpoint.facts.get("data")
    if run.teacher is not None and checkpoint.facts.get("teacher_sha256", run.teacher.sha256) != run.teacher.sha256:
        raise RecipeError(
            f"teacher: {(recipe.teacher and recipe.teacher.file) or run.teacher_name} is not the teacher that {folder} "
            f"began with, {checkpoint.facts['teacher']}; give it that one back"
        )
    for name, sha256 in checkpoint.facts.get("fixed", {}).items():
        if name in run.fixed and run.fixed[name].sha256 != sha256:
            raise RecipeError(
                f"{name} is not the network that {folder} began with (SHA-256 {sha256}); give it that one back"
            )
    return run


def _needs_start(recipe: Recipe) -> str:
    """What in the recipe needs the weights that the run starts from, and a verb."""
    share = recipe.train.start_share
    return f"train.start_share = {share:g} keeps a share of" if share else "teacher.start: true learns from"


def _measured_by(recipe: Recipe) -> tuple[object, ...]:
    """Everything but the trained network that validation scores depend on; scores compare only if this is the same."""
    data = recipe.data.model_dump(exclude={"cache_gb", "patch", "candidates"})
    validation = recipe.validation.model_dump(exclude={"every", "patience"})
    flow = recipe.flow and (recipe.flow.sigma, recipe.flow.steps)
    return validation, data, recipe.train.seed, recipe.train.start_share, flow
