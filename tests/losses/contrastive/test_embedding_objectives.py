"""Objectives of embeddings: CACR, L1 ratios, SupCon in a batch, prompt pair, margins, residual vector."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from restore.losses.contrastive.objectives.base import EmbeddingObjective
from restore.losses.contrastive.objectives.cacr import CACR
from restore.losses.contrastive.objectives.curricular_ratio import CurricularRatio
from restore.losses.contrastive.objectives.l1_difference import L1Difference
from restore.losses.contrastive.objectives.l1_margin import L1Margin
from restore.losses.contrastive.objectives.l1_ratio import L1Ratio
from restore.losses.contrastive.objectives.prompt_pair import (
    negative_probability,
    prompt_cross_entropy,
    prompt_logits,
)
from restore.losses.contrastive.objectives.rank_margin import prompt_ranking, rank_margin
from restore.losses.contrastive.objectives.residual_vector import residual_loss, residual_vector
from restore.losses.contrastive.objectives.supcon import SupCon, supervised_contrastive
from restore.losses.contrastive.similarity import cosine


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def embeddings(positions: tuple[int, ...] = ()) -> tuple[Tensor, Tensor, Tensor]:
    return normal(2, 5, *positions), normal(2, 3, 5, *positions, seed=1), normal(2, 4, 5, *positions, seed=2)


every = pytest.mark.parametrize(
    "objective",
    [CACR(1.5, 0.7), L1Ratio(0.1), CurricularRatio(0.5, 0.1), L1Difference(), L1Margin()],
    ids=["cacr", "l1-ratio", "curricular-ratio", "l1-difference", "l1-margin"],
)
shapes = pytest.mark.parametrize("positions", [(), (7,), (3, 4)])


@shapes
def test_cacr_formula(positions: tuple[int, ...]) -> None:
    query, positive, negative = embeddings(positions)

    def distances(i: int, others: np.ndarray) -> list[float]:
        q = query.numpy()[i].reshape(5, -1)
        q = q / np.sqrt((q**2).sum(axis=0))
        units = [o.reshape(5, -1) / np.sqrt((o.reshape(5, -1) ** 2).sum(axis=0)) for o in others[i]]
        return [float(((q - u) ** 2).sum(axis=0).mean()) for u in units]

    for i in range(2):
        near, far = distances(i, positive.numpy()), distances(i, negative.numpy())
        pull = sum(math.exp(1.5 * d) * d for d in near) / sum(math.exp(1.5 * d) for d in near)
        push = sum(math.exp(-0.7 * d) * d for d in far) / sum(math.exp(-0.7 * d) for d in far)
        assert CACR(1.5, 0.7)(query, positive, negative)[i].item() == pytest.approx(pull - push)


def test_cacr_distance_is_that_of_the_cosine() -> None:
    """For unit vectors d = 2 - 2 cos; without temperatures only the means are left."""
    query, positive, negative = embeddings((3, 4))
    expected = 2 * (cosine(query, negative).mean(dim=1) - cosine(query, positive).mean(dim=1))
    torch.testing.assert_close(CACR(0, 0)(query, positive, negative), expected)


def test_cacr_weights_are_constants_to_the_gradient() -> None:
    query, positive, negative = embeddings()
    query.requires_grad_()
    objective = CACR(1.5, 0.7)
    near, far = 2 - 2 * cosine(query, positive), 2 - 2 * cosine(query, negative)
    pull, push = (1.5 * near).softmax(dim=1).detach(), (-0.7 * far).softmax(dim=1).detach()
    expected = torch.autograd.grad(((pull * near).sum() - (push * far).sum()), query)
    torch.testing.assert_close(torch.autograd.grad(objective(query, positive, negative).sum(), query), expected)


@shapes
def test_l1_ratio_is_that_of_aecr_net(positions: tuple[int, ...]) -> None:
    """One picture, one of each: AECR-Net's own line, whose 1e-7 the floor replaces."""
    query, positive, negative = (x[:1] for x in embeddings(positions))
    l1 = nn.L1Loss()
    expected = l1(query, positive[:, 0]) / (l1(query, negative[:, 0]) + 1e-7)
    got = L1Ratio(1e-2)(query, positive[:, :1], negative[:, :1])
    torch.testing.assert_close(got[0], expected, rtol=1e-6, atol=0)


def test_l1_ratio_means_over_samples_and_keeps_pictures_apart() -> None:
    query, positive, negative = embeddings((3,))
    losses = L1Ratio(1e-2)(query, positive, negative)
    for i in range(2):
        near = np.mean([np.abs(query[i].numpy() - p).mean() for p in positive[i].numpy()])
        far = np.mean([np.abs(query[i].numpy() - n).mean() for n in negative[i].numpy()])
        assert losses[i].item() == pytest.approx(near / far)


def test_l1_ratio_survives_a_network_that_returns_its_input() -> None:
    negative = normal(2, 1, 5)
    query = negative[:, 0].clone().requires_grad_()
    losses = L1Ratio(1e-2)(query, normal(2, 1, 5, seed=1), negative)
    losses.sum().backward()
    assert losses.max() < 1e3
    assert query.grad.abs().max() <= 1 / 1e-2
    assert query.grad.abs().sum() > 0


def test_l1_ratio_gradients() -> None:
    assert torch.autograd.gradcheck(L1Ratio(0.1), tuple(x.requires_grad_() for x in embeddings((3,))))


@shapes
def test_curricular_ratio_formula(positions: tuple[int, ...]) -> None:
    """Negatives on both sides of the output: some better than it, some worse."""
    query, positive, negative = embeddings(positions)
    negative = torch.cat([negative, positive[:, :1] + 0.3 * negative[:, :2]], dim=1)

    def d(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.abs(a - b).mean())

    q, p, n = query.numpy(), positive.numpy(), negative.numpy()
    losses = CurricularRatio(0.6, 1e-2)(query, positive, negative)
    overtaken = 0
    for i in range(2):
        ratios = []
        for j in range(3):
            weights = [1.6 if d(q[i], p[i, j]) < d(other, p[i, j]) else 0.4 for other in n[i]]
            overtaken += sum(weight == 1.6 for weight in weights)
            far = sum(weight * d(q[i], other) for weight, other in zip(weights, n[i], strict=True)) / sum(weights)
            ratios.append(d(q[i], p[i, j]) / far)
        assert losses[i].item() == pytest.approx(np.mean(ratios))
    assert 0 < overtaken < 2 * 3 * 6


def test_curricular_ratio_is_that_of_c2pnet() -> None:
    """C2PNet's lines, for one picture, two negatives of known quality and its weights without the input's."""
    query, positive = normal(1, 4, 6), normal(1, 1, 4, 6, seed=1)
    better, worse = positive + 0.1 * normal(1, 1, 4, 6, seed=2), positive + 9 * normal(1, 1, 4, 6, seed=3)
    l1, weights = nn.L1Loss(), [1 - 0.25, 1 + 0.25]
    weights = [weight / sum(weights) for weight in weights]
    expected = l1(query, positive[:, 0]) / (
        l1(query, better[:, 0]) * weights[0] + l1(query, worse[:, 0]) * weights[1] + 1e-7
    )
    got = CurricularRatio(0.25)(query, positive, torch.cat([better, worse], dim=1))
    torch.testing.assert_close(got[0], expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("curriculum", [0.0, 1.0])
def test_curricular_ratio_at_its_ends(curriculum: float) -> None:
    """Without a curriculum, or with no negative overtaken yet, all negatives count alike."""
    query, positive, negative = embeddings((3,))
    if curriculum:
        negative = positive[:, :1] + 0.01 * negative
        positive = positive[:, :1]
    expected = L1Ratio(1e-2)(query, positive, negative)
    torch.testing.assert_close(CurricularRatio(curriculum, 1e-2)(query, positive, negative), expected)


def test_curricular_ratio_turns_to_a_negative_once_it_is_overtaken() -> None:
    """The same step away from a negative gains more after the output has passed it."""
    positive = torch.zeros(1, 1, 2, dtype=torch.float64)
    negative = torch.tensor([[[0.0, 1.0], [3.0, 0.0]]], dtype=torch.float64)

    def push(x: float) -> float:
        query = torch.tensor([[x, x]], dtype=torch.float64, requires_grad=True)
        near, far = query.abs().mean(), (query[:, None] - negative).abs().flatten(2).mean(dim=2)
        loss = CurricularRatio(0.5)(query, positive, negative)
        # loss = near / (w0 far0 + w1 far1): solve for the share w0 of the first negative.
        return float(((near / loss - far[0, 1]) / (far[0, 0] - far[0, 1])).detach())

    assert push(0.8) == pytest.approx(0.5 / 2), "worse than the first negative, better than the second"
    assert push(0.3) == pytest.approx(1 / 2), "better than both"


def test_curricular_ratio_gradients() -> None:
    inputs = tuple(x.requires_grad_() for x in embeddings((3,)))
    assert torch.autograd.gradcheck(CurricularRatio(0.5, 0.1), inputs)


@shapes
def test_l1_difference_formula(positions: tuple[int, ...]) -> None:
    """Some negatives nearer to the positives than the output is, and some that it has left behind."""
    query, positive, negative = embeddings(positions)
    negative = torch.cat([negative, query[:, None] + 0.2 * negative[:, :2], positive[:, :1] * 0.9], dim=1)
    q, p, n = query.numpy(), positive.numpy(), negative.numpy()
    losses, held, better = L1Difference(0.7, 0.9)(query, positive, negative), 0, 0
    for i in range(2):
        near = np.mean([np.abs(q[i] - one).mean() for one in p[i]])
        pushes = []
        for other in n[i]:
            far, error = np.abs(q[i] - other).mean(), np.mean([np.abs(one - other).mean() for one in p[i]])
            pushes.append(min(far, 0.9 * error) if near <= error else 0)
            held += far > 0.9 * error
            better += near > error
        assert losses[i].item() == pytest.approx(0.7 * near - np.mean(pushes))
    assert 0 < held < 14
    assert 0 < better < 14


def test_l1_difference_cannot_run_away() -> None:
    """By its own gradient; SPN's loss alone goes on without end."""
    positive, negative = normal(2, 1, 5, seed=1), normal(2, 3, 5, seed=2)
    errors = (positive - negative).abs().mean(dim=2)

    def descended(loss: Callable[[Tensor], Tensor]) -> Tensor:
        query = positive[:, 0].clone().requires_grad_()
        optimizer = torch.optim.Adam([query], 0.1)
        for _ in range(400):
            optimizer.zero_grad()
            loss(query).sum().backward()
            optimizer.step()
        return query.detach()

    objective = L1Difference(0.0, 1.5)
    free = descended(lambda query: -(query[:, None] - negative).abs().mean())
    kept = descended(lambda query: objective(query, positive, negative))
    assert (free[:, None] - positive).abs().mean() > 10 * errors.max()
    assert ((kept[:, None] - positive).abs().mean(dim=2) < 2 * errors.max()).all()
    far = (100 * kept).requires_grad_()
    losses = objective(far, positive, negative)
    losses.sum().backward()
    assert (losses >= -1.5 * errors.mean(dim=1)).all()
    assert not far.grad.any(), "an output worse than all negatives is pushed by none"


def test_l1_difference_is_least_at_the_positive() -> None:
    positive, negative = normal(2, 1, 5, seed=1), normal(2, 3, 5, seed=2)
    best = L1Difference()(positive[:, 0], positive, negative)
    for seed in range(20):
        for size in (0.01, 0.3, 3.0):
            assert (L1Difference()(positive[:, 0] + size * normal(2, 5, seed=seed), positive, negative) >= best).all()


@shapes
def test_l1_margin_formula(positions: tuple[int, ...]) -> None:
    query, positive, negative = embeddings(positions)
    query = 0.2 * query + 0.8 * positive[:, 0]
    q, p, n = query.numpy(), positive.numpy(), negative.numpy()
    losses, content = L1Margin(0.4)(query, positive, negative), 0
    for i in range(2):
        terms = [
            np.abs(q[i] - a).mean() - np.abs(q[i] - b).mean() + 0.4 * np.abs(a - b).mean() for a in p[i] for b in n[i]
        ]
        content += sum(term < 0 for term in terms)
        assert losses[i].item() == pytest.approx(np.mean(np.maximum(terms, 0)))
    assert 0 < content < 24


@pytest.mark.parametrize("objective", [L1Difference(0.5, 0.8), L1Margin(0.3)], ids=["difference", "margin"])
def test_gradients_reach_the_output_alone_and_are_right(objective: EmbeddingObjective) -> None:
    query, positive, negative = embeddings((3,))
    assert torch.autograd.gradcheck(lambda q: objective(q, positive, negative), query.requires_grad_())


@every
def test_embedding_laws(objective: EmbeddingObjective) -> None:
    query, positive, negative = embeddings((4,))
    losses = objective(query, positive, negative)
    matched = objective(query, query[:, None], negative)
    assert (matched < losses).all()
    assert (objective(query, negative, query[:, None]) > objective(query, query[:, None], negative)).all()
    torch.testing.assert_close(objective(query, positive.flip(1), negative.flip(1)), losses)
    torch.testing.assert_close(objective(query.flip(0), positive.flip(0), negative.flip(0)), losses.flip(0))


@every
def test_embeddings_in_half_precision(objective: EmbeddingObjective) -> None:
    """Large features, whose squares float16 cannot hold."""
    query, positive, negative = ((300 * x).half() for x in embeddings((4,)))
    expected = objective(query.float(), positive.float(), negative.float())
    with torch.autocast("cpu", torch.bfloat16):
        got = objective(query, positive, negative)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)
    assert got.isfinite().all()


def test_supcon_formula() -> None:
    z, labels = normal(7, 4), [0, 1, 0, 2, 1, 0, 1]
    unit = (z / z.norm(dim=1, keepdim=True)).numpy()
    expected = []
    for i in range(7):
        others = [j for j in range(7) if j != i]
        total = sum(math.exp(unit[i] @ unit[j] / 0.3) for j in others)
        same = [j for j in others if labels[j] == labels[i]]
        terms = [-math.log(math.exp(unit[i] @ unit[j] / 0.3) / total) for j in same]
        expected.append(np.mean(terms) if terms else 0.0)
    got = supervised_contrastive(z, torch.tensor(labels), 0.3)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-9)
    assert got[3] == 0, "alone with its label"


def test_supcon_of_a_batch_is_supcon_of_similarities() -> None:
    z, labels = normal(6, 4), torch.tensor([0, 0, 0, 1, 1, 1])
    rows = [(cosine(z[i : i + 1], z[None, same]), cosine(z[i : i + 1], z[None, other])) for i, same, other in triples()]
    expected = torch.cat([SupCon(0.2)(positive, negative) for positive, negative in rows])
    torch.testing.assert_close(supervised_contrastive(z, labels, 0.2), expected)


def triples() -> list[tuple[int, list[int], list[int]]]:
    groups = [0, 1, 2], [3, 4, 5]
    return [(i, [j for j in groups[i // 3] if j != i], groups[1 - i // 3]) for i in range(6)]


def test_supcon_gradients() -> None:
    labels = torch.tensor([0, 1, 0, 2, 1])
    assert torch.autograd.gradcheck(lambda z: supervised_contrastive(z, labels, 0.3), normal(5, 4).requires_grad_())


def test_prompt_pair() -> None:
    images, prompts = normal(3, 8), normal(2, 8, seed=1)
    for i, image in enumerate(images.numpy()):
        cosines = [image @ p / np.linalg.norm(image) / np.linalg.norm(p) for p in prompts.numpy()]
        np.testing.assert_allclose(prompt_logits(images, prompts)[i].numpy(), 100 * np.array(cosines))
        bad, good = (math.exp(100 * c) for c in cosines)
        assert negative_probability(images, prompts)[i].item() == pytest.approx(bad / (bad + good))
        for label, probability in enumerate((bad, good)):
            loss = prompt_cross_entropy(images, prompts, torch.full((3,), label))[i]
            assert loss.item() == pytest.approx(-math.log(probability / (bad + good)))


def test_prompt_pair_pulls_toward_the_good() -> None:
    prompts = normal(2, 8)
    assert negative_probability(prompts, prompts).tolist() == pytest.approx([1, 0], abs=1e-3)
    image = (prompts[:1] + 1.05 * prompts[1:]).requires_grad_()
    negative_probability(image, prompts).sum().backward()
    moved = image.detach() - 1e-3 * image.grad
    assert negative_probability(moved, prompts) < negative_probability(image, prompts)
    assert torch.autograd.gradcheck(negative_probability, (image, prompts.requires_grad_()))


def test_rank_margin() -> None:
    higher = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    lower = torch.tensor([0.1, 0.4, 0.8], dtype=torch.float64)
    torch.testing.assert_close(rank_margin(higher, lower, 0.5), torch.tensor([0.0, 0.4, 1.2], dtype=torch.float64))


def test_prompt_ranking_round_by_round() -> None:
    """CLIP-LIT's margins written out: 1; then 0.9, 0.9, 0.2; then 0.9, 0.9, 0.1, 0.1."""
    back, well, older, newer = torch.rand(4, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def hinge(a: Tensor, b: Tensor, margin: float) -> Tensor:
        return torch.maximum(torch.zeros_like(a), -(a - b) + margin)

    torch.testing.assert_close(prompt_ranking(back, well), hinge(back, well, 1.0))
    second = hinge(back, well, 0.9) + hinge(back, newer, 0.9) + hinge(newer, well, 0.2)
    torch.testing.assert_close(prompt_ranking(back, well, [newer]), second)
    later = hinge(back, well, 0.9) + hinge(back, older, 0.9) + hinge(older, newer, 0.1) + hinge(newer, well, 0.1)
    torch.testing.assert_close(prompt_ranking(back, well, [older, newer]), later)
    with pytest.raises(ValueError, match="3 rounds of enhanced pictures"):
        prompt_ranking(back, well, [older, newer, newer])


def test_prompt_ranking_is_content_with_the_right_order() -> None:
    back, well = torch.ones(2), torch.zeros(2)
    assert prompt_ranking(back, well).sum() == 0
    order = [torch.full((2,), x) for x in (0.1, 0.0)]
    well_below = torch.full((2,), -0.1)
    assert prompt_ranking(back, well_below, order).sum() == 0
    assert prompt_ranking(back, well_below, order[::-1]).sum() > 0


def test_residual_vector() -> None:
    good, bad = normal(5, 8) + 1, normal(3, 8, seed=1) - 1

    def mean_direction(x: np.ndarray) -> np.ndarray:
        mean = np.mean([row / np.linalg.norm(row) for row in x], axis=0)
        return mean / np.linalg.norm(mean)

    toward = mean_direction(good.numpy())
    direction = toward - mean_direction(bad.numpy())
    direction /= np.linalg.norm(direction)
    residual = residual_vector(good.requires_grad_(), bad)
    np.testing.assert_allclose(residual.direction.numpy(), direction)
    assert residual.threshold.item() == pytest.approx(toward @ direction)
    assert not residual.direction.requires_grad

    images = normal(4, 8, seed=2)
    cosines = [x @ direction / np.linalg.norm(x) for x in images.numpy()]
    expected = [(c - toward @ direction) ** 2 for c in cosines]
    np.testing.assert_allclose(residual_loss(images, residual).numpy(), expected)
    assert torch.autograd.gradcheck(lambda x: residual_loss(x, residual), images.requires_grad_())
    assert (residual_loss(images, residual) > 0).all()
    assert residual_loss(torch.from_numpy(toward)[None], residual).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("labels", [[3], [3, 4], [3, 3], [1, 2, 1]])
def test_supcon_of_few_has_numbers_and_a_gradient(labels: list[int]) -> None:
    x = normal(len(labels), 4).requires_grad_()
    losses = supervised_contrastive(x, torch.tensor(labels))
    losses.sum().backward()
    assert losses.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    alone = [labels.count(label) == 1 for label in labels]
    assert all(losses[i] == 0 for i, by_itself in enumerate(alone) if by_itself)
