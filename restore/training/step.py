"""One training step: update the discriminator, if any, and then the network; or update the prompts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from restore.losses.base import LabeledTerm, LossOptions, LossTerm, ModelTerm, NetworkCall
from restore.networks.base import NetworkOptions, ReadsThumbnail
from restore.networks.thumbnail import whole
from restore.training.logging import Step
from restore.training.optim import rate, update_average
from restore.training.prompt_trainer import PromptTrainer
from restore.training.state import Run

# Name of the total loss among its parts.
_ALL = "loss"


def update(run: Run, low: Tensor, high: Tensor, labels: Tensor | None = None) -> Step:
    """Do a training step with this process's share of its samples.

    The samples are processed in ``train.accumulate`` pieces whose gradients add up, which saves memory and gives the
    same step.

    Args:
        run: the run, at the step to do.
        low: inputs (N, 3, h, w) on 0..1.
        high: targets (N, 3, scale * h, scale * w) on 0..1.
        labels: (N,), for losses that use what was done to ``low``.
    """
    options = run.recipe.train
    fraction = rate(options.schedule, run.step, options.steps)
    for group in run.optimizer.param_groups:
        group["lr"] = options.optimizer.lr * fraction
    generator = step_generator(options.seed, run.step, run.team.rank)
    times: Tensor | None = None
    if run.flow is not None:
        low, high, times = run.flow.depart(low, high, generator, run.autocast)
    pieces = list(zip(low.chunk(options.accumulate), high.chunk(options.accumulate), strict=True))
    if run.guidance is not None and run.guidance.turn(run.step)[0] != "network":
        return _guide(run, run.guidance, pieces, fraction)
    teaches = any(loss.uses_teacher and loss.counts_at(run.step) for loss, _ in run.terms)
    taught = run.taught(low, high) if teaches else None
    # For dropout and dropped paths inside a network, which draw from torch's own generator.
    torch.manual_seed(generator.initial_seed())
    terms = [(loss, term) for loss, term in run.terms if loss.counts_at(run.step)]
    sums: dict[str, Tensor] = {}
    run.optimizer.zero_grad(set_to_none=True)
    # With a single piece, both updates use the same output; the outputs of several would not fit into memory together.
    output = _forward(run, low, *_given(times)) if len(pieces) == 1 and options.stride == 1 else None
    if run.discriminator is not None:
        fakes = (_forward_no_grad(run, piece) for piece, _ in pieces) if output is None else [output]
        judged = zip(fakes, (piece for _, piece in pieces), strict=True)
        # Its gradients are not scaled, so in fp16 it computes in fp32.
        precision = run.autocast if run.scaler is None else nullcontext
        sums["discriminator"] = run.discriminator.learn(
            judged, run.step, fraction, generator, precision, run.team, len(pieces)
        )
    more = zip(*(_split(batch, len(pieces)) for batch in (taught, labels, times)), strict=True)
    for (low_piece, high_piece), (taught_piece, piece_labels, piece_times) in zip(pieces, more, strict=True):
        view, conditioning, shared = low_piece, _given(piece_times), dict[str, Tensor]()
        if options.stride > 1:
            low_piece, high_piece, conditioning = subsample(
                view, high_piece, run.recipe.network, options.stride, generator
            )
            if piece_labels is not None and run.recipe.network.codes():
                assert isinstance(run.network, ReadsThumbnail)
                assert conditioning[0] is not None
                with run.autocast():  # computed once, for the network and its losses
                    shared["codes"] = run.network.codes(conditioning[0])
                conditioning = (*conditioning, None, shared["codes"])
        made = _forward(run, low_piece, *conditioning) if output is None else output
        # Another network makes codes of its own.
        call = NetworkCall(_arguments(run, low_piece, *conditioning[:3]), taught_piece)
        parts: dict[str, Tensor] = {}
        with run.autocast():
            total = total_loss(terms, made, high_piece, low_piece, generator, parts, piece_labels, view, shared, call)
            loss = total / len(pieces)
        torch.autograd.backward(loss if run.scaler is None else run.scaler.scale(loss))
        for name, value in {_ALL: loss.detach(), **{k: v / len(pieces) for k, v in parts.items()}}.items():
            sums[name] = sums[name] + value if name in sums else value
    run.team.average_gradients(run.trained)
    if run.scaler is not None:
        run.scaler.unscale_(run.optimizer)
    limit = float("inf") if options.clip is None else options.clip
    norm = nn.utils.clip_grad_norm_(run.network.parameters(), limit)
    if run.scaler is None:
        run.optimizer.step()
    else:  # skips the step if a gradient overflowed, and then scales less
        run.scaler.step(run.optimizer)
        run.scaler.update()
    update_average(run.average, run.network, run.optimizer)
    for _, term in run.terms:
        term.after_step(run.step + 1)
    means = run.team.average(sums)
    return Step(means.pop(_ALL), norm.detach(), means)


def _split(batch: Tensor | None, count: int) -> Sequence[Tensor | None]:
    """As many pieces; None each if there is no such batch."""
    return [None] * count if batch is None else batch.chunk(count)


def _guide(run: Run, guidance: PromptTrainer, pieces: list[tuple[Tensor, Tensor]], fraction: float) -> Step:
    """A step that updates only the prompts."""
    loss, norm = guidance.learn(pieces, run.network, run.step, fraction, run.team)
    return Step(run.team.average({_ALL: loss})[_ALL], norm, {"prompts": loss})


def subsample(
    view: Tensor, target: Tensor, network: NetworkOptions, stride: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Keep a grid of the pixels of views, and compute the network's conditioning from the whole views.

    Args:
        view: inputs (N, 3, H, W).
        target: targets of the same shape.
        network: options of the network, which define the thumbnail.
        stride: keep every ``stride``-th row and column.
        generator: source of randomness for the first row and column.

    Returns:
        Inputs and targets (N, 3, H / stride, W / stride); and the thumbnail, rows and columns for the kept pixels.
    """
    top, left = torch.randint(stride, (2,), generator=generator).tolist()
    small, rows, columns = whole(view, network.context(), network.thumbnails())
    few = (..., slice(top, None, stride), slice(left, None, stride))
    return view[few], target[few], (small, rows[:, top::stride], columns[:, left::stride])


def _arguments(run: Run, low: Tensor, *conditioning: Tensor | None) -> tuple[Tensor | None, ...]:
    """What the network is given: inputs, and what it is conditioned on."""
    if (strength := run.recipe.train.strength) is not None:
        conditioning = (low.new_full((len(low),), strength),)
    return low, *conditioning


def _forward(run: Run, low: Tensor, *conditioning: Tensor | None) -> Tensor:
    with run.autocast():
        made: Tensor = run.call(*_arguments(run, low, *conditioning))
    return made.float()


def _given(times: Tensor | None) -> tuple[Tensor | None, ...]:
    """What a network is conditioned on besides a picture: the times of a flow, if there is one."""
    return () if times is None else (times,)


def _forward_no_grad(run: Run, low: Tensor) -> Tensor:
    """Forward pass without a graph, which the update of the discriminator does not need."""
    with torch.no_grad():
        return _forward(run, low)


def total_loss(
    terms: Sequence[tuple[LossOptions, LossTerm]],
    output: Tensor,
    target: Tensor,
    input: Tensor,
    generator: torch.Generator,
    parts: dict[str, Tensor],
    labels: Tensor | None = None,
    view: Tensor | None = None,
    shared: dict[str, Tensor] | None = None,
    call: NetworkCall | None = None,
) -> Tensor:
    """Weighted sum of losses.

    Args:
        terms: options and terms of the losses to sum.
        output: output of the network; see :meth:`restore.losses.base.LossTerm.forward`, also for the next three.
        target: the target.
        input: the input of the network.
        generator: source of all randomness.
        parts: receives each loss before weighting, by its kind; a second loss of a kind gets a number.
        labels: labels of the inputs, if they have any.
        view: whole input for losses that use labels, if ``input`` is only a part of it.
        shared: see :meth:`restore.losses.base.LabeledTerm.of_labels`; may already hold results.
        call: how the network was called, for losses that ask other networks, and the teacher's result, the target of
            losses with ``teacher: true``; None if no loss needs it.
    """
    total = output.new_zeros(())
    shared = {} if shared is None else shared
    for options, term in terms:
        if labels is not None and isinstance(term, LabeledTerm):
            value = term.of_labels(input if view is None else view, labels, shared)
        else:
            wanted = call.taught if options.teacher and call is not None and call.taught is not None else target
            if isinstance(term, ModelTerm) and call is not None:
                value = term.compare(output, wanted, input, generator, term.made(call, generator))
            else:
                value = term(output, wanted, input, generator)
        total = total + options.weight * value
        name, number = options.kind, 2
        while name in parts:
            name, number = f"{options.kind}-{number}", number + 1
        parts[name] = value.detach()
    return total


def step_generator(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """Generator for the losses of a step. It depends on the step only, so that a resumed run draws the same."""
    (state,) = np.random.SeedSequence([seed, step, rank] if rank else [seed, step]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
