"""CLIP, whose picture and text embeddings share a space, by the package open_clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from restore.encoders.encoder import Encoder, EncoderOptions, tap_indices
from restore.encoders.weights import fit_weights, hub_file, read_weights
from restore.errors import MissingExtraError

_HUB = "https://huggingface.co"
# The tokenizer's mark for a token that ends a word; number of texts embedded at once.
_WORD_END, _AT_ONCE = "</w>", 1024
# Input pixels for each place of a ResNet's last map.
_LEAST_SIDE = 32


class Vocabulary(NamedTuple):
    """Words, and their embeddings (V, C) in the space of the pictures'."""

    words: list[str]
    embeddings: Tensor


class ClipEncoder(Encoder):
    """CLIP (Radford et al., "Learning transferable visual models from natural language supervision", 2021).

    A picture is resized to the network's square, ignoring the aspect ratio, by bicubic interpolation.

    Args:
        model: open_clip's name of an architecture, such as ``ViT-B-32`` or ``RN50``.
        pretrained: open_clip's tag of its weights, such as ``openai``: it determines how pictures are normalized, which
            activation the network has, and where the weights are published.
        taps: ``embedding``, and before it ``stem`` and ``layer1`` to ``layer4`` of a ResNet, or ``block0`` and so on
            of a vision transformer (the patches' tokens as a map). Shallow to deep.
        weights: a file of weights, as open_clip names its tensors; None for the user's Hugging Face cache
            or torch hub's cache.

    Shape:
        (N, 3, H, W), 0..1, to (N, C, h, w) at the layers and (N, C, 1, 1) at ``embedding``, which is not normalized:
        compare by cosine.

    Raises:
        MissingExtraError: open_clip is not installed.
        MissingWeightsError: the weights are missing.
        ModelError: the file is damaged or belongs to another network.
        ValueError: ``model``, ``pretrained`` or ``taps`` is invalid.
    """

    def __init__(self, model: str, pretrained: str, taps: Sequence[str], weights: Path | None = None) -> None:
        open_clip = _open_clip()
        published = open_clip.get_pretrained_cfg(model, pretrained)
        if not published:
            known = (
                ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none; is the architecture's name right?"
            )
            raise ValueError(f"pretrained: open_clip has no weights {pretrained!r} for {model!r}; there are {known}")
        purpose = f"encoder 'clip' ({model}, {pretrained})"
        path, url = _weights_file(published.get("hf_hub", ""), weights)
        state = read_weights(path, purpose, url)
        network = _architecture(open_clip, model, published.get("quick_gelu", False))
        fit_weights(network, state, path, purpose)
        names, channels = _layers(network.visual)
        indices = tap_indices(taps, names)
        super().__init__([channels[i] for i in indices], published["mean"], published["std"])
        self.network = network
        self.embeds = indices[-1] == len(names) - 1
        self.inner = indices[:-1] if self.embeds else indices
        self.tokenize = open_clip.get_tokenizer(model)
        self.freeze()

    @property
    def _clip(self) -> Any:
        """The network; its parts are open_clip's, which has no types."""
        return self.network

    def forward(self, x: Tensor) -> list[Tensor]:
        visual = self._clip.visual
        side = visual.image_size
        size = (side, side) if isinstance(side, int) else tuple(side)
        picture = F.interpolate(x, size, mode="bicubic", antialias=True)
        if self.inner:
            found = visual.forward_intermediates(
                self.normalize(picture),
                indices=self.inner,
                stop_early=not self.embeds,
                intermediates_only=not self.embeds,
            )
            taken, embedding = list(found["image_intermediates"]), found.get("image_features")
        else:
            taken, embedding = [], visual(self.normalize(picture))
        return [*taken, embedding[:, :, None, None]] if self.embeds else taken

    def encode_unplaced(self, x: Tensor) -> Tensor:
        """Embeddings (N, C) of pictures (N, 3, H, W), 0..1, at their own size, without the positional embedding.

        Wang, Chan and Loy, "Exploring CLIP for assessing the look and feel of images" (CLIP-IQA), AAAI 2023: a
        ResNet's positional embedding has one row for each place of the size that it was trained on, and without it
        pictures need not be resized.

        Raises:
            ValueError: the network is no ResNet, or a side is below 32 pixels.
        """
        visual = self._clip.visual
        if not hasattr(visual, "attnpool"):
            raise ValueError("only CLIP's ResNets, such as RN50, take pictures at their own size")
        if min(x.shape[-2:]) < _LEAST_SIDE:
            raise ValueError(f"CLIP needs sides of at least {_LEAST_SIDE} pixels, not {x.shape[-1]} x {x.shape[-2]}")
        maps = visual.forward_intermediates(self.normalize(x), indices=[4], intermediates_only=True)
        places = maps["image_intermediates"][0].flatten(2).transpose(1, 2)
        pool, mean = visual.attnpool, places.mean(1, keepdim=True)
        places = torch.cat((mean, places), dim=1)
        query, key, value = (
            layer(tokens).unflatten(2, (pool.num_heads, -1)).transpose(1, 2)
            for layer, tokens in ((pool.q_proj, mean), (pool.k_proj, places), (pool.v_proj, places))
        )
        # Only the mean asks: the other tokens' results are not read.
        embedding: Tensor = pool.c_proj(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        return embedding[:, 0]

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Embeddings (T, C) of T texts, in the space of ``embedding``; not normalized, without gradient."""
        tokens = self.tokenize(list(texts)).to(self.mean.device)
        with torch.no_grad():
            embedding: Tensor = self._clip.encode_text(tokens)
        return embedding

    def start_tokens(self, words: int) -> tuple[Tensor, int]:
        """The embedded tokens (L, W) of a text of ``X`` repeated, and the index of the token that is read out."""
        tokens = self.tokenize([" ".join(["X"] * words)])[0].to(self.mean.device)
        with torch.no_grad():
            embedded: Tensor = self._clip.token_embedding(tokens)
        return embedded, int(tokens.argmax())

    def encode_tokens(self, tokens: Tensor, end: int) -> Tensor:
        """Embeddings (T, C) of T texts given as embedded tokens, with a gradient.

        Args:
            tokens: (T, L, W), L at most the network's length; tokens after ``end`` have no effect.
            end: index of the end of the text.
        """
        length = tokens.shape[1]
        x = tokens + self._clip.positional_embedding[:length]
        x = self._clip.ln_final(self._clip.transformer(x, attn_mask=self._clip.attn_mask[:length, :length]))
        embedding: Tensor = x[:, end] @ self._clip.text_projection
        return embedding

    def vocabulary(self) -> Vocabulary:
        """Every token of the tokenizer except its special ones, each as a separate text."""
        begin, end = self.tokenize.sot_token_id, self.tokenize.eot_token_id
        words = {i: word for i, word in sorted(self.tokenize.decoder.items()) if i not in (begin, end)}
        texts = torch.tensor([[begin, i, end] for i in words], device=self.mean.device)
        with torch.no_grad():
            found = [
                self.encode_tokens(self._clip.token_embedding(some), end=2) for some in torch.split(texts, _AT_ONCE)
            ]
        return Vocabulary([word.removesuffix(_WORD_END) for word in words.values()], torch.cat(found))


class ClipOptions(EncoderOptions):
    """CLIP by open_clip: :class:`restore.encoders.clip.ClipEncoder`."""

    kind: Literal["clip"] = "clip"
    model: str = Field("ViT-B-32", description="open_clip's name of the architecture")
    pretrained: str = Field("openai", description="open_clip's tag of the weights")
    taps: tuple[str, ...] = Field(("embedding",), description="layers, shallow to deep")
    weights: Path | None = Field(None, description="a file of weights; null for the Hugging Face cache")

    def build(self) -> Encoder:
        return ClipEncoder(self.model, self.pretrained, self.taps, self.weights)


def _open_clip() -> Any:
    try:
        import open_clip
    except ModuleNotFoundError as error:
        raise MissingExtraError("encoder 'clip'", "clip", error.name) from error
    return open_clip


def _architecture(open_clip: Any, model: str, quick_gelu: bool) -> Any:
    config = open_clip.get_model_config(model)
    foreign = {"timm_model_name", "hf_model_name"} & (config["vision_cfg"].keys() | config["text_cfg"].keys())
    if foreign or config.pop("custom_text", False) or "multimodal_cfg" in config:
        raise ValueError(f"model: {model!r} uses towers from another package; only open_clip's own are supported")
    return open_clip.CLIP(**{**config, "quick_gelu": quick_gelu})


def _layers(visual: Any) -> tuple[list[str], list[int]]:
    """Names and channels of an image tower's layers, the embedding last."""
    if hasattr(visual, "layer1"):
        names = ["stem", "layer1", "layer2", "layer3", "layer4"]
        channels = [visual.conv3.out_channels * factor for factor in (1, 4, 8, 16, 32)]
    else:
        names = [f"block{i}" for i in range(visual.transformer.layers)]
        channels = [visual.transformer.width] * len(names)
    return [*names, "embedding"], [*channels, visual.output_dim]


def _weights_file(hub: str, weights: Path | None) -> tuple[Path, str]:
    """The file to read and the address where it is published.

    Args:
        hub: ``owner/repository/file``, the file perhaps empty.
        weights: the user's own choice of a file.
    """
    repository, _, name = hub.rpartition("/")
    name = name or "open_clip_model.safetensors"
    url = f"{_HUB}/{repository}/resolve/main/{name}"
    if weights is not None:
        return weights, url
    try:
        from huggingface_hub import try_to_load_from_cache
    except ModuleNotFoundError as error:
        raise MissingExtraError("encoder 'clip'", "clip", error.name) from error
    cached = try_to_load_from_cache(repository, name)
    by_hand = hub_file(f"{repository.replace('/', '--')}--{name}")
    return (Path(cached) if isinstance(cached, str) else by_hand), url
