"""Cosines of feature maps and of positions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restore.losses.contrastive.similarity import cosine, position_similarities
from tests.losses.contrastive.conftest import seeded


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


@pytest.mark.parametrize("positions", [(), (6,), (3, 4)])
def test_cosine_is_the_mean_over_positions(positions: tuple[int, ...]) -> None:
    query, others = normal(2, 5, *positions), normal(2, 3, 5, *positions, seed=1)
    got = cosine(query, others)
    assert got.shape == (2, 3)
    for i in range(2):
        q = query[i].reshape(5, -1).T.numpy()
        for k in range(3):
            o = others[i, k].reshape(5, -1).T.numpy()
            expected = np.mean([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(q, o, strict=True)])
            assert got[i, k].item() == pytest.approx(expected)


def test_cosine_of_silent_positions_is_zero_and_differentiable() -> None:
    query = torch.zeros(1, 4, 2, 2, requires_grad=True)
    similarity = cosine(query, torch.ones(1, 1, 4, 2, 2))
    similarity.sum().backward()
    assert similarity.item() == 0
    assert query.grad.isfinite().all()


def test_cosine_in_half_precision() -> None:
    """Features whose squares float16 cannot hold."""
    query, others = 300 * normal(2, 5, 4).half(), 300 * normal(2, 3, 5, 4, seed=1).half()
    with torch.autocast("cpu", torch.bfloat16):
        got = cosine(query, others)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, cosine(query.float(), others.float()), rtol=0, atol=0)


def test_position_similarities() -> None:
    query, key = normal(2, 4, 5), normal(2, 4, 5, seed=1)
    positive, negative = position_similarities(query, key)
    rows = [(n, s) for n in range(2) for s in range(4)]
    for row, (n, s) in enumerate(rows):
        assert positive[row].item() == pytest.approx((query[n, s] @ key[n, s]).item())
        expected = [(query[n, s] @ key[n, other]).item() for other in range(4) if other != s]
        assert negative[row].tolist() == pytest.approx(expected)


def test_one_position_has_no_others() -> None:
    with pytest.raises(ValueError, match="sample two or more"):
        position_similarities(normal(2, 1, 5), normal(2, 1, 5))
