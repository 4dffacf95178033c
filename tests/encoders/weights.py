"""Files of weights as torchvision publishes them, their values drawn at random."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torchvision import models


def torchvision_weights(name: str, folder: Path) -> Path:
    """A file for the network of this name, written once; of the classifier it has one small tensor."""
    file = folder / f"{name}.pth"
    if not file.exists():
        torch.manual_seed(5)
        with torch.device("meta"):
            features = models.get_model(name, weights=None).features
        features.to_empty(device="cpu")
        for tensor in features.parameters():
            nn.init.normal_(tensor, std=0.05)
        state = {f"features.{key}": value for key, value in features.state_dict().items()}
        torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, file)
    return file
