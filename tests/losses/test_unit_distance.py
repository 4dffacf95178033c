"""The distance of LPIPS between feature maps is that of the package, in every part and precision."""

from __future__ import annotations

import lpips
import pytest
import torch
from torch import Tensor

from restore.losses import unit_distance as module
from restore.losses.unit_distance import unit_distance

WEIGHTS = torch.tensor([0.5, 0.0, 2.0, 1.0, 0.25])


def _maps(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    first, second = (torch.randn(2, 5, 7, 6, generator=draw, dtype=torch.float64).relu() for _ in range(2))
    first[:, 3] += 0.1  # where all channels are 0, the package's gradient is NaN
    second[:, 3] += 0.1
    return first.to(dtype).requires_grad_(), second.to(dtype).requires_grad_()


def _of_the_package(first: Tensor, second: Tensor) -> Tensor:
    squares = (lpips.normalize_tensor(first) - lpips.normalize_tensor(second)) ** 2
    return (squares * WEIGHTS.to(first.dtype)[:, None, None]).sum(dim=1).mean()


@pytest.mark.parametrize("values_of_a_part", [1, 100, 10**6])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_it_is_the_packages(values_of_a_part: int, order: torch.memory_format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PART", values_of_a_part)
    maps = [one.detach().contiguous(memory_format=order).requires_grad_() for one in _maps()]
    found, expected = unit_distance(*maps, WEIGHTS), _of_the_package(*maps)
    torch.testing.assert_close(found, expected)
    for slopes in zip(torch.autograd.grad(3 * found, maps), torch.autograd.grad(3 * expected, maps), strict=True):
        torch.testing.assert_close(*slopes)


def test_only_a_map_that_wants_a_gradient_gets_one() -> None:
    first, second = _maps()
    unit_distance(first, second.detach(), WEIGHTS).backward()
    assert first.grad is not None
    assert second.grad is None
    assert not unit_distance(first.detach(), second.detach(), WEIGHTS).requires_grad


def test_silent_positions_have_no_slope() -> None:
    """The package's square root has an infinite one there."""
    first, second = (one.detach().clone() for one in _maps())
    first[:, :, 0] = 0
    second[:, :, :2] = 0
    value = unit_distance(first.requires_grad_(), second, WEIGHTS)
    value.backward()
    torch.testing.assert_close(value, _of_the_package(first, second))
    assert (first.grad[:, :, 0] == 0).all()
    assert first.grad[:, :, 1].abs().max() > 0


@pytest.mark.parametrize(("dtype", "digits"), [(torch.bfloat16, 0.02), (torch.float16, 0.002)])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype, digits: float) -> None:
    """Also under autocast, and with a gradient that fp16 could not hold before it is scaled."""
    maps = _maps(dtype)
    exact = [one.detach().double().requires_grad_() for one in maps]
    with torch.autocast("cpu", torch.bfloat16):
        value = unit_distance(*maps, WEIGHTS)
    expected = _of_the_package(*exact)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=0)
    slopes = torch.autograd.grad(1e-4 * value * 1e4, maps)
    assert all(slope.dtype == dtype for slope in slopes)
    for slope, right in zip(slopes, torch.autograd.grad(expected, exact), strict=True):
        torch.testing.assert_close(slope.double(), right, rtol=digits, atol=digits * float(right.abs().max()))
