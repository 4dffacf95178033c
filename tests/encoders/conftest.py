"""Files of weights in the published formats, their values drawn at random."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.encoders.weights import torchvision_weights


@pytest.fixture(scope="session")
def torchvision_file(tmp_path_factory):
    """The path of a file as torchvision publishes it, by the network's name."""
    folder = tmp_path_factory.mktemp("torchvision")
    return lambda name: torchvision_weights(name, folder)


TINY_TOWERS = {
    "tiny-vit": {"image_size": 32, "layers": 3, "width": 32, "patch_size": 8, "head_width": 16},
    "tiny-resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
}


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    """The path of a file of weights by the name of a tiny CLIP, which open_clip then knows, with weights ``openai``."""
    open_clip = pytest.importorskip("open_clip")
    from open_clip import pretrained

    folder = tmp_path_factory.mktemp("clip")
    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    for name, vision in TINY_TOWERS.items():
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


@pytest.fixture(autouse=True)
def _nobodys_cache(tmp_path, monkeypatch):
    """Neither torch hub's folder nor the Hugging Face cache of who runs the tests."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "huggingface"))
