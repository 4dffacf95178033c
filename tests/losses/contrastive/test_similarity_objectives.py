"""Objectives of similarities: each against its formula in plain loops, and the laws they share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import SimilarityObjective
from restore.losses.contrastive.objectives.cosine_margin import CosineMargin
from restore.losses.contrastive.objectives.dcl import DCL, DCLW
from restore.losses.contrastive.objectives.debiased import Debiased
from restore.losses.contrastive.objectives.infonce import InfoNCE
from restore.losses.contrastive.objectives.macl import MACL
from restore.losses.contrastive.objectives.supcon import SupCon

Rows = np.ndarray


def infonce(p: Rows, n: Rows, i: int, j: int) -> float:
    up = math.exp(p[i, j] / 0.2)
    return -math.log(up / (up + sum(math.exp(s / 0.2) for s in n[i])))


def dcl(p: Rows, n: Rows, i: int, j: int) -> float:
    return -p[i, j] / 0.2 + math.log(sum(math.exp(s / 0.2) for s in n[i]))


def dclw(p: Rows, n: Rows, i: int, j: int) -> float:
    share = math.exp(p[i, j] / 0.5) / sum(math.exp(s / 0.5) for s in p[:, j])
    return -(2 - len(p) * share) * p[i, j] / 0.2 + math.log(sum(math.exp(s / 0.2) for s in n[i]))


def macl(p: Rows, n: Rows, i: int, j: int) -> float:
    t = 0.2 * (1 + 0.5 * (sum(p.flat) / p.size - 0.1))
    up = math.exp(p[i, j] / t)
    down = sum(math.exp(s / t) for s in n[i])
    return -math.log(up / (up + down)) / (down / (up + down))


def debiased(p: Rows, n: Rows, i: int, j: int) -> float:
    up, m = math.exp(p[i, j] / 0.5), n.shape[1]
    down = (sum(math.exp(s / 0.5) for s in n[i]) - 0.1 * m * up) / 0.9
    return -math.log(up / (up + max(down, m * math.exp(-1 / 0.5))))


def cosine_margin(p: Rows, n: Rows, i: int, j: int) -> float:
    return sum(n[i]) / n.shape[1] - p[i, j]


def supcon(p: Rows, n: Rows, i: int, j: int) -> float:
    everything = [*p[i], *n[i]]
    return -math.log(math.exp(p[i, j] / 0.2) / sum(math.exp(s / 0.2) for s in everything))


CASES: dict[str, tuple[SimilarityObjective, Callable[[Rows, Rows, int, int], float]]] = {
    "infonce": (InfoNCE(0.2), infonce),
    "dcl": (DCL(0.2), dcl),
    "dclw": (DCLW(0.2, 0.5), dclw),
    "macl": (MACL(0.2, 0.5, 0.1), macl),
    "debiased": (Debiased(0.5, 0.1), debiased),
    "cosine-margin": (CosineMargin(), cosine_margin),
    "supcon": (SupCon(0.2), supcon),
}
objectives = pytest.mark.parametrize("objective", [case[0] for case in CASES.values()], ids=list(CASES))


@st.composite
def similarities(draw: st.DrawFn, rows: int | None = None) -> tuple[Tensor, Tensor]:
    """Cosines (N, P) and (N, M), float64."""
    n = rows or draw(st.integers(1, 4))
    cosines = st.floats(-1, 1, width=32)
    positive = draw(arrays(np.float64, (n, draw(st.integers(1, 3))), elements=cosines))
    negative = draw(arrays(np.float64, (n, draw(st.integers(1, 5))), elements=cosines))
    return torch.from_numpy(positive), torch.from_numpy(negative)


def generic(seed: int = 0, n: int = 3, p: int = 2, m: int = 4) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    positive, negative = (2 * torch.rand(n, k, generator=draw, dtype=torch.float64) - 1 for k in (p, m))
    return positive.requires_grad_(), negative.requires_grad_()


@pytest.mark.parametrize(("objective", "formula"), CASES.values(), ids=list(CASES))
@given(sims=similarities())
def test_formula(objective: SimilarityObjective, formula: Callable, sims: tuple[Tensor, Tensor]) -> None:
    positive, negative = sims
    p, n = positive.numpy(), negative.numpy()
    expected = [np.mean([formula(p, n, i, j) for j in range(p.shape[1])]) for i in range(len(p))]
    np.testing.assert_allclose(objective(positive, negative).numpy(), expected, rtol=1e-9, atol=1e-9)


@given(sims=similarities())
def test_infonce_is_cross_entropy(sims: tuple[Tensor, Tensor]) -> None:
    positive, negative = sims
    expected = [
        F.cross_entropy(
            torch.cat([positive[:, j : j + 1], negative], dim=1) / 0.07,
            torch.zeros(len(positive), dtype=torch.int64),
            reduction="none",
        )
        for j in range(positive.shape[1])
    ]
    torch.testing.assert_close(InfoNCE(0.07)(positive, negative), torch.stack(expected).mean(dim=0))


@given(sims=similarities(), temperature=st.floats(0.05, 2))
def test_debiased_without_a_prior_is_infonce(sims: tuple[Tensor, Tensor], temperature: float) -> None:
    torch.testing.assert_close(Debiased(temperature, 0.0)(*sims), InfoNCE(temperature)(*sims))


@given(sims=similarities(), temperature=st.floats(0.05, 2))
def test_relatives(sims: tuple[Tensor, Tensor], temperature: float) -> None:
    """With what tells them apart switched off, the variants are what they vary."""
    positive, negative = sims
    torch.testing.assert_close(DCLW(temperature, 1e12)(*sims), DCL(temperature)(*sims), rtol=1e-6, atol=1e-6)
    first = positive[:, :1]
    torch.testing.assert_close(SupCon(temperature)(first, negative), InfoNCE(temperature)(first, negative))
    still, warmer = MACL(temperature, alpha=0.0), MACL(temperature, alpha=1.0, alignment=0.0)
    twice = torch.ones_like(positive)  # A = 1, so that t = 2 t0
    torch.testing.assert_close(warmer(twice, negative), MACL(2 * temperature, alpha=0.0)(twice, negative))
    odds = torch.logsumexp(negative / temperature, 1, keepdim=True) - positive / temperature
    torch.testing.assert_close(still(*sims), (F.softplus(odds) / odds.sigmoid()).mean(dim=1))


@objectives
@given(sims=similarities())
def test_nothing_is_better_than_a_match_far_from_the_negatives(
    objective: SimilarityObjective, sims: tuple[Tensor, Tensor]
) -> None:
    """The mean over the batch: DCLW's weights may favor one query over another."""
    best = objective(torch.ones_like(sims[0]), -torch.ones_like(sims[1])).mean()
    assert best <= objective(*sims).mean() + 1e-9


@pytest.mark.parametrize(
    ("objective", "bound"),
    [(InfoNCE(0.05), 0), (MACL(0.05), 1), (Debiased(0.05), 0), (SupCon(0.05), 0), (CosineMargin(), -2), (DCL(0.5), -4)],
    ids=["infonce", "macl", "debiased", "supcon", "cosine-margin", "dcl"],
)
def test_the_bound_is_reached(objective: SimilarityObjective, bound: float) -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    assert objective(one, -one).item() == pytest.approx(bound, abs=1e-9)


@objectives
@given(sims=similarities(rows=1), split=st.floats(-0.9, 0.9))
def test_swapping_the_sides_raises_the_loss(
    objective: SimilarityObjective, sims: tuple[Tensor, Tensor], split: float
) -> None:
    k = min(sims[0].shape[1], sims[1].shape[1])
    near = split + 0.05 + (0.95 - split) * (sims[0][:, :k] + 1) / 2
    far = -1 + (split + 1) * (sims[1][:, :k] + 1) / 2
    assert objective(near, far) < objective(far, near)


@pytest.mark.parametrize("kind", [InfoNCE, DCL, SupCon])
@given(sims=similarities(), factor=st.floats(0.1, 10))
def test_temperature_is_the_unit_of_similarity(kind: type, sims: tuple[Tensor, Tensor], factor: float) -> None:
    positive, negative = sims
    torch.testing.assert_close(kind(0.3 * factor)(factor * positive, factor * negative), kind(0.3)(positive, negative))


@pytest.mark.parametrize("objective", [InfoNCE(0.1), DCL(0.1), SupCon(0.1), MACL(0.1)], ids=repr)
@given(sims=similarities(), more=st.floats(-1, 1, width=32))
def test_more_negatives_never_lower_the_loss(
    objective: SimilarityObjective, sims: tuple[Tensor, Tensor], more: float
) -> None:
    positive, negative = sims
    longer = torch.cat([negative, torch.full((len(negative), 1), more, dtype=torch.float64)], dim=1)
    assert (objective(positive, longer) >= objective(positive, negative) - 1e-12).all()


@objectives
@given(sims=similarities(), seed=st.integers(0, 100))
def test_order_does_not_matter(objective: SimilarityObjective, sims: tuple[Tensor, Tensor], seed: int) -> None:
    positive, negative = sims
    draw = torch.Generator().manual_seed(seed)
    rows, p, m = (torch.randperm(k, generator=draw) for k in (len(positive), positive.shape[1], negative.shape[1]))
    shuffled = objective(positive[rows][:, p], negative[rows][:, m])
    torch.testing.assert_close(shuffled, objective(positive, negative)[rows])


@objectives
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(objective: SimilarityObjective, dtype: torch.dtype) -> None:
    """Half precision in gives what the same numbers in float32 give, under autocast too."""
    positive, negative = (x.detach().to(dtype) for x in generic())
    expected = objective(positive.float(), negative.float())
    assert expected.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(objective(positive, negative), expected, rtol=0, atol=0)


@objectives
@pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("signs", [(1, -1), (-1, 1), (1, 1), (-1, -1)])
def test_extremes_do_not_overflow(objective: SimilarityObjective, size: float, signs: tuple[int, int]) -> None:
    """Also far beyond what a cosine can be: objectives may be given dot products."""
    positive = torch.full((2, 2), size * signs[0], requires_grad=True)
    negative = torch.full((2, 3), size * signs[1], requires_grad=True)
    losses = objective(positive, negative)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert positive.grad.isfinite().all()
    assert negative.grad.isfinite().all()


@pytest.mark.parametrize("temperature", [1e-3, 0.01])
def test_small_temperatures_do_not_overflow(temperature: float) -> None:
    for objective in (InfoNCE(temperature), DCL(temperature), MACL(temperature), Debiased(temperature)):
        for p, n in ((1.0, -1.0), (-1.0, 1.0), (0.3, 0.3)):
            positive, negative = torch.full((1, 1), p, requires_grad=True), torch.full((1, 3), n, requires_grad=True)
            loss = objective(positive, negative).sum()
            loss.backward()
            assert loss.isfinite(), (objective, p, n)
            assert positive.grad.isfinite().all()
            assert negative.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["infonce", "dcl", "debiased", "cosine-margin", "supcon"])
@pytest.mark.parametrize("seed", range(3))
def test_gradients(kind: str, seed: int) -> None:
    assert torch.autograd.gradcheck(CASES[kind][0], generic(seed))


def test_the_debiased_floor_has_a_gradient() -> None:
    """Where the correction takes all, the positive is still pulled and the negatives rest."""
    positive = torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
    negative = torch.full((1, 3), -0.999, dtype=torch.float64, requires_grad=True)
    Debiased(0.5, 0.5)(positive, negative).sum().backward()
    assert positive.grad.item() < 0
    assert (negative.grad == 0).all()


def test_weights_are_constants_to_the_gradient() -> None:
    """DCLW and MACL: the gradient is that of their formula with the weights as numbers."""
    positive, negative = generic(n=4, p=1)
    share = torch.softmax(positive.detach() / 0.5, dim=0)
    weighted = -(2 - 4 * share) * positive / 0.2 + torch.logsumexp(negative / 0.2, dim=1, keepdim=True)
    torch.testing.assert_close(gradients(DCLW(0.2, 0.5), positive, negative), grad(weighted, positive, negative))

    t = 0.2 * (1 + 0.5 * positive.mean().item())
    log_p = F.log_softmax(torch.cat([positive, negative], dim=1) / t, dim=1)[:, 0]
    weighted = -log_p / (1 - log_p.detach().exp())
    torch.testing.assert_close(gradients(MACL(0.2, 0.5, 0.0), positive, negative), grad(weighted, positive, negative))


def gradients(objective: SimilarityObjective, positive: Tensor, negative: Tensor) -> tuple[Tensor, ...]:
    return grad(objective(positive, negative), positive, negative)


def grad(losses: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(losses.sum(), inputs)


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind != "dclw"])  # whose weights can turn negative
@given(sims=similarities())
def test_the_gradient_pulls_and_pushes(kind: str, sims: tuple[Tensor, Tensor]) -> None:
    """Never away from a positive, never toward a negative."""
    objective = CASES[kind][0]
    positive, negative = (x.clone().requires_grad_() for x in sims)
    down, up = gradients(objective, positive, negative)
    if isinstance(objective, SupCon):  # its positives compete: only their sum is pulled
        down = down.sum(dim=1)
    assert (down <= 1e-12).all()
    assert (up >= -1e-12).all()
    assert down.abs().sum() > 0


def test_macls_temperature_stays_above_0() -> None:
    """Positives as far from aligned as can be would make it negative, which turns the loss around."""
    loss = MACL(0.1, alpha=1.0, alignment=1.0)
    positive = torch.full((2, 1), -1.0).requires_grad_()
    value = loss(positive, torch.full((2, 3), 0.5))
    value.sum().backward()
    assert value.isfinite().all()
    assert (positive.grad < 0).all(), "nearer is better"
