"""Guidance by an encoder's embedding: directions found from samples, prompts that learn, the words of both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.encoders.clip import Vocabulary
from restore.encoders.registry import ENCODERS
from restore.losses.base import TrainingContext
from restore.losses.contrastive.embedding import Embedding
from restore.losses.contrastive.objectives.residual_vector import residual_vector, shifted_vector
from restore.losses.contrastive.prompts import LatentPrompts, PromptJudge, TextPrompts
from restore.losses.contrastive.residual_vector import ResidualGuide
from restore.losses.registry import LOSSES
from restore.training.step import step_generator


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pictures(count: int, level: float, seed: int = 0) -> Tensor:
    return (level * torch.rand((count, 3, 40, 56), generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


class Means(nn.Module):
    """An encoder of two taps: the picture, and its mean color with the deviation beside it."""

    channels = (3, 4)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x, torch.cat([x, x.std(dim=(1, 2, 3), keepdim=True).expand(-1, 1, *x.shape[-2:])], dim=1)]


@pytest.fixture
def clip(tiny_clip):
    return ENCODERS["clip"](model="tiny-vit", weights=tiny_clip("tiny-vit")).build()


def test_an_embedding_is_the_mean_of_the_last_tap_of_the_squeezed_picture() -> None:
    x = pictures(2, 1.0)
    squeezed = F.interpolate(x, (24, 24), mode="bilinear", antialias=True)
    torch.testing.assert_close(Embedding(Means(), 24)(x)[:, :3], squeezed.mean(dim=(2, 3)))
    torch.testing.assert_close(Embedding(Means(), None)(x)[:, :3], x.mean(dim=(2, 3)))


def test_an_embedding_is_taken_in_float32_whatever_is_around_it() -> None:
    embed = Embedding(LOSSES["residual-vector"]().encoder.build())
    x = pictures(1, 1.0)
    alone = embed(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(embed(x), alone, rtol=0, atol=0)


def test_the_direction_is_found_from_what_is_shown_and_kept() -> None:
    """With EfficientNet-Lite0: dark noise is bad, bright noise is good; what is brighter lies farther along."""
    term = LOSSES["residual-vector"]().build()
    assert term.calibration_samples == 384
    assert term(*[pictures(1, 0.5)] * 3, step_generator(0, 0)).isnan(), "nothing is trained by what was not found"
    batches = [(pictures(4, 0.2, seed), pictures(4, 0.9, seed + 9)) for seed in range(2)]
    (told,) = term.calibrate(batches)
    bad, good = (torch.cat([term.encoder(batch[side]) for batch in batches]) for side in (0, 1))
    expected = residual_vector(good, bad)
    torch.testing.assert_close(term.learned.direction, expected.direction)
    torch.testing.assert_close(term.learned.threshold, expected.threshold)
    assert f"{float(expected.threshold):.3f} along" in told
    again = LOSSES["residual-vector"]().build()
    again.learned.load_state_dict(term.learned.state_dict())
    output = pictures(2, 0.3, 5).requires_grad_()
    losses = [t(output, output, output, step_generator(0, 0)) for t in (term, again)]
    assert losses[0] == losses[1] > term(pictures(2, 0.85, 5), output, output, step_generator(0, 0))
    # A step against the gradient makes it brighter.
    losses[0].backward()
    assert (output.grad.mean(dim=(1, 2, 3)) < 0).all()


def test_the_shifted_direction_by_the_formula_of_its_code() -> None:
    good, bad, words = normal(6, 8) + 1, normal(5, 8, seed=1) - 1, normal(30, 8, seed=2)
    residual = residual_vector(good, bad)
    v = residual.direction.double().numpy()
    units = (words / words.norm(dim=1, keepdim=True)).double().numpy()
    scores = units @ v
    order = np.argsort(scores)

    def end(which: np.ndarray) -> np.ndarray:
        mean = sum(abs(scores[i]) * units[i] for i in which)
        return mean / np.linalg.norm(mean)

    common = end(order[-4:]) + end(order[:4])
    common /= np.linalg.norm(common)
    expected = v - common * (common @ v)
    expected /= np.linalg.norm(expected)
    shifted = shifted_vector(residual, good, words, 4)
    np.testing.assert_allclose(shifted.direction.numpy(), expected, rtol=1e-4, atol=1e-6)
    assert abs(float(shifted.direction @ torch.from_numpy(common).float())) < 1e-6
    mean = F.normalize(F.normalize(good, dim=1).mean(dim=0), dim=0)
    assert float(shifted.threshold) == pytest.approx(float(mean @ shifted.direction), abs=1e-6)


def test_a_direction_is_told_in_the_nearest_words() -> None:
    class Reader:
        def vocabulary(self) -> Vocabulary:
            return Vocabulary(["dark", "bright", "dim", "sunny"], torch.tensor([[-1.0, 0], [1, 0], [-1, 1], [1, 1]]))

    good, bad = torch.tensor([[1.0, 0.5]]), torch.tensor([[-1.0, 0.5]])
    guide = ResidualGuide(2, words=2)
    _, toward, away = guide.find(good, bad, Reader())
    assert (toward, away) == ("toward: bright, sunny", "away from: dark, dim")
    assert len(list(ResidualGuide(2, words=0).find(good, bad, Reader()))) == 1
    plain = guide.direction.clone()
    list(ResidualGuide(2, words=0, shift=1).find(good, bad, Reader()))
    torch.testing.assert_close(plain, torch.tensor([1.0, 0.0]))


def test_clips_vocabulary_is_its_text_encoders(clip) -> None:
    words, embeddings = clip.vocabulary()
    assert len(words) == 49408 - 2
    for word in ("dark", "sunny"):
        found = [i for i, one in enumerate(words) if one == word]
        expected = clip.encode_text([word])[0]
        assert any(torch.allclose(embeddings[i], expected, atol=1e-5) for i in found)


def test_text_prompts_begin_as_the_text(clip) -> None:
    prompts = TextPrompts(clip)
    expected = clip.encode_text([" ".join(["X"] * 16)])
    torch.testing.assert_close(prompts(), expected.repeat(2, 1))
    assert prompts.tokens.shape == (2, 77, 16)
    prompts().sum().backward()
    assert prompts.tokens.grad[:, : prompts.end + 1].abs().sum(dim=(0, 2)).min() > 0
    assert prompts.tokens.grad[:, prompts.end + 1 :].abs().sum() == 0
    assert all(p.grad is None for p in clip.parameters())
    assert dict(prompts.named_parameters()).keys() == {"tokens"}


def test_text_prompts_want_a_text_side() -> None:
    with pytest.raises(ValueError, match=r"Means reads no text: use prompts: latent"):
        TextPrompts(Means())


@pytest.mark.parametrize("kind", [LatentPrompts, TextPrompts])
def test_prompts_learn_to_tell_apart_and_then_to_rank(kind: type, clip) -> None:
    """Dark, then what lies between, then bright: the order that CLIP-LIT means, by its own margins."""
    torch.manual_seed(0)
    judge = PromptJudge(Embedding(clip, None), kind(clip))
    dark, older, newer, bright = (pictures(4, level, i) for i, level in enumerate((0.1, 0.35, 0.6, 1.0)))
    optimizer = torch.optim.Adam(judge.prompts.parameters(), lr=0.02)

    def learn(loss_of, steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses

    told = learn(lambda: judge.telling_apart(dark, bright), 60)
    assert told[-1] < 0.1 < told[0]
    assert judge.score(dark).min() > 0.9
    assert judge.score(bright).max() < 0.1
    ranked = learn(lambda: judge.ranking(dark, bright, [older, newer]), 150)
    assert ranked[-1] < ranked[0]
    means = [float(judge.score(x).mean().detach()) for x in (dark, older, newer, bright)]
    assert means == sorted(means, reverse=True)


def test_the_score_reaches_the_picture_and_not_the_prompts_of_a_loss(clip) -> None:
    judge = PromptJudge(Embedding(clip, None), LatentPrompts(clip))
    with torch.no_grad():  # far apart, either probability is 1
        judge.prompts.vectors[1] = judge.prompts.vectors[0] + 0.01 * normal(24)
    term = LOSSES["prompt-score"]().build(TrainingContext(prompts=judge))
    output = pictures(2, 0.5).requires_grad_()
    loss = term(output, output, output, step_generator(0, 0))
    assert 0 < loss < 1
    loss.backward()
    assert output.grad.abs().sum() > 0
    assert all(p.grad is None for p in judge.prompts.parameters())
    assert list(term.parameters()) == []
