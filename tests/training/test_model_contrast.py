"""Samples by networks: copies lag as they should, resume exactly, and get no gradient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from restore.errors import ModelError, RecipeError
from restore.losses.base import NetworkCall
from restore.losses.contrastive.image import ContrastiveRegularizer
from restore.losses.contrastive.model_samples import History
from restore.losses.jitter import Jittered
from restore.plugins import Trust
from restore.training.checkpoint import BEST, LAST, Checkpoint
from restore.training.recipe_file import parse_recipe
from restore.training.state import Run, new_run
from restore.training.step import update
from tests.training.test_loop import RECIPE, assert_same, go, stopping_at, tensors

CPU = torch.device("cpu")
TRUSTED = Trust(recipe=True)
EDGES = '{kind: module, factory: "tests.training.encoders:edges", channels: [4]}'
HISTORY = """\
losses:
  - {{kind: l1}}
  - kind: contrastive
    weight: 0.2
    negatives: [{{kind: history, {history}}}, {{kind: input}}]
    encoder: {encoder}
    objective: {{kind: {objective}}}
"""
FP32 = "train.precision=fp32"


def recipe(history: str = "every: [2, 5], decay: 0.25", objective: str = "l1-difference") -> str:
    return RECIPE + HISTORY.format(history=history, encoder=EDGES, objective=objective)


def begun(text: str, folder: Path, *changes: str, start_from: Path | None = None) -> Run:
    return new_run(parse_recipe(text, "r", [FP32, *changes], trust=TRUSTED), folder, CPU, start_from=start_from)


def regularizer(run: Run) -> ContrastiveRegularizer:
    term = run.terms[1][1]
    term = term.term if isinstance(term, Jittered) else term
    assert isinstance(term, ContrastiveRegularizer)
    return term


def copies(run: Run) -> Sequence[nn.Module]:
    (history,) = regularizer(run).models
    assert isinstance(history, History)
    return list(history.copies)


def flat(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def samples(step: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(step)
    high = torch.rand(4, 3, 24, 24, generator=draw)
    return nn.functional.avg_pool2d(high, 2), high


def steps(run: Run, count: int) -> None:
    for _ in range(count):
        update(run, *samples(run.step))
        run.step += 1


def test_copies_begin_with_the_network_and_a_share_of_fresh_weights(tmp_path: Path) -> None:
    for share in (0.0, 0.1):
        run = begun(recipe(f"every: [2, 5], fresh: {share}"), tmp_path)
        own = flat(run.network)
        for copy in copies(run):
            assert torch.equal(flat(copy), own) == (share == 0)
            # What was drawn newly is as large as the weights themselves.
            assert (flat(copy) - own).norm() <= 2 * share * own.norm()
            assert not any(parameter.requires_grad for parameter in copy.parameters())


def test_copies_begin_with_the_weights_that_the_run_starts_from(tmp_path: Path) -> None:
    first = begun(RECIPE, tmp_path)
    steps(first, 3)
    first.folder = tmp_path
    first.save(LAST)
    run = begun(recipe("every: [2, 5], fresh: 0"), tmp_path / "second", start_from=tmp_path / LAST)
    for copy in copies(run):
        torch.testing.assert_close(flat(copy), flat(first.average.module), rtol=0, atol=0)


def test_copies_lag_by_their_own_steps_and_decay(tmp_path: Path) -> None:
    """The rule written out beside the run, from the weights that its network had after each step."""
    run = begun(recipe("every: [2, 5], decay: 0.25"), tmp_path)
    expected = [flat(copy) for copy in copies(run)]
    for step in range(1, 11):
        steps(run, 1)
        for number, every in enumerate((2, 5)):
            if step % every == 0:
                expected[number] = 0.25 * expected[number] + 0.75 * flat(run.network)
        for copy, wanted in zip(copies(run), expected, strict=True):
            torch.testing.assert_close(flat(copy), wanted)
    assert all(not torch.equal(flat(copy), flat(run.network)) for copy in copies(run))
    assert all(parameter.grad is None for copy in copies(run) for parameter in copy.parameters())


def test_the_optimizer_and_the_gradients_limit_know_nothing_of_copies(tmp_path: Path) -> None:
    run, plain = begun(recipe(), tmp_path), begun(RECIPE, tmp_path)
    assert [p.shape for p in run.trained] == [p.shape for p in plain.trained]
    assert {p.data_ptr() for p in run.trained}.isdisjoint(p.data_ptr() for c in copies(run) for p in c.parameters())


def test_no_gradient_goes_through_what_a_copy_makes(tmp_path: Path) -> None:
    """The gradient of the term in the network's weights is that with the copies' results as numbers."""
    run = begun(recipe("every: [1, 3], decay: 0.5", "l1-ratio"), tmp_path, "losses.1.jitter=0")
    steps(run, 2)
    term, (low, high) = regularizer(run), samples(9)
    with torch.no_grad():
        numbers = torch.stack([copy(low) for copy in copies(run)], dim=1)
        features = [term.encoder(x)[0] for x in (*numbers.unbind(1), high)]
        enlarged = nn.functional.interpolate(low, (24, 24), mode="bicubic", antialias=True).clamp(0, 1)
        features.append(term.encoder(enlarged)[0])
    run.network.zero_grad()
    output = run.network(low)
    first, second, wanted, given = features
    query = term.encoder(output)[0]
    far = torch.stack([(query - other).abs().flatten(1).mean(1) for other in (first, second, given)]).mean(0)
    ((query - wanted).abs().flatten(1).mean(1) / far).mean().backward()
    expected = [parameter.grad.clone() for parameter in run.network.parameters() if parameter.grad is not None]

    run.network.zero_grad()
    draw = torch.Generator().manual_seed(0)
    term.compare(run.network(low), high, low, draw, term.made(NetworkCall((low,)), draw)).backward()
    got = [parameter.grad for parameter in run.network.parameters() if parameter.grad is not None]
    torch.testing.assert_close(got, expected)
    assert sum(gradient.abs().sum() for gradient in expected) > 0


@pytest.mark.parametrize("history", ["every: [2, 5, 7], decay: 0.1", "every: [2, 5, 7], drawn: 1"], ids=["all", "one"])
def test_a_resumed_run_equals_the_unbroken_one(photos: Path, tmp_path: Path, history: str) -> None:
    """Bit for bit, copies included: stopped between the refreshes of all of them."""
    data, text = photos.parent, recipe(history)
    assert go(data, tmp_path / "whole", text=text)
    with stopping_at(11):
        assert not go(data, tmp_path / "broken", text=text)
    assert Checkpoint(tmp_path / "broken" / LAST).step == 11
    assert go(data, tmp_path / "broken", resume=True)
    for name in (LAST, BEST):
        assert_same(tmp_path / "whole" / name, tmp_path / "broken" / name)
    kept = [key for key in tensors(tmp_path / "whole" / LAST) if ".copies.2." in key]
    assert kept, "the copies are in the checkpoint"


def test_pieces_of_a_batch_see_the_same_copies(tmp_path: Path) -> None:
    losses = []
    for pieces in (1, 2):
        run = begun(recipe("every: [1]"), tmp_path, f"train.accumulate={pieces}", "losses.1.jitter=0")
        steps(run, 3)
        losses.append(update(run, *samples(8)).loss)
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize("objective", ["l1-difference, pull: 0", "l1-margin", "l1-ratio", "infonce"])
def test_the_term_cannot_run_away(tmp_path: Path, objective: str) -> None:
    """At a weight that drowns the pixel loss, a large rate, and negatives that follow at once.

    Held at the distance between positive and negative alone, SPN's difference runs away here.
    """
    changes = ("losses.1.weight=20", "train.optimizer.lr=1e-2", "train.steps=80", "train.schedule.floor=1")
    run = begun(recipe("every: [1, 3]", objective), tmp_path, *changes)
    steps(run, 80)
    low, high = samples(3)
    with torch.no_grad():
        output = run.network(low)
    assert output.isfinite().all()
    assert (output - high).abs().mean() < 3 * (high - high.mean()).abs().mean()


def test_strength_and_checkpointing_reach_the_copies(tmp_path: Path) -> None:
    network = "network={kind: residual, width: 8, blocks: 2, strength: true}"
    run = begun(recipe("every: [1]"), tmp_path, network, "train.strength=0.5", "train.checkpointing=true")
    steps(run, 3)
    assert run.network.training
    assert not any(module.training for copy in copies(run) for module in copy.modules())


def earlier(folder: Path, depth: int = 1) -> Path:
    """A run that has only begun."""
    folder.mkdir()
    new_run(parse_recipe(RECIPE.replace("depth: 1", f"depth: {depth}"), "earlier"), folder, CPU).save(LAST)
    return folder


def with_checkpoint(file: Path) -> str:
    text = recipe(objective="curricular-ratio")
    return text.replace("{kind: history, every: [2, 5], decay: 0.25}", f"{{kind: checkpoint, file: {file}}}")


def test_an_earlier_network_is_a_negative_as_it_is(photos: Path, tmp_path: Path) -> None:
    before = earlier(tmp_path / "earlier", depth=3)
    data, text = photos.parent, with_checkpoint(before)
    assert go(data, tmp_path / "whole", text=text)
    with stopping_at(13):
        assert not go(data, tmp_path / "broken", text=text)
    assert go(data, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "broken" / LAST)
    assert not [key for key in tensors(tmp_path / "whole" / LAST) if key.startswith("loss")], "it stays in its file"


def test_another_network_is_refused_when_a_run_goes_on(photos: Path, tmp_path: Path) -> None:
    before, data = earlier(tmp_path / "earlier"), photos.parent
    with stopping_at(5):
        assert not go(data, tmp_path / "run", text=with_checkpoint(before))
    new_run(parse_recipe(RECIPE, "r", ["train.seed=5"]), before, CPU).save(LAST)
    with pytest.raises(RecipeError, match="not the network that .* began with"):
        go(data, tmp_path / "run", resume=True)


def test_what_a_checkpoint_needs(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="file of the sample 'checkpoint': .*none: no such file"):
        begun(with_checkpoint(tmp_path / "none"), tmp_path)
    before = earlier(tmp_path / "earlier")
    larger = with_checkpoint(before).replace("scale: 2", "scale: 3")
    with pytest.raises(RecipeError, match="enlarges by 2, and this recipe's network by 3"):
        begun(larger, tmp_path)


def test_a_teacher_is_a_positive(tmp_path: Path) -> None:
    before = earlier(tmp_path / "teacher")
    text = RECIPE + HISTORY.format(history="every: [3]", encoder=EDGES, objective="infonce")
    text = text.replace("    weight: 0.2\n", "    weight: 0.2\n    positives: [{kind: teacher}]\n")
    with pytest.raises(RecipeError, match="'teacher' needs a teacher"):
        begun(text, tmp_path)
    run = begun(text + f"teacher: {{file: {before}}}\n", tmp_path, "losses.1.jitter=0")
    assert run.teacher is not None
    low, high = samples(1)
    wanted = run.teacher(low, range(4))
    encoder, drawn = regularizer(run).encoder, []
    encoder.register_forward_hook(lambda module, given, result: drawn.append(given[0]))
    update(run, low, high)
    torch.testing.assert_close(drawn[1].reshape(4, 3, 3, 24, 24)[:, 0], wanted)


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("every: []", "at least 1 item"),
        ("every: [0]", "greater than 0"),
        ("decay: 1", "less than 1"),
        ("fresh: 2", "less than or equal to 1"),
        ("every: [3], drawn: 2", "more than the 1 copies"),
    ],
)
def test_options_have_ranges(history: str, says: str) -> None:
    with pytest.raises((RecipeError, ValidationError), match=says):
        parse_recipe(recipe(history), "r", trust=TRUSTED)
