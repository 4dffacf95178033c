"""The patch autoencoder: it begins as a cosine transform, learns, and sees no further than it says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from restore.networks.patch_autoencoder import PatchAutoencoder, PatchAutoencoderOptions, low_frequencies
from tests.conftest import picture


@pytest.mark.parametrize(("factor", "channels"), [(2, 12), (4, 48), (4, 16)])
def test_low_frequencies_are_orthonormal_and_those_of_opencv(factor: int, channels: int) -> None:
    basis = low_frequencies(factor, channels)
    torch.testing.assert_close(basis @ basis.T, torch.eye(channels), atol=1e-5, rtol=0)
    gray = basis.view(channels, 3, factor, factor).sum(1)  # differences of color sum to nothing, or to one plane
    for row in (row for row, whole in zip(gray, basis.view(channels, 3, -1), strict=True) if torch.equal(*whole[:2])):
        found = cv2.dct(row.numpy() / np.sqrt(3))
        assert np.isclose(np.abs(found).max(), 1, atol=1e-5)
        assert (np.abs(found) > 1e-5).sum() == 1, "one frequency"


def test_a_whole_basis_loses_nothing_before_training() -> None:
    network = PatchAutoencoder(2, 12, width=8, blocks=1)
    x = torch.from_numpy(picture(16, 24).transpose(2, 0, 1)[None] / np.float32(255))
    with torch.no_grad():
        for convolutions in (network.encoder, network.decoder):
            for parameter in convolutions[-1].parameters():
                parameter.zero_()
        torch.testing.assert_close(network(x), x, atol=1e-5, rtol=0)
        assert network.encode(x).shape == (1, 12, 8, 12)


@pytest.mark.parametrize("options", [PatchAutoencoderOptions(blocks=1), PatchAutoencoderOptions(factor=2, channels=5)])
def test_it_sees_no_further_than_its_halo(options: PatchAutoencoderOptions) -> None:
    halo, factor = options.halo(1), options.multiple(1)
    torch.manual_seed(0)
    network = options.build(1).double()
    side = (2 * halo // factor + 4) * factor
    reaches = []
    for place in range(side // 2, side // 2 + factor):
        x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        network(x)[..., place, place].sum().backward()
        rows = torch.nonzero((x.grad.abs().sum(dim=(0, 1)) > 0).any(dim=1)).flatten()
        reaches += [place - int(rows.min()), int(rows.max()) - place]
    assert max(reaches) == halo


def test_it_learns_to_reproduce() -> None:
    torch.manual_seed(0)
    network = PatchAutoencoder(4, 16, width=16, blocks=1)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    batch = torch.from_numpy(np.stack([picture(32, 32, seed=seed) for seed in range(4)]).transpose(0, 3, 1, 2) / 255)
    batch, losses = batch.float(), []
    for _ in range(40):
        optimizer.zero_grad()
        loss = (network(batch) - batch).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in network.parameters())
    assert losses[-1] < 0.8 * losses[0]


def test_a_code_larger_than_its_block_is_refused() -> None:
    with pytest.raises(ValidationError, match="a block of 2 x 2 pixels has 12 values, and its code at most as many"):
        PatchAutoencoderOptions(factor=2, channels=13)
    with pytest.raises(ValueError, match="its code at most as many, not 49"):
        PatchAutoencoder(4, 49)
    with pytest.raises(ValueError, match="'patch-autoencoder' does not enlarge"):
        PatchAutoencoderOptions().build(2)
