"""Degradations before and after the chain, and their registry."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from pydantic import ValidationError

from restore.data.degradations.base import Degradation, Image
from restore.data.degradations.options import SecondOrder
from restore.data.degradations.registry import DEGRADATIONS
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import generator
from tests.conftest import picture
from tests.data.degradations.test_secondorder import only


class Invert(Degradation):
    kind: Literal["invert"] = "invert"

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        return 1 - image


@pytest.fixture
def inverting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DEGRADATIONS, "_members", dict(DEGRADATIONS._members))
    DEGRADATIONS.register(Invert)


@pytest.mark.usefixtures("inverting")
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_registered_degradation_is_a_step_of_the_chain(place: str) -> None:
    plain = only()
    options = SecondOrder.model_validate({**plain.model_dump(exclude={"before", "after"}), place: [{"kind": "invert"}]})
    high = picture(32, 32)
    made = second_order(high, 2, options, generator(0, 0)).astype(int)
    assert np.abs(made - (255 - second_order(high, 2, plain, generator(0, 0)).astype(int))).max() <= 1
    assert SecondOrder.model_validate(options.model_dump(mode="json")) == options, "written out and read again"


def test_steps_are_checked_by_their_kind() -> None:
    with pytest.raises(ValidationError, match="'blur', 'noise', 'jpeg', 'motion-blur'"):
        SecondOrder.model_validate({"after": [{"kind": "invert"}]})
    with pytest.raises(ValidationError, match="Extra inputs"):
        SecondOrder.model_validate({"before": [{"kind": "blur", "length": 3}]})


@pytest.mark.parametrize("kind", DEGRADATIONS)
@pytest.mark.parametrize("size", [(40, 33), (1, 1), (2, 7)])
def test_each_keeps_size_and_range_and_depends_on_the_draws_alone(kind: str, size: tuple[int, int]) -> None:
    image = picture(*size).astype(np.float32) / 255
    before = image.copy()
    step = DEGRADATIONS[kind]()
    made = [step(image, generator(3, 1)) for _ in range(2)]
    np.testing.assert_array_equal(*made)
    np.testing.assert_array_equal(image, before)
    assert (made[0].shape, made[0].dtype) == (image.shape, np.float32)
    assert -0.5 <= made[0].min() <= made[0].max() <= 1.5
    if size == (40, 33):
        assert np.abs(made[0] - image).max() > 1e-3
        np.testing.assert_array_equal(step.model_copy(update={"probability": 0.0})(image, generator(0, 0)), image)
