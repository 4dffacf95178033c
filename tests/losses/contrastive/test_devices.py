"""Everything follows the pictures' device, and nothing waits for it.

On the device ``meta``, which has shapes but no values: a tensor left on the CPU does not go with the others, and a value
that is read, for which a GPU would have to be waited for, is not there.
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from restore.losses.contrastive.image import ContrastiveRegularizer
from restore.losses.contrastive.objectives.registry import OBJECTIVES
from restore.losses.contrastive.patch_nce import PatchNceLossOptions
from restore.losses.contrastive.samples import SAMPLES, Samples
from tests.losses.contrastive.conftest import SmallEncoder, seeded


@pytest.fixture(autouse=True)
def _no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which meta does not know


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Output, target, input."""
    output, target, low = (torch.empty(4, 3, side, side, device="meta") for side in (12, 12, 6))
    return output.requires_grad_(), target, low


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_image_level(kind: str) -> None:
    everything = [{"kind": sample} for sample in SAMPLES]
    samples = Samples(positives=everything, negatives=everything)
    module = ContrastiveRegularizer(SmallEncoder(), samples, OBJECTIVES[kind]().build(4), (0.5, 0.5)).to("meta")
    images = batch()
    module(*images, seeded(), torch.arange(4, device="meta")).backward()
    assert images[0].grad.is_meta


def test_patch_level() -> None:
    module = PatchNceLossOptions(queue=20, mixing={}).regularizer(SmallEncoder(), SmallEncoder.channels).to("meta")
    images = batch()
    module(*images, seeded()).backward()
    assert images[0].grad.is_meta
    assert all(queue.keys.is_meta for queue in module.contrast.queues)
