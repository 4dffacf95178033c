"""Negatives that are embeddings already: the queue of past keys, and mixtures of the hardest."""

from __future__ import annotations

from collections import deque

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.hard_mixing import HardMixing, mix_hard_negatives
from restore.losses.contrastive.queue import KeyQueue
from tests.losses.contrastive.conftest import seeded


def units(*shape: int, seed: int = 0) -> Tensor:
    return F.normalize(torch.randn(shape, generator=seeded(seed), dtype=torch.float64), dim=-1)


def rows(keys: Tensor) -> list[tuple[float, ...]]:
    return sorted(map(tuple, keys.tolist()))


@given(size=st.integers(1, 7), batches=st.lists(st.integers(0, 16), max_size=6))
def test_queue_is_first_in_first_out(size: int, batches: list[int]) -> None:
    queue = KeyQueue(size, 2)
    expected = deque(map(tuple, queue.keys.tolist()), maxlen=size)
    for i, n in enumerate(batches):
        keys = units(n, 2, seed=i).float()
        queue.push(keys)
        expected.extend(map(tuple, keys.tolist()))
    assert rows(queue.keys) == sorted(expected)


def test_queue_begins_with_unit_vectors() -> None:
    torch.testing.assert_close(KeyQueue(5, 3).keys.norm(dim=1), torch.ones(5))


def test_queue_goes_on_where_it_was() -> None:
    """Also from the middle of its round."""
    queue, other = KeyQueue(5, 3), KeyQueue(5, 3)
    queue.push(units(7, 3))
    other.load_state_dict(queue.state_dict())
    for each in (queue, other):
        each.push(units(2, 3, seed=1))
    assert torch.equal(queue.keys, other.keys)
    assert int(other.position) == 9 % 5


def test_push_does_not_disturb_a_backward_that_is_to_come() -> None:
    queue = KeyQueue(4, 3)
    before = queue.keys.clone()
    query = units(2, 3).float().requires_grad_()
    loss = (query @ queue.keys.T).square().sum()
    queue.push(units(3, 3, seed=1).float().requires_grad_())
    loss.backward()
    torch.testing.assert_close(query.grad, 2 * (query @ before.T @ before).detach())
    assert not queue.keys.requires_grad


def test_mixtures_of_pairs() -> None:
    """Each is a sum of two different keys among the hardest, with shares that are not negative."""
    query, keys = units(3, 16), units(10, 16, seed=1)
    mixed = mix_hard_negatives(query, keys, HardMixing(hardest=4, pairs=50, with_query=0), seeded())
    assert mixed.shape == (3, 50, 16)
    torch.testing.assert_close(mixed.norm(dim=2), torch.ones(3, 50, dtype=torch.float64))
    for i in range(3):
        shares = torch.linalg.lstsq(keys.T, mixed[i].T).solution.T  # ten independent keys: there is but one answer
        torch.testing.assert_close(shares @ keys, mixed[i])
        used = shares.abs() > 1e-9
        hardest = set((keys @ query[i]).argsort(descending=True)[:4].tolist())
        assert (shares > -1e-9).all()
        assert (used.sum(dim=1) == 2).all()
        assert set(used.nonzero()[:, 1].tolist()) == hardest


def test_mixtures_with_the_query_are_harder_than_what_they_are_made_of() -> None:
    query, keys = units(3, 16), units(10, 16, seed=1)
    mixed = mix_hard_negatives(query, keys, HardMixing(hardest=4, pairs=1, with_query=50), seeded())[:, 1:]
    for i in range(3):
        basis = torch.cat([keys, query[i : i + 1]])
        shares = torch.linalg.lstsq(basis.T, mixed[i].T).solution.T
        assert ((shares.abs() > 1e-9).sum(dim=1) == 2).all()
        own, key = shares[:, -1], shares[:, :-1].max(dim=1)
        assert (own > 0).all()
        assert (own <= key.values).all(), "the negative has the larger part"
        assert (mixed[i] @ query[i] > (keys @ query[i])[key.indices]).all()


def test_mixtures_are_constants() -> None:
    query, keys = units(2, 4).requires_grad_(), units(5, 4, seed=1).requires_grad_()
    assert not mix_hard_negatives(query, keys, HardMixing(), seeded()).requires_grad


def test_mixtures_come_from_the_generator() -> None:
    query, keys = units(2, 4), units(5, 4, seed=1)
    first = mix_hard_negatives(query, keys, HardMixing(), seeded(1))
    assert torch.equal(first, mix_hard_negatives(query, keys, HardMixing(), seeded(1)))
    assert not torch.equal(first, mix_hard_negatives(query, keys, HardMixing(), seeded(2)))


@pytest.mark.parametrize("keys", [2, 3])
def test_few_keys_are_all_mixed(keys: int) -> None:
    mixed = mix_hard_negatives(units(2, 4), units(keys, 4, seed=1), HardMixing(), seeded())
    assert mixed.shape == (2, 32, 4)
    assert mixed.isfinite().all()
