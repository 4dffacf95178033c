"""One step of a run: an update of the network, after one of the discriminator if there is one; or one of prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from restore.losses.base import LabelledTerm, LossOptions, LossTerm
from restore.networks.base import NetworkOptions, ReadsThumbnail
from restore.networks.thumbnail import whole
from restore.training.logging import Step
from restore.training.optim import rate
from restore.training.prompt_trainer import Guidance
from restore.training.state import Run

# The name of the whole loss among its parts.
_ALL = "loss"


def update(run: Run, low: Tensor, high: Tensor, labels: Tensor | None = None) -> Step:
    """Update everything that learns by this process's share of a step's samples.

    In ``train.accumulate`` pieces, one after another, whose gradients add up: less memory, the same step.

    Args:
        run: at the step to do.
        low: (N, 3, h, w) on 0..1.
        high: (N, 3, scale * h, scale * w).
        labels: (N,), for losses that want to know what was done to ``low``.
    """
    options = run.recipe.train
    fraction = rate(options.schedule, run.step, options.steps)
    for group in run.optimizer.param_groups:
        group["lr"] = options.optimizer.lr * fraction
    pieces = list(zip(low.chunk(options.accumulate), high.chunk(options.accumulate), strict=True))
    if run.guidance is not None and run.guidance.turn(run.step)[0] != "network":
        return _guide(run, run.guidance, pieces, fraction)
    drawing = draws(options.seed, run.step, run.team.rank)
    terms = [(loss, term) for loss, term in run.terms if loss.counts_at(run.step)]
    sums: dict[str, Tensor] = {}
    run.optimizer.zero_grad(set_to_none=True)
    # Made once for both updates where one piece is all there is; more would not be in memory together.
    output = _make(run, low) if len(pieces) == 1 and options.stride == 1 else None
    if run.critic is not None:
        fakes = (_make_apart(run, piece) for piece, _ in pieces) if output is None else [output]
        judged = zip(fakes, (piece for _, piece in pieces), strict=True)
        sums["discriminator"] = run.critic.learn(
            judged, run.step, fraction, drawing, run.autocast, run.team, len(pieces)
        )
    marks = [None] * len(pieces) if labels is None else labels.chunk(options.accumulate)
    for (low_piece, high_piece), mark in zip(pieces, marks, strict=True):
        view, aside, shared = low_piece, tuple[Tensor | None, ...](), dict[str, Tensor]()
        if options.stride > 1:
            low_piece, high_piece, aside = thin(view, high_piece, run.recipe.network, options.stride, drawing)
            if mark is not None and run.recipe.network.codes():
                assert isinstance(run.network, ReadsThumbnail)
                assert aside[0] is not None
                with run.autocast():  # computed once, for the network and its losses
                    shared["codes"] = run.network.codes(aside[0])
                aside = (*aside, None, shared["codes"])
        made = _make(run, low_piece, *aside) if output is None else output
        parts: dict[str, Tensor] = {}
        with run.autocast():
            loss = total_loss(terms, made, high_piece, low_piece, drawing, parts, mark, view, shared) / len(pieces)
        torch.autograd.backward(loss)
        for name, value in {_ALL: loss.detach(), **{k: v / len(pieces) for k, v in parts.items()}}.items():
            sums[name] = sums[name] + value if name in sums else value
    run.team.average_gradients(run.trained)
    limit = float("inf") if options.clip is None else options.clip
    norm = nn.utils.clip_grad_norm_(run.network.parameters(), limit)
    run.optimizer.step()
    run.average.update_parameters(run.network)
    told = run.team.average(sums)
    return Step(told.pop(_ALL), norm.detach(), told)


def _guide(run: Run, guidance: Guidance, pieces: list[tuple[Tensor, Tensor]], fraction: float) -> Step:
    """A step of the prompts alone."""
    loss, norm = guidance.learn(pieces, run.network, run.step, fraction, run.team)
    return Step(run.team.average({_ALL: loss})[_ALL], norm, {"prompts": loss})


def thin(
    view: Tensor, target: Tensor, network: NetworkOptions, stride: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Some of the pixels of views, and what a network is given of the whole.

    Args:
        view: (N, 3, H, W).
        target: the same.
        network: says what thumbnail it takes.
        stride: every so many-th row and column is kept.
        generator: draws at which they begin.

    Returns:
        The two, (N, 3, H / stride, W / stride); and the thumbnail, rows and columns of what is left of the first.
    """
    top, left = torch.randint(stride, (2,), generator=generator).tolist()
    small, rows, columns = whole(view, network.context(), network.thumbnails())
    few = (..., slice(top, None, stride), slice(left, None, stride))
    return view[few], target[few], (small, rows[:, top::stride], columns[:, left::stride])


def _make(run: Run, low: Tensor, *aside: Tensor | None) -> Tensor:
    with run.autocast():
        made: Tensor = run.call(low, *aside)
    return made.float()


def _make_apart(run: Run, low: Tensor) -> Tensor:
    """Without a graph, which would be of no use to the discriminator."""
    with torch.no_grad():
        return _make(run, low)


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
) -> Tensor:
    """The sum of losses by their weights.

    Args:
        terms: that count.
        output: see :meth:`restore.losses.base.LossTerm.forward`, also for the next three.
        target: what it should be.
        input: what it was made of.
        generator: the source of all random numbers.
        parts: gets each loss before its weight, by its kind; two of a kind are told apart by a number.
        labels: of the inputs, where they have any.
        view: what losses with labels judge, where ``input`` is not all of it.
        shared: see :meth:`restore.losses.base.LabelledTerm.of_labels`; may hold results already.
    """
    total = output.new_zeros(())
    shared = {} if shared is None else shared
    for options, term in terms:
        if labels is not None and isinstance(term, LabelledTerm):
            value = term.of_labels(input if view is None else view, labels, shared)
        else:
            value = term(output, target, input, generator)
        total = total + options.weight * value
        name, number = options.kind, 2
        while name in parts:
            name, number = f"{options.kind}-{number}", number + 1
        parts[name] = value.detach()
    return total


def draws(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """What the losses of a step draw from: of the step alone, so that a resumed run draws the same."""
    (state,) = np.random.SeedSequence([seed, step, rank] if rank else [seed, step]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
