"""MemoryNet: its memory in plain loops, and a network that learns, is exported and takes odd sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from restore.api import load
from restore.networks.memorynet import MemoryNetOptions, PrototypeMemory
from tests.conftest import picture
from tests.networks.learning import loss_left, silent_weights
from tests.networks.trained_file import trained_file

SMALL = MemoryNetOptions(width=8, growth=4, blocks=1)


def features(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def memory(channels: int = 6, shrink: float = 0.02) -> PrototypeMemory:
    torch.manual_seed(1)
    made = PrototypeMemory(channels, classes=3, instances=2, parts=4, shrink=shrink)
    torch.nn.init.normal_(made.bank)
    return made


def test_what_a_pixel_reads_in_plain_loops() -> None:
    one, x = memory(), features(2, 6, 3, 4)
    bank = one.bank.detach().numpy()

    def gated_mean(rows: np.ndarray, gate: torch.nn.Conv1d) -> np.ndarray:
        weight, bias = gate.weight.detach().numpy()[:, :, 0], gate.bias.detach().numpy()
        gates = 1 / (1 + np.exp(-(weight @ rows + bias[:, None])))
        return (gates * rows).mean(axis=0)

    def read(query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        shares = np.exp(rows @ query) / np.exp(rows @ query).sum()
        less = np.maximum(shares - 0.02, 0)
        shares = less * shares / (np.abs(shares - 0.02) + 1e-12)  # the released code's words
        return shares / np.abs(shares).sum() @ rows

    instances = np.stack([gated_mean(bank[4 * i : 4 * i + 4], one.part_gate) for i in range(6)])
    classes = np.stack([gated_mean(instances[2 * i : 2 * i + 2], one.instance_gate) for i in range(3)])
    got = one(x).detach().numpy()
    dropped = 0
    for n in range(2):
        for row in range(3):
            for column in range(4):
                query = x[n, :, row, column].numpy()
                dropped += int((np.exp(bank @ query) / np.exp(bank @ query).sum() <= 0.02).sum())
                part = read(query, bank)
                instance = read(part, instances)
                expected = np.concatenate([part, instance, read(instance, classes)])
                np.testing.assert_allclose(got[n, :, row, column], expected, atol=1e-5)
    assert dropped > 24, "small shares are dropped"


def test_a_large_query_reads_the_prototype_that_it_resembles() -> None:
    one = memory()
    prototypes = torch.nn.functional.normalize(one.bank.detach(), dim=1)
    one.bank.data.copy_(prototypes)
    read = one(100 * prototypes.T.reshape(1, 6, 24, 1))[0, :6, :, 0].T
    torch.testing.assert_close(read, prototypes, atol=2e-2, rtol=0)


def test_memory_gradients() -> None:
    one, x = memory(shrink=0.0).double(), features(1, 6, 2, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(one, (x,), fast_mode=True)


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    network = MemoryNetOptions(width=16, growth=8, blocks=1).build(1)
    assert silent_weights(network, torch.rand(2, 3, 24, 32)) == []


def test_it_begins_close_to_its_input_and_learns() -> None:
    torch.manual_seed(0)
    network, x = SMALL.build(1), 0.5 * torch.rand(2, 3, 24, 32)
    assert (network(x) - x).abs().mean() < 0.1
    assert loss_left(network, x, 25) < 0.6


def test_a_size_that_trains_on_a_cpu() -> None:
    assert sum(p.numel() for p in MemoryNetOptions().build(1).parameters()) < 1e6


def test_its_options() -> None:
    with pytest.raises(ValidationError, match="could drop all of the 100 prototypes: set it below 0.01"):
        MemoryNetOptions(shrink=0.02)
    with pytest.raises(ValueError, match="does not enlarge"):
        SMALL.build(2)


@pytest.mark.slow
def test_trained_exported_verified_and_used(tmp_path: Path) -> None:
    """By the commands, and at odd sizes."""
    _, file = trained_file(tmp_path, "memorynet-derain", "{kind: memorynet, width: 8, growth: 4, blocks: 1}", 64)
    model = load(file)
    for size in ((37, 51), (1, 1), (64, 5)):
        pixels = picture(*size)
        assert model(pixels).shape == pixels.shape
