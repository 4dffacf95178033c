"""SPAN beside the authors' code, as spandrel has it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from restore.networks.span import Span


@pytest.mark.parametrize(("scale", "width"), [(2, 48), (4, 16)])
@torch.no_grad()
def test_with_the_weights_of_the_authors_network_it_is_the_same(scale: int, width: int) -> None:
    """Folded, the layers are the same, in the same order."""
    theirs_of = pytest.importorskip("spandrel.architectures.SPAN").SPAN
    torch.manual_seed(0)
    theirs = theirs_of(num_in_ch=3, num_out_ch=3, feature_channels=width, upscale=scale).eval()
    x = torch.rand(2, 3, 15, 12)
    expected = theirs(x)  # folds its branches
    inner = [conv for name, conv in theirs.named_modules() if name.endswith("eval_conv")]
    tail = inner.pop()  # registered in the order that a picture passes them but for the joining layer before the tail
    ours = Span(scale, width, branches=False).eval()
    layers = [module for module in ours.modules() if isinstance(module, nn.Conv2d)]
    for mine, own in zip(layers, [*inner, tail, theirs.conv_cat, theirs.upsampler[0]], strict=True):
        mine.load_state_dict(own.state_dict())
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-4)
