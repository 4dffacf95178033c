"""Q-Boost with a tiny vision-language model of random weights: its logits by hand, and what is said if something lacks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from restore.cli.main import main
from restore.errors import MissingExtraError, ModelError
from restore.metrics.learned.q_boost import ENSEMBLE, QBoost, quality
from tests.conftest import picture, save

WORDS = [
    "The",
    "quality",
    "of",
    "the",
    "image",
    "is",
    ".",
    "Rate",
    "USER",
    ":",
    "ASSISTANT",
    "good",
    "high",
    "fine",
    "average",
    "medium",
    "acceptable",
    "poor",
    "low",
    "bad",
]
TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() }} : {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}{% endfor %}{% endfor %}"
)


def saved(folder: Path, words: list[str], template: str | None = TEMPLATE) -> Path:
    """A LLaVA of a few thousand random weights, with a tokenizer of whole words."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate(["<pad>", "<unk>", "<image>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"unk_token": "<unk>", "pad_token": "<pad>", "additional_special_tokens": ["<image>"]}
    processor = transformers.LlavaProcessor(
        transformers.CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=28),
        transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special),
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=template,
        num_additional_image_tokens=1,
        image_token="<image>",
    )
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**small, image_size=28, patch_size=14),
        text_config=transformers.LlamaConfig(
            **small, vocab_size=len(vocabulary), num_key_value_heads=2, pad_token_id=0
        ),
        image_token_index=vocabulary["<image>"],
        image_seq_length=4,
    )
    torch.manual_seed(0)
    model = transformers.LlavaForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)  # so that pictures differ
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("vlm") / "model", WORDS)


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something wants to use the network")

    monkeypatch.setattr("socket.socket.connect", refuse)


def by_hand(folder: Path, image: np.ndarray) -> torch.Tensor:
    """The logits of the next word, (vocabulary,), by the parts of the model and a prompt written out."""
    import transformers

    model = transformers.LlavaForConditionalGeneration.from_pretrained(folder).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    prompt = "USER : <image> Rate the quality of the image . ASSISTANT : The quality of the image is"
    vocabulary = ["<pad>", "<unk>", "<image>", *WORDS]
    words = prompt.replace("<image>", " ".join(["<image>"] * 4)).split()
    tokens = torch.tensor([[vocabulary.index(word) for word in words]])
    seen = processor.image_processor(Image.fromarray(image), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        return model(input_ids=tokens, pixel_values=seen).logits[0, -1].float()


@pytest.mark.slow
def test_the_logits_of_the_words_make_the_score(folder: Path) -> None:
    vocabulary = ["<pad>", "<unk>", "<image>", *WORDS]
    single, ensemble = QBoost(folder), QBoost(folder, ensemble=True)
    scores = []
    for seed in range(2):
        image = picture(40, 60, seed=seed) // (1 + 3 * seed)
        logits = by_hand(folder, image).double().numpy()
        for score, groups in ((single, [group[:1] for group in ENSEMBLE]), (ensemble, ENSEMBLE)):
            means = np.array([np.mean([logits[vocabulary.index(word)] for word in group]) for group in groups])
            chances = np.exp(means) / np.exp(means).sum()
            assert score(image) == pytest.approx(chances[0] + chances[1] / 2, abs=1e-5)
        scores.append(single(image))
    assert abs(scores[0] - scores[1]) > 1e-3, "it sees the picture"


def test_its_range() -> None:
    words = [torch.tensor([place]) for place in range(3)]
    for place, worth in enumerate((1.0, 0.5, 0.0)):
        logits = torch.zeros(4)
        logits[place] = 50
        assert quality(logits, words) == pytest.approx(worth, abs=1e-6)
    assert quality(torch.zeros(4), words) == pytest.approx(0.5)


@pytest.mark.slow
def test_the_command(folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(40, 60))
    arguments = ["evaluate", "--predictions", str(tmp_path / "in"), "--metric", "q-boost", "--csv"]
    result = CliRunner().invoke(main, [*arguments, "--weights", f"q-boost={folder}"])
    assert result.exit_code == 0, result.output
    assert f"{QBoost(folder)(picture(40, 60)):.4f}"[:5] in result.output
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "by --weights q-boost=FOLDER" in " ".join(result.output.split())


@pytest.mark.slow
def test_folders_that_hold_no_such_model(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"--weights q-boost-ensemble=.*nowhere: no folder with a model"):
        QBoost(tmp_path / "nowhere", ensemble=True)
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    (bare / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"bare: not a model that metric 'q-boost' can use"):
        QBoost(bare)
    with pytest.raises(ModelError, match="has no chat template"):
        QBoost(saved(tmp_path / "mute", WORDS, None))
    with pytest.raises(ModelError, match="begins different answers alike"):
        QBoost(saved(tmp_path / "few", [word for word in WORDS if word not in ("average", "poor")]))
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'restore\[vlm\]'"):
        QBoost(folder)
