"""How many values a network holds for a pixel, by counting on paper, and what an imported file says of it."""

from __future__ import annotations

import onnx
import pytest
import torch
from torch import nn

from restore.errors import ModelError
from restore.export.held_values import held_values
from restore.export.to_onnx import to_onnx
from restore.spec import ModelSpec

FACTS = {"network": "x", "parameters": 1, "licence": "MIT", "data": "none", "made_with": "a test"}


class Wide(nn.Module):
    """A convolution to some channels and back, beside the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out, self.back = nn.Conv2d(3, channels, 3, padding=1), nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.back(self.out(x).sigmoid())


def model(channels: int, **spec: object) -> tuple[onnx.ModelProto, ModelSpec]:
    torch.manual_seed(0)
    made = ModelSpec(scale=1, halo=2, **FACTS, **spec)
    return to_onnx(Wide(channels).eval(), made), made


@pytest.mark.parametrize("channels", [8, 40])
@pytest.mark.parametrize("spec", [{}, {"multiple": 24}, {"shape": (2, 40, 56)}])
def test_what_is_alive_at_once(channels: int, spec: dict[str, object]) -> None:
    """The picture, and the convolution's result before and after the sigmoid."""
    assert held_values(*model(channels, **spec)) == 3 + 2 * channels


def test_another_name_of_the_input_is_no_matter() -> None:
    made, spec = model(8)
    for node in made.graph.node:
        node.input[:] = ["x" if name == "input" else name for name in node.input]
    made.graph.input[0].name = "x"
    assert held_values(made, spec) == held_values(*model(8))


def test_what_cannot_be_run_is_told() -> None:
    made, spec = model(8, shape=(1, 16, 16))
    with pytest.raises(ModelError, match=r"failed on an input of \(1, 3, 24, 24\)"):
        held_values(made, spec.but(shape=(1, 24, 24)))
