"""Q-Boost, the quality of a picture from how likely a vision-language model is to call it good, average or poor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restore.errors import MissingExtraError, ModelError

# Good, neutral and bad answers.
TRIPLE = (("good",), ("average",), ("poor",))
ENSEMBLE = (("good", "high", "fine"), ("average", "medium", "acceptable"), ("poor", "low", "bad"))
QUESTION, ANSWER = "Rate the quality of the image.", "The quality of the image is"
_WORTH = (1.0, 0.5, 0.0)


class _Tokenizer(Protocol):
    """What is used of a tokenizer of transformers."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


class QBoost:
    """The expected quality of a picture, 0..1, higher is better: 1 for good, 0.5 for average, 0 for poor.

    Zhang et al., "Q-Boost: on visual quality assessment ability of low-level multi-modality foundation models", 2023
    (arXiv 2312.15300): the model is asked to rate the picture, and its answer is begun for it. Of the logits of the
    next word, the mean over the words for each of the three answers goes through a softmax. The authors advise the
    single triple for pictures, and the ensemble for videos.

    Args:
        weights: a folder with a vision-language model and its processor, as transformers saves them, in safetensors.
        ensemble: whether each answer has three words.

    Raises:
        MissingExtraError: transformers is not installed.
        ModelError: there is no such folder, or it holds no model that takes pictures in a chat. Nothing is downloaded,
            and no code in the folder is run.
    """

    def __init__(self, weights: Path | None = None, *, ensemble: bool = False) -> None:
        name = "q-boost-ensemble" if ensemble else "q-boost"
        if weights is None:
            raise ModelError(
                f"the metric '{name}' needs a vision-language model: give its folder, as transformers saves it, by "
                f"--weights {name}=FOLDER"
            )
        if not (weights / "config.json").is_file():
            raise ModelError(f"--weights {name}={weights}: no folder with a model of transformers (no config.json)")
        try:
            from transformers import AutoModelForImageTextToText, AutoProcessor
            from transformers.utils import logging
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"the metric '{name}'", "vlm", error.name) from error
        logging.disable_progress_bar()
        here = {"local_files_only": True, "trust_remote_code": False}
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._processor = AutoProcessor.from_pretrained(weights, **here)
            model = AutoModelForImageTextToText.from_pretrained(weights, use_safetensors=True, dtype="auto", **here)
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            why = (str(error) or type(error).__name__).splitlines()[0]
            raise ModelError(f"{weights}: not a model that metric '{name}' can use: {why}") from error
        if not getattr(self._processor, "chat_template", None):
            raise ModelError(f"{weights}: its processor has no chat template, by which metric '{name}' asks")
        self._model = model.eval().to(self._device)
        self._tokens = [
            torch.tensor(_first_tokens(self._processor.tokenizer, words, weights))
            for words in (ENSEMBLE if ensemble else TRIPLE)
        ]
        found = torch.cat(self._tokens).tolist()
        if len(set(found)) < len(found):
            raise ModelError(f"{weights}: its tokenizer begins different answers alike, so metric '{name}' cannot tell")

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8]) -> float:
        """Score an RGB picture (H, W, 3); the processor brings it to the size that the model sees."""
        asked = [{"type": "image", "image": Image.fromarray(image)}, {"type": "text", "text": QUESTION}]
        chat = [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]},
        ]
        inputs: Mapping[str, Tensor] = self._processor.apply_chat_template(
            chat, continue_final_message=True, tokenize=True, return_dict=True, return_tensors="pt"
        ).to(self._device, dtype=self._model.dtype)
        logits: Tensor = self._model(**inputs).logits[0, -1].float().cpu()
        return quality(logits, self._tokens)


def quality(logits: Tensor, tokens: Sequence[Tensor]) -> float:
    """The expected quality, 0..1.

    Args:
        logits: of the next token, (vocabulary,).
        tokens: of the words for good, average and poor.
    """
    chances = torch.stack([logits[words].mean() for words in tokens]).softmax(0)
    return float(chances @ torch.tensor(_WORTH))


def _first_tokens(tokenizer: _Tokenizer, words: Sequence[str], folder: Path) -> list[int]:
    """The token that each word begins with where it continues the answer."""
    before = tokenizer.encode(ANSWER, add_special_tokens=False)
    found = []
    for word in words:
        tokens = tokenizer.encode(f"{ANSWER} {word}", add_special_tokens=False)
        if tokens[: len(before)] != before or len(tokens) == len(before):
            raise ModelError(f"{folder}: its tokenizer does not keep words apart, so the answer {word!r} is none")
        found.append(tokens[len(before)])
    return found
