"""The training loop: photographs in, checkpoints out, the same result however often it was interrupted."""

from __future__ import annotations

import hashlib
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from restore.data.dataset import PairDataset
from restore.data.degraded import DegradedPairs
from restore.data.folder import list_photos
from restore.data.patches import PatchPairs
from restore.errors import DataError, RecipeError, RestoreError
from restore.losses.registry import LossOptions, Term
from restore.networks.registry import deployed
from restore.training.average import warm_average
from restore.training.checkpoint import Checkpoint, save_checkpoint
from restore.training.critic import Critic
from restore.training.optimizer import build_optimizer
from restore.training.recipe import Recipe
from restore.training.recipe_file import dump_recipe
from restore.training.report import Reporter, Step
from restore.training.schedule import rate
from restore.training.validate import Sample, bicubic_psnr, load_samples, mean_psnr

LAST, BEST = "last.safetensors", "best.safetensors"


@dataclass
class Run:
    """The moving parts of a run and how far it is."""

    recipe: Recipe
    folder: Path
    device: torch.device
    network: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    terms: list[tuple[LossOptions, Term]]
    critic: Critic | None = None
    begun_from: str = ""
    step: int = 0
    best: float = float("-inf")
    seconds: float = 0.0
    stopping: bool = field(default=False, init=False)

    def save(self, name: str) -> None:
        """Write a checkpoint into the run's folder."""
        save_checkpoint(
            self.folder / name,
            step=self.step,
            recipe_yaml=dump_recipe(self.recipe),
            modules=self.modules,
            optimizers=self.optimizers,
            facts={"best": self.best, "seconds": self.seconds, "begun_from": self.begun_from},
        )

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All that a checkpoint must hold, by name."""
        learned = {f"loss{i}": term.learned for i, (_, term) in enumerate(self.terms) if term.learned is not None}
        critic = {"discriminator": self.critic.network} if self.critic else {}
        return {"network": self.network, "average": self.average.module, **critic, **learned}

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The same of optimisers."""
        critic = {"discriminator-optimizer": self.critic.optimizer} if self.critic else {}
        return {"optimizer": self.optimizer, **critic}


def new_run(recipe: Recipe, folder: Path, device: torch.device) -> Run:
    """A run at step 0, its weights drawn from the recipe's seed."""
    torch.manual_seed(recipe.train.seed)
    network = recipe.network.build(recipe.scale).to(device, memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=warm_average(recipe.train.ema))
    critic = Critic.build(recipe.discriminator, device) if recipe.discriminator else None
    opponent = critic.opponent if critic else None
    terms: list[tuple[LossOptions, Term]] = [(loss, loss.build(opponent).to(device)) for loss in recipe.losses]
    learned = [parameter for _, term in terms if term.learned is not None for parameter in term.learned.parameters()]
    optimizer = build_optimizer(recipe.train.optimizer, network.parameters(), learned)
    return Run(recipe, folder, device, network, average, optimizer, terms, critic)


def load_weights(run: Run, path: Path) -> None:
    """Let a run that has not begun start from the averaged weights of another.

    Args:
        run: from :func:`new_run`.
        path: a checkpoint.

    Raises:
        ModelError: it cannot be read, or is of another network.
    """
    checkpoint = Checkpoint(path)
    weights = checkpoint.part("average")
    checkpoint.fill(run.network, weights)
    checkpoint.fill(run.average.module, weights)
    run.begun_from = f"{path.name} of step {checkpoint.step}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"


def resume_run(recipe: Recipe, folder: Path, device: torch.device) -> Run:
    """A run at its last checkpoint."""
    run = new_run(recipe, folder, device)
    checkpoint = Checkpoint(folder / LAST)
    checkpoint.load(run.modules, run.optimizers)
    run.average.n_averaged.fill_(checkpoint.step)
    run.step = checkpoint.step
    run.best = checkpoint.facts["best"]
    run.seconds = checkpoint.facts["seconds"]
    run.begun_from = checkpoint.facts.get("begun_from", "")
    return run


def split_photos(recipe: Recipe, root: Path) -> tuple[list[Path], list[Path]]:
    """Training and validation photographs: the held-out ones are spread evenly over the sorted list.

    Raises:
        DataError: a folder is missing or empty, or nothing is left to train or validate on.
    """
    photos = list_photos([root / name for name in recipe.data.train])
    if recipe.validation.folder is not None:
        return photos, list_photos([root / recipe.validation.folder])
    count = recipe.data.holdout
    if count == 0:
        raise DataError("nothing to validate on: give validation.folder, or data.holdout above 0")
    if count >= len(photos):
        raise DataError(
            f"data.holdout = {count} would leave none of {len(photos)} photographs for training: "
            "give more photographs, a smaller data.holdout, or validation.folder"
        )
    held = {round((i + 0.5) * len(photos) / count) for i in range(count)}
    return [p for i, p in enumerate(photos) if i not in held], [photos[i] for i in sorted(held)]


def train(run: Run, data: Path, reporter: Reporter, workers: int = 0) -> bool:
    """Train until the recipe's last step.

    Args:
        run: from :func:`new_run` or :func:`resume_run`.
        data: the folder that the recipe's folder names are relative to.
        reporter: progress and logs.
        workers: processes that cut patches; 0 cuts them between the steps.

    Returns:
        Whether the run is complete; False after Ctrl-C or SIGTERM, with everything saved.
    """
    recipe = run.recipe
    training, validation = split_photos(recipe, data)
    samples = load_samples(validation, recipe.scale, recipe.validation.crop, recipe.data.degradation, recipe.train.seed)
    reporter.start(run.step, recipe.train.steps, len(training), len(samples), bicubic_psnr(samples, recipe.scale))
    batches = _batches(run, training, workers)
    with _stop_on_signal(run):
        began = time.monotonic() - run.seconds
        while run.step < recipe.train.steps and not run.stopping:
            try:
                low, high = next(batches)
            except RestoreError:  # a photograph that cannot be decoded: nothing of the run is lost over it
                run.save(LAST)
                raise
            told = _step(run, low, high)
            run.step += 1
            run.seconds = time.monotonic() - began
            reporter.step(run.step, told, run.optimizer.param_groups[0]["lr"], run.seconds)
            done = run.step == recipe.train.steps
            saving = done or run.step % recipe.train.save_every == 0
            if saving and not torch.isfinite(told.loss):
                raise RecipeError(
                    f"the loss is {float(told.loss)} at step {run.step}: the training has diverged. Lower "
                    f"train.optimizer.lr; {run.folder / LAST}, where there is one, is from before"
                )
            if done or run.step % recipe.validation.every == 0:
                _validate(run, samples, reporter)
            if saving:
                run.save(LAST)
        if run.stopping:
            run.save(LAST)
    reporter.finish(run.step, run.best)
    return not run.stopping


def _batches(run: Run, photos: list[Path], workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches from the run's step on; which samples a step sees depends on the step alone."""
    recipe = run.recipe
    pairs = _pairs(recipe, photos, int(recipe.data.cache_gb * 2**30 / max(1, workers)))
    size = recipe.train.batch
    numbers = (list(range(step * size, (step + 1) * size)) for step in range(run.step, recipe.train.steps))
    loader: DataLoader[Any] = DataLoader(
        pairs, batch_sampler=numbers, num_workers=workers, pin_memory=run.device.type == "cuda"
    )
    for low, high in loader:
        yield _to(low, run.device), _to(high, run.device)


def _pairs(recipe: Recipe, photos: list[Path], budget: int) -> PairDataset:
    data, seed = recipe.data, recipe.train.seed
    if data.degradation is not None:
        return DegradedPairs(photos, recipe.scale, data.patch, seed, data.degradation, budget)
    return PatchPairs(photos, recipe.scale, data.patch, seed, budget, data.candidates)


def _to(images: Tensor, device: torch.device) -> Tensor:
    images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
    return images.float().div_(255.0)


def _step(run: Run, low: Tensor, high: Tensor) -> Step:
    """One update of the discriminator, if there is one, and one of the network."""
    options = run.recipe.train
    fraction = rate(options.schedule, run.step, options.steps)
    for group in run.optimizer.param_groups:
        group["lr"] = options.optimizer.lr * fraction
    drawing = draws(options.seed, run.step)
    parts: dict[str, Tensor] = {}
    with torch.autocast(run.device.type, torch.bfloat16, enabled=options.precision == "bf16"):
        output = run.network(low).float()
        if run.critic is not None:
            parts["discriminator"] = run.critic.learn(output, high, run.step, fraction, drawing)
        terms = [(loss, term) for loss, term in run.terms if loss.counts_at(run.step)]
        loss = total_loss(terms, output, high, low, drawing, parts)
    run.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    limit = float("inf") if options.clip is None else options.clip
    norm = nn.utils.clip_grad_norm_(run.network.parameters(), limit)
    run.optimizer.step()
    run.average.update_parameters(run.network)
    return Step(loss.detach(), norm.detach(), parts)


def total_loss(
    terms: Sequence[tuple[LossOptions, Term]],
    output: Tensor,
    target: Tensor,
    input: Tensor,
    generator: torch.Generator,
    parts: dict[str, Tensor],
) -> Tensor:
    """The sum of losses by their weights.

    Args:
        terms: that count.
        output: as :meth:`restore.losses.registry.Term.forward` has it, and so the next three.
        target: what it should be.
        input: what it was made of.
        generator: of all draws.
        parts: gets each loss before its weight, by its kind; two of a kind are told apart by a number.
    """
    total = output.new_zeros(())
    for options, term in terms:
        value = term(output, target, input, generator)
        total = total + options.weight * value
        name, number = options.kind, 2
        while name in parts:
            name, number = f"{options.kind}-{number}", number + 1
        parts[name] = value.detach()
    return total


def draws(seed: int, step: int) -> torch.Generator:
    """What the losses of a step draw from: of the step alone, so that a resumed run draws the same."""
    (state,) = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def _validate(run: Run, samples: list[Sample], reporter: Reporter) -> None:
    network = deployed(run.average.module).eval()
    value, picture = mean_psnr(network, samples, run.recipe.scale, run.device)
    better = value > run.best
    run.best = max(value, run.best)
    reporter.validation(run.step, value, run.best, picture)
    if better:
        run.save(BEST)


@contextmanager
def _stop_on_signal(run: Run) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run after the step in hand; a second Ctrl-C ends it at once."""

    def stop(number: int, _: object) -> None:
        run.stopping = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
