"""Files of weights in the published formats, their values drawn at random."""

from __future__ import annotations

import json
from collections.abc import Callable
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


_TINY_TOWERS = {
    "tiny-vit": {"image_size": 32, "layers": 3, "width": 32, "patch_size": 8, "head_width": 16},
    "tiny-resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
}


def tiny_clips(folder: Path) -> Callable[[str], Path]:
    """Make open_clip know two tiny CLIPs with weights ``openai``; gives the path of a file of them by the name."""
    import open_clip
    from open_clip import pretrained

    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    for name, vision in _TINY_TOWERS.items():
        (folder / f"{name}.json").write_text(json.dumps({"embed_dim": 24, "vision_cfg": vision, "text_cfg": text}))
        open_clip.add_model_config(folder / f"{name}.json")
        tags = pretrained._PRETRAINED["ViT-B-32"]
        pretrained._PRETRAINED[name] = {"openai": {**tags["openai"], "hf_hub": f"nobody/{name}/"}}

    def path(name: str) -> Path:
        file = folder / f"{name}.pt"
        if not file.exists():
            torch.manual_seed(6)
            network = open_clip.CLIP(**open_clip.get_model_config(name), quick_gelu=True)
            for tensor in network.visual.parameters():
                tensor.data += 0.05 * torch.randn_like(tensor)
            torch.save(network.state_dict(), file)
        return file

    return path
