"""What a network's code of a picture should say: gradients, order, and whom they reach."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from restore.losses.base import LabeledTerm, TrainingContext
from restore.losses.contrastive.objectives.supcon import supervised_contrastive
from restore.losses.filter_code import clean_code, filter_class, filter_contrast
from restore.losses.registry import LOSSES
from restore.networks.modulated_color import ModulatedColor
from restore.training.step import step_generator, total_loss


@pytest.fixture
def network() -> ModulatedColor:
    torch.manual_seed(0)
    return ModulatedColor(thumbnail=32, width=8, code=6, hidden=4, kinds=3)


def pictures(count: int = 4) -> torch.Tensor:
    return torch.rand(count, 3, 40, 48, generator=torch.Generator().manual_seed(1))


def test_the_class_is_torchs_cross_entropy_of_those_that_have_one(network: ModulatedColor) -> None:
    x, labels = pictures(), torch.tensor([2, -1, 0, 1])
    said = network.kinds(network.codes_of(x))
    expected = F.cross_entropy(said[labels >= 0], labels[labels >= 0])
    torch.testing.assert_close(filter_class(network.kinds, network.codes_of(x), labels), expected)
    assert filter_class(network.kinds, network.codes_of(x), torch.full((4,), -1)) == 0


def test_the_contrast_is_supcons_of_those_that_have_a_label(network: ModulatedColor) -> None:
    x, labels = pictures(5), torch.tensor([2, -1, 2, 1, 1])
    codes = network.codes_of(x)[[0, 2, 3, 4]]
    expected = supervised_contrastive(codes, torch.tensor([2, 2, 1, 1]), 0.1).mean()
    torch.testing.assert_close(filter_contrast(network.codes_of(x), labels, 0.1), expected)
    assert filter_contrast(network.codes_of(x), torch.full((5,), -1), 0.1) == 0


def test_learning_pulls_codes_of_one_filter_together(network: ModulatedColor) -> None:
    x = pictures(8)
    x[::2] = (0.4 * x[::2] + 0.5).clamp(0, 1)
    labels = torch.tensor([0, 1] * 4)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        (
            filter_contrast(network.codes_of(x), labels, 0.1) + filter_class(network.kinds, network.codes_of(x), labels)
        ).backward()
        optimizer.step()
    unit = F.normalize(network.codes_of(x).detach(), dim=1)
    alike = unit @ unit.T
    same = labels[:, None] == labels
    assert alike[same].min() > alike[~same].max()
    assert (network.kinds(network.codes_of(x)).argmax(dim=1) == labels).all()


def test_the_clean_code_reaches_the_output_alone(network: ModulatedColor) -> None:
    target = pictures()
    filtered = (0.5 * target + 0.4).clamp(0, 1)
    output = filtered.clone().requires_grad_()
    loss = clean_code(network, output, target, filtered, 0.1)
    loss.backward()
    assert output.grad is not None
    assert output.grad.abs().sum() > 0
    assert all(p.grad is None for p in network.parameters())
    assert all(p.requires_grad for p in network.parameters())
    assert clean_code(network, target, target, filtered, 0.1) < loss


def test_terms_get_labels_from_the_step(network: ModulatedColor) -> None:
    options = [LOSSES[kind]() for kind in ("filter-class", "filter-contrast", "clean-code")]
    terms = [(one, one.build(TrainingContext(network=network))) for one in options]
    assert [list(term.parameters()) for _, term in terms] == [[], [], []]
    x, labels, parts = pictures(), torch.tensor([0, 1, 0, 2]), {}
    total_loss(terms, x, x, x, step_generator(0, 0), parts, labels)
    torch.testing.assert_close(parts["filter-class"], filter_class(network.kinds, network.codes_of(x), labels).detach())
    torch.testing.assert_close(parts["filter-contrast"], filter_contrast(network.codes_of(x), labels, 0.1).detach())
    assert isinstance(terms[0][1], LabeledTerm)
    with pytest.raises(ValueError, match="needs labels, and these samples have none"):
        total_loss(terms, x, x, x, step_generator(0, 0), {})


def test_terms_share_the_codes_of_a_batch(network: ModulatedColor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A code costs as much as the rest of a step."""
    seen: list[torch.Tensor] = []
    codes_of = network.codes_of
    monkeypatch.setattr(network, "codes_of", lambda x: seen.append(x) or codes_of(x))
    options = [LOSSES[kind]() for kind in ("filter-class", "filter-contrast", "filter-class")]
    terms = [(one, one.build(TrainingContext(network=network))) for one in options]
    x, labels = pictures(), torch.tensor([0, 1, 0, 2])
    total_loss(terms, x, x, x, step_generator(0, 0), {}, labels)
    assert len(seen) == 1
    total_loss(terms, x, x, 1 - x, step_generator(0, 1), {}, labels)
    assert len(seen) == 2
