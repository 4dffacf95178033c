"""IFRNet's and CIFR's networks: any size, no numbers lost on flat pictures, everything learns but what judges."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from restore.encoders.encoder import Encoder
from restore.networks.discriminators.registry import DISCRIMINATORS
from restore.networks.ifrnet import Destyling, DestylingOptions
from tests.networks.test_bilateral_grid import photo


class Style(Encoder):
    """Random filters with the interface of an image encoder."""

    def __init__(self) -> None:
        super().__init__([4])
        self.conv = nn.Conv2d(3, 4, 16, 16)
        self.freeze()

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [self.conv(x)]


def network(kinds: int = 3) -> Destyling:
    torch.manual_seed(0)
    return Destyling(Style(), width=4, code=5, kinds=kinds)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 72), (8, 8), (256, 248)])
def test_any_size_is_taken_and_given_back(height: int, width: int) -> None:
    x = photo(height, width)
    made = network()(x)
    assert made.shape == x.shape
    assert torch.isfinite(made).all()


def test_changes_to_the_picture_begin_small() -> None:
    torch.manual_seed(0)
    x, style = photo(48, 64), Style()
    changing = Destyling(style, width=4, code=5, residual=True)
    assert 1e-4 < (changing(x) - x).abs().mean() < 0.02
    rebuilding = Destyling(style, width=4, code=5)
    rebuilding.load_state_dict(changing.state_dict())
    torch.testing.assert_close(x + rebuilding(x), changing(x))


def test_flat_pictures_give_numbers_and_a_gradient() -> None:
    made = network()(torch.full((1, 3, 32, 32), 0.5, requires_grad=True))
    made.sum().backward()
    assert torch.isfinite(made).all()


def test_every_weight_learns_but_the_style_encoders() -> None:
    made, x = network(), photo(48, 64)
    (made(x).square().mean() + made.kinds(made.codes_of(x)).square().mean()).backward()
    silent = [name for name, p in made.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == [name for name, _ in made.named_parameters() if name.startswith("style.")] != []


def test_narrow_ones_learn_in_the_layout_of_training() -> None:
    """As a stride of the 1 x 1 convolution, that backward pass wrote beyond its memory: the process died."""
    made = network().to(memory_format=torch.channels_last)
    for seed in range(8):
        x = photo(128, 128, seed).to(memory_format=torch.channels_last)
        made(x).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in made.parameters() if p.grad is not None)


def test_a_block_skips_as_a_strided_convolution_does() -> None:
    block = network().encode[1]
    assert block.stride == 2
    for side in (12, 13):
        x = torch.rand(1, 4, side, side)
        strided = nn.functional.conv2d(x, block.skip.weight, block.skip.bias, stride=2)
        torch.testing.assert_close(block.skip(x[:, :, ::2, ::2]), strided)


def test_its_features_are_what_the_decoder_sees() -> None:
    made, x = network(), photo(32, 48)
    found = made.features(x, range(7))
    assert [f.shape[1] for f in found] == made.channels == [3, 4, 8, 8, 16, 16, 32]
    assert [f.shape[-1] for f in found] == [48, 48, 24, 24, 12, 12, 6]
    torch.testing.assert_close(made.features(x, [6])[0], found[6])


def test_the_style_depends_on_the_whole_picture_and_the_code_on_the_style() -> None:
    made, x = network(), photo(32, 32)
    changed = x.clone()
    changed[..., :16] = (changed[..., :16] * 0.5).clamp(0, 1)
    assert not torch.allclose(made.codes(x), made.codes(changed))


def test_its_options() -> None:
    options = DestylingOptions(kinds=30)
    assert (options.multiple(1), options.exact_tiles(), options.taps(), options.codes()) == (8, False, 7, True)
    with pytest.raises(ValueError, match="scale 1, not 2"):
        options.build(2)
    built = options.build(1)
    learned = sum(p.numel() for p in built.parameters() if p.requires_grad)
    # The published generator with its classifier: 3.69 million, of which the layers to the code are much.
    assert 2.5e6 < learned < 5e6
    assert built(photo(40, 48)).shape == (1, 3, 40, 48)


def test_both_heads_of_the_discriminator_count_the_same() -> None:
    torch.manual_seed(0)
    judge = DISCRIMINATORS["two-headed"](width=4).build()
    x = torch.cat([photo(64, 96, seed) for seed in range(2)])
    logits = judge.logits(x)
    assert logits.shape == (2, 2, 4, 6)
    assert (logits[:, 0].flatten(1).std(dim=1) < 1e-6).all(), "one opinion of the whole picture"
    torch.testing.assert_close(logits.mean(), (logits[:, 0, 0, 0].mean() + logits[:, 1].mean()) / 2)
    logits.square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in judge.parameters())
    assert judge.logits(photo(16, 16)).shape == (1, 2, 1, 1)
