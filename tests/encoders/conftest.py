"""Files of weights in the published formats, their values drawn at random."""

from __future__ import annotations

import pytest
import torch

from tests.encoders.weights import torchvision_weights


@pytest.fixture(scope="session")
def torchvision_file(tmp_path_factory):
    """The path of a file as torchvision publishes it, by the network's name."""
    folder = tmp_path_factory.mktemp("torchvision")
    return lambda name: torchvision_weights(name, folder)


@pytest.fixture(autouse=True)
def _nobodys_cache(tmp_path, monkeypatch):
    """Neither torch hub's folder nor the Hugging Face cache of who runs the tests."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "huggingface"))
