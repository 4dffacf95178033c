"""Edits in numbers: the identity, what each number does, parts as the whole, gradients, and an edit found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from restore.networks.base import PredictsEdit, ReadsThumbnail
from restore.networks.edits import Edits, EditsOptions, apply_edit
from restore.networks.thumbnail import whole
from restore.runtime.edit import Edit
from restore.runtime.model import open_model
from tests.conftest import picture
from tests.networks.test_bilateral_grid import photo
from tests.networks.trained_file import trained_file

# All losses of the recipe at once, and a contrastive one, which needs whole views.
CONTRASTED = """
base: unfilter-edits
losses:
  - {kind: l1}
  - {kind: psnr, weight: 0.0025, epsilon: 1.0e-5}
  - {kind: filter-class, weight: 0.05}
  - {kind: filter-contrast, weight: 0.005}
  - {kind: clean-code, weight: 0.001}
  - kind: contrastive
    weight: 0.1
    encoder: {kind: efficientnet-lite0}
    positives: [{kind: target}]
    negatives: [{kind: input}]
    objective: {kind: infonce, temperature: 1.0}
train: {stride: 1}
"""


def network(seed: int = 0, effect: float = 20.0, **more: object) -> Edits:
    """Small, and far from the identity that it begins as."""
    torch.manual_seed(seed)
    made = Edits(thumbnail=32, width=8, code=6, hidden=8, **more)
    with torch.no_grad():
        made.estimate[2].weight.mul_(effect)
        made.estimate[2].bias.mul_(effect)
    return made.eval()


def numbers(points: int = 5, **changed: object) -> torch.Tensor:
    """One edit, (1, 5 + 3 * points); the identity but for what is changed."""
    line = np.linspace(0, 1, points).tolist()
    said = {"balance": [1.0] * 3, "exposure": 0.0, "saturation": 1.0, "curves": [line] * 3, **changed}
    return torch.tensor([[*said["balance"], said["exposure"], said["saturation"], *np.ravel(said["curves"])]])


@pytest.mark.parametrize("points", [3, 9, 14])
def test_the_identitys_numbers_change_nothing(points: int) -> None:
    x = 1.6 * photo(20, 30) - 0.3  # the identity beyond 0..1 as well
    torch.testing.assert_close(apply_edit(x, numbers(points).float()), x, atol=1e-6, rtol=1e-6)


def test_what_each_number_does() -> None:
    x = torch.tensor([0.2, 0.4, 0.9])[None, :, None, None]

    def edited(**changed: object) -> list[float]:
        return apply_edit(x, numbers(**changed).float()).flatten().tolist()

    assert edited(balance=[2.0, 1.0, 0.5]) == pytest.approx([0.4, 0.4, 0.45])
    assert edited(exposure=2.2) == pytest.approx([0.4, 0.8, 1.8])
    luma = 0.2126 * 0.2 + 0.7152 * 0.4 + 0.0722 * 0.9
    assert edited(saturation=0.0) == pytest.approx([luma] * 3)
    assert edited(saturation=1.5) == pytest.approx([luma + 1.5 * (v - luma) for v in (0.2, 0.4, 0.9)])
    line, bent = [0.0, 0.25, 0.5, 0.75, 1.0], [-0.1, 0.1, 0.5, 0.6, 1.0]
    made = edited(curves=[bent, line, line], balance=[2.0, 1.0, 0.5], exposure=0.0)
    assert made == pytest.approx([0.1 + 0.15 / 0.25 * 0.4, 0.4, 0.45])
    # Beyond white it goes on as it came.
    assert edited(curves=[line, line, bent], exposure=2.2)[2] == pytest.approx(1.0 + 0.8 * 1.6)


@torch.no_grad()
def test_the_numbers_are_read_alike_at_run_time() -> None:
    made, x = network(), photo(24, 30)
    said = made.edit(whole(x, 32, "middle")[0])
    edit = Edit.of_numbers(said[0].numpy())
    result = edit.apply(x[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(result, made(x)[0].permute(1, 2, 0).numpy(), atol=1e-5)
    assert np.abs(result - x[0].permute(1, 2, 0).numpy()).mean() > 0.02, "it does something"
    assert np.prod(edit.balance) == pytest.approx(1, abs=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("seed", range(4))
def test_curves_increase_and_end_at_white_whatever_the_weights(seed: int) -> None:
    said = network(seed, effect=60).edit(torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(seed)))
    curves = said[:, 5:].unflatten(1, (3, 9))
    assert (curves.diff(dim=2) >= -1e-6).all()
    assert (curves[..., 0] < 1).all()
    torch.testing.assert_close(curves[..., -1], torch.ones(8, 3), atol=0, rtol=0)
    assert (said[:, 4] >= 0).all()
    assert curves[..., 4].std() > 0.05


@torch.no_grad()
def test_any_part_is_changed_as_in_the_whole() -> None:
    made, x = network(), photo(60, 90)
    small, rows, columns = whole(x, 32, "middle")
    full = made(x)
    part = made(x[..., 20:27, 3:50], small, rows[:, 20:27], columns[:, 3:50])
    torch.testing.assert_close(part, full[..., 20:27, 3:50], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_strength_and_gate_scale_the_numbers() -> None:
    made, x = network(gate=True), torch.cat([photo(32, 40, seed) for seed in range(3)])
    made.gate[2].weight.normal_(0, 5, generator=torch.Generator().manual_seed(0))
    small = whole(x, 32, "middle")[0]
    share = torch.tensor([0.0, 0.5, 1.0])
    torch.testing.assert_close(made.edit(small, share)[0], numbers(9)[0].float(), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(made(x, small, strength=share)[0], x[0], atol=1e-5, rtol=1e-5)
    plain = network()
    plain.load_state_dict({name: value for name, value in made.state_dict().items() if not name.startswith("gate")})
    full, gates = plain.edit(small), made.opened(made.codes(small))
    assert gates.min() < gates.max()
    amount = (share * gates)[:, None]
    expected = torch.cat((full[:, :3] ** amount, amount * full[:, 3:4], 1 + amount * (full[:, 4:] - 1)), dim=1)
    line = torch.linspace(0, 1, 9).repeat(3)
    expected[:, 5:] = line + amount * (full[:, 5:] - line)
    torch.testing.assert_close(made.edit(small, share), expected, atol=1e-5, rtol=1e-5)


def test_it_begins_as_nearly_the_identity_and_every_weight_learns() -> None:
    torch.manual_seed(0)
    x = photo(64, 64)
    fresh = Edits(kinds=3, prototypes=True, gate=True)
    made = fresh(x)
    assert (made - x).abs().mean() < 0.05
    (made.square().mean() + fresh.kinds(fresh.codes_of(x)).square().mean()).backward()
    silent = [name for name, p in fresh.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_gradients_reach_every_number() -> None:
    edit = numbers(9).float().requires_grad_()
    apply_edit(photo(64, 64), edit).square().mean().backward()
    assert (edit.grad.abs() > 0).all()


def test_half_precision_does_not_touch_the_edit() -> None:
    made, x = network().eval(), photo(32, 32)
    small = whole(x, 32, "middle")[0]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half, edit = made(x), made.edit(small)
    assert half.dtype == edit.dtype == torch.float32
    torch.testing.assert_close(half, apply_edit(x, edit), atol=1e-6, rtol=1e-6)


def test_its_options_say_what_it_takes() -> None:
    options = EditsOptions(kinds=30, points=7)
    assert (options.context(), options.takes_strength(), options.halo(1), options.edit_points()) == (256, True, 0, 7)
    built = options.build(1)
    assert isinstance(built, PredictsEdit)
    assert isinstance(built, ReadsThumbnail)
    with pytest.raises(ValueError, match="scale 1, not 2"):
        options.build(2)


@pytest.mark.slow
def test_a_known_edit_is_found_again() -> None:
    """From pictures before and after it, in a few hundred steps: by its numbers, and so for new pictures."""
    torch.manual_seed(0)
    bent = [[0.05, 0.3, 0.62, 0.85, 1.0], [0.0, 0.2, 0.5, 0.8, 1.0], [0.0, 0.3, 0.55, 0.75, 1.0]]
    known = numbers(5, balance=[1.1, 1.0, 1 / 1.1], exposure=0.4, saturation=0.7, curves=bent).float()
    made = Edits(thumbnail=32, width=8, code=6, hidden=16, points=5)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    views = torch.cat([photo(40, 40, seed) for seed in range(8)])
    for _ in range(500):
        optimizer.zero_grad()
        loss = (made(views) - apply_edit(views, known)).square().mean()
        loss.backward()
        optimizer.step()
    fresh = torch.cat([photo(40, 40, seed) for seed in range(20, 24)])
    with torch.no_grad():
        found = made.edit(whole(fresh, 32, "middle")[0])
        error = (made(fresh) - apply_edit(fresh, known)).square().mean()
    assert -10 * error.log10() > 35
    assert (found[:, 3] - known[0, 3]).abs().max() < 0.1
    assert (found[:, 4] - known[0, 4]).abs().max() < 0.1
    assert (found[:, :3] - known[0, :3]).abs().max() < 0.05


@pytest.mark.slow
def test_the_shipped_recipe_trains_it_also_by_contrast_and_the_file_tells_its_edit(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(CONTRASTED)
    small = "{kind: edits, thumbnail: 32, width: 8, code: 6, hidden: 8, points: 5, kinds: 30, prototypes: true}"
    _, file = trained_file(tmp_path, str(recipe), small, 64)
    model = open_model(file, "cpu")
    assert model.spec.outputs == ("output", "belief", "edit")
    told = model.tell(picture(40, 50))
    assert told.belief is not None
    assert told.edit is not None
    assert [len(curve) for curve in told.edit.curves] == [5] * 3
