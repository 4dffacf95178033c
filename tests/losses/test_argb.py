"""The translating autoencoder: sparse experts beside dense convolutions, its balance, and a short training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from restore.errors import ModelError, RecipeError
from restore.losses.argb import ARGB, ArgbOptions, imbalance, load_autoencoder, translation_loss
from restore.networks.argb_autoencoder import TranslatingAutoencoder
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.recipe_file import parse_recipe
from tests.training.test_loop import RECIPE, go


def small(experts: int = 3, channels: int = 8) -> TranslatingAutoencoder:
    torch.manual_seed(0)
    return TranslatingAutoencoder(experts, channels).double()


def dense(autoencoder: TranslatingAutoencoder, x: Tensor, choice: Tensor) -> Tensor:
    """Every expert over the whole picture, then a choice by pixel, as the released code does."""
    answers = []
    for convs in autoencoder.experts:
        features = x
        for i, conv in enumerate(convs):
            features = conv(F.leaky_relu(features, 0.2) if i else features)
        answers.append(features)
    index = choice[:, None, None].expand(-1, -1, answers[0].shape[1], -1, -1)
    return torch.stack(answers, dim=1).gather(1, index)[:, 0]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(0, 99))
def test_sparse_experts_are_the_dense_ones(n, height, width, used, seed) -> None:
    """Any routing: all pixels to one expert, single pixels, pictures smaller than what an expert sees."""
    autoencoder = small(experts=4)
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 3, height, width, generator=draw, dtype=torch.float64)
    choice = torch.randint(used, (n, height, width), generator=draw)
    gates = F.one_hot(choice, 4).permute(0, 3, 1, 2).double()
    torch.testing.assert_close(autoencoder.embed(x, gates), dense(autoencoder, x, choice))


def test_sparse_gradients_are_the_dense_ones() -> None:
    autoencoder = small()
    x = torch.rand(2, 3, 9, 11, dtype=torch.float64).requires_grad_()
    choice = torch.randint(3, (2, 9, 11))
    gates = F.one_hot(choice, 3).permute(0, 3, 1, 2).double()
    weights = torch.randn(2, 8, 9, 11, dtype=torch.float64)
    wanted = [x, *autoencoder.experts.parameters()]
    sparse = torch.autograd.grad((autoencoder.embed(x, gates) * weights).sum(), wanted)
    for got, expected in zip(
        sparse, torch.autograd.grad((dense(autoencoder, x, choice) * weights).sum(), wanted), strict=True
    ):
        torch.testing.assert_close(got, expected)


def test_the_papers_sizes() -> None:
    autoencoder = TranslatingAutoencoder()
    count = [sum(p.numel() for p in part.parameters()) for part in (autoencoder.router, autoencoder.experts)]
    assert round(count[0] / 1e3) == 514
    assert round(count[1] / 1e6, 2) == 4.82
    assert autoencoder.eval()(torch.rand(1, 3, 7, 9)).shape == (1, 128, 7, 9)


def test_decoding_is_linear() -> None:
    autoencoder = small()
    a, b = torch.randn(2, 1, 8, 4, 5, dtype=torch.float64)
    offset = autoencoder.decode(torch.zeros_like(a))
    torch.testing.assert_close(
        autoencoder.decode(2 * a - b) - offset,
        2 * (autoencoder.decode(a) - offset) - (autoencoder.decode(b) - offset),
    )


def test_imbalance() -> None:
    even = F.one_hot(torch.arange(4).repeat(4).view(1, 4, 4), 4).permute(0, 3, 1, 2).double()
    assert imbalance(even).item() == pytest.approx(1)
    one = torch.zeros(1, 4, 4, 4, dtype=torch.float64)
    one[:, 2] = 1
    assert imbalance(one).item() == pytest.approx(4)


def test_imbalance_by_a_loop() -> None:
    gates = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).softmax(1)
    pixels = gates.permute(0, 2, 3, 1).reshape(-1, 3).tolist()
    shares = [sum(row.index(max(row)) == k for row in pixels) / len(pixels) for k in range(3)]
    means = [sum(row[k] for row in pixels) / len(pixels) for k in range(3)]
    expected = 3**2 * sum(s * m for s, m in zip(shares, means, strict=True)) / 3
    assert imbalance(gates).item() == pytest.approx(expected, rel=1e-5)


def test_the_translation_loss_is_its_two_terms() -> None:
    autoencoder = small().eval()
    x = torch.rand(2, 3, 8, 9, dtype=torch.float64)
    noise = torch.randn((2, 8, 8, 9), dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    gates = autoencoder.gates(x)
    reconstruction = (autoencoder.decode(autoencoder.embed(x, gates) + noise) - x).abs().mean()
    value = translation_loss(autoencoder, x, 0.3, torch.Generator().manual_seed(4))
    torch.testing.assert_close(value, reconstruction + 0.3 * imbalance(gates))


def test_training_reaches_every_part_and_lowers_the_loss() -> None:
    torch.manual_seed(0)
    autoencoder = TranslatingAutoencoder(experts=3, channels=16).train()
    optimizer = torch.optim.Adam(autoencoder.parameters(), 3e-3)
    draw = torch.Generator().manual_seed(1)
    values = []
    for _ in range(60):
        x = torch.rand(2, 3, 1, 1, generator=draw) + 0.1 * torch.rand(2, 3, 12, 12, generator=draw)
        loss = translation_loss(autoencoder, x, generator=draw)
        optimizer.zero_grad()
        loss.backward()
        if not values:
            silent = [n for n, p in autoencoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
            # A bias before a batch norm has no effect, and an expert that no pixel asked for learns nothing yet.
            assert not [n for n in silent if n.startswith("decoder") or n.startswith("router.13")]
            assert any(n.startswith("experts") for n, p in autoencoder.named_parameters() if n not in silent)
        optimizer.step()
        values.append(loss.item())
    assert sum(values[-10:]) < 0.7 * sum(values[:10])


def test_the_loss_is_l1_of_the_embeddings_in_eval(pair) -> None:
    autoencoder = small().float().train()
    loss = ARGB(autoencoder).train()
    output, target = pair()
    assert not autoencoder.training
    expected = F.l1_loss(autoencoder(output), autoencoder(target))
    torch.testing.assert_close(loss(output, target), expected)


def test_more_than_color_is_compared() -> None:
    """Two pictures of the same colors in other places are told apart, also at the pixels that are equal."""
    autoencoder = small()
    x = torch.rand(1, 3, 15, 15, dtype=torch.float64)
    y = x.clone()
    y[..., 7, 8] += 0.3
    changed = (autoencoder.eval()(x) - autoencoder(y)).abs().sum(1)[0] > 0
    assert changed[7, 7]
    assert not changed[:, :1].any(), "an expert sees four pixels far, the router three"


def test_trained_by_a_recipe_and_used_as_a_loss(photos: Path, tmp_path: Path) -> None:
    """The run's checkpoint is all that the loss needs; its embedding is that of the averaged weights."""
    changes = ("network={kind: translating, experts: 2, width: 8}", "losses=[{kind: translation}]", "scale=1")
    assert go(photos.parent, tmp_path / "argb", *changes)
    loaded = load_autoencoder(tmp_path / "argb").eval()
    kept = Checkpoint(tmp_path / "argb" / LAST).part("average")
    assert {f"autoencoder.{k}" for k in loaded.state_dict()} == set(kept)
    assert all(torch.equal(v, kept[f"autoencoder.{k}"]) for k, v in loaded.state_dict().items())
    term = ArgbOptions(weights=tmp_path / "argb").build()
    a, b = torch.rand(2, 1, 3, 9, 9)
    a.requires_grad_()
    loss = term(a, b, b, torch.Generator())
    torch.testing.assert_close(loss, (loaded(a) - loaded(b)).abs().mean())
    loss.backward()
    assert a.grad is not None
    assert a.grad.abs().sum() > 0


def test_an_autoencoder_that_is_not_there(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="restore train argb --data FOLDER"):
        load_autoencoder(tmp_path / "none.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        load_autoencoder(tmp_path / "broken.safetensors")
    assert go(photos.parent, tmp_path / "plain", "train.steps=5")
    with pytest.raises(ModelError, match="not of the network 'translating'"):
        load_autoencoder(tmp_path / "plain")
    with pytest.raises(RecipeError, match="translation only trains the network 'translating'"):
        parse_recipe(RECIPE, "r", ["losses=[{kind: translation}]"])
    with pytest.raises(RecipeError, match="scale must be 1, not 2"):
        parse_recipe(RECIPE, "r", ["network={kind: translating}", "losses=[{kind: translation}]"])
