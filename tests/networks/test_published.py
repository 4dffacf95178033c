"""Published networks that spandrel does not know: each is computed here again, from the weights by their published names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor
from torch.nn import functional as F

from restore.cli.main import main
from restore.errors import ModelError
from restore.networks.fine_tuned import SpandrelOptions
from restore.networks.published import rlfn as rlfn_module
from restore.networks.published.rlfn import Rlfn
from restore.networks.published.value_range import call_1
from restore.networks.third_party_checkpoint import recognize
from restore.runtime.model import open_model


class Weights:
    """Weights by name, drawn when they are first asked for."""

    def __init__(self) -> None:
        self.held: dict[str, Tensor] = {}
        self.draw = torch.Generator().manual_seed(0)

    def of(self, name: str, *shape: int) -> Tensor:
        if name not in self.held:
            self.held[name] = torch.randn(shape, generator=self.draw) * (0.5 / max(1, sum(shape[1:])) ** 0.5)
        assert self.held[name].shape == shape
        return self.held[name]

    def conv(
        self, name: str, x: Tensor, outputs: int, kernel: int = 3, bias: bool = True, groups: int = 1, **options: int
    ) -> Tensor:
        options.setdefault("padding", kernel // 2)
        weight = self.of(f"{name}.weight", outputs, x.shape[1] // groups, kernel, kernel)
        offset = self.of(f"{name}.bias", outputs) if bias else None
        return F.conv2d(x, weight, offset, groups=groups, **options)

    def mirrored(self, name: str, x: Tensor, outputs: int, bias: bool = True) -> Tensor:
        return self.conv(name, F.pad(x, (1, 1, 1, 1), "reflect"), outputs, bias=bias, padding=0)

    def blueprint(self, name: str, x: Tensor, outputs: int, **options: int) -> Tensor:
        narrow = self.conv(f"{name}.pw", x, outputs, 1, bias=False)
        return self.conv(f"{name}.dw", narrow, outputs, groups=outputs, **options)

    def blueprint_s(self, name: str, x: Tensor, outputs: int, **options: int) -> Tensor:
        """That of BSRN-S, whose first part is a matrix with a bias."""
        narrow = self.linear(f"{name}.pw", x, outputs)
        return self.conv(f"{name}.dw", narrow, outputs, groups=outputs, **options)

    def linear(self, name: str, x: Tensor, outputs: int) -> Tensor:
        weight, bias = self.of(f"{name}.weight", outputs, x.shape[1]), self.of(f"{name}.bias", outputs)
        return F.linear(x.movedim(1, 3), weight, bias).movedim(3, 1)


def lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.05)


def contrast(w: Weights, name: str, x: Tensor) -> Tensor:
    y = x.std((2, 3), keepdim=True, correction=0) + F.adaptive_avg_pool2d(x, 1)
    y = w.conv(f"{name}.conv_du.0", y, x.shape[1] // 16, 1).relu()
    return x * w.conv(f"{name}.conv_du.2", y, x.shape[1], 1).sigmoid()


def imdn(factor: int, strided: bool) -> Callable[[Weights, Tensor], Tensor]:
    def block(w: Weights, name: str, x: Tensor) -> Tensor:
        kept, rest = [], x
        for layer in ("c1", "c2", "c3"):
            one, rest = lrelu(w.conv(f"{name}.{layer}", rest, 64)).split((16, 48), 1)
            kept.append(one)
        joined = torch.cat([*kept, w.conv(f"{name}.c4", rest, 16)], 1)
        return w.conv(f"{name}.c5", contrast(w, f"{name}.cca", joined), 64, 1) + x

    def run(w: Weights, x: Tensor) -> Tensor:
        if strided:
            x = lrelu(w.conv("fea_conv.0", x, 64, stride=2))
            first = w.conv("fea_conv.2", x, 64, stride=2)
        else:
            first = w.conv("fea_conv", x, 64)
        made = [first]
        for number in range(1, 7):
            made.append(block(w, f"IMDB{number}", made[-1]))
        joined = lrelu(w.conv("c.0", torch.cat(made[1:], 1), 64, 1))
        return F.pixel_shuffle(w.conv("upsampler.0", w.conv("LR_conv", joined, 64) + first, 3 * factor**2), factor)

    return run


def imdn_rtc(w: Weights, x: Tensor) -> Tensor:
    first = made = w.conv("model.0", x, 12)
    for number in range(5):
        kept, rest = [], made
        for layer in ("c1", "c2", "c3"):
            one, rest = lrelu(w.conv(f"model.1.sub.{number}.{layer}", rest, 12)).split((3, 9), 1)
            kept.append(one)
        kept.append(w.conv(f"model.1.sub.{number}.c4", rest, 3))
        made = w.conv(f"model.1.sub.{number}.c5", torch.cat(kept, 1), 12, 1) + made
    return F.pixel_shuffle(w.conv("model.2", first + w.conv("model.1.sub.5", made, 12, 1), 12), 2)


def imdn_rte(w: Weights, x: Tensor) -> Tensor:
    x = w.conv("fea_conv.0", x, 20).relu()
    first = made = w.conv("fea_conv.2", x, 20, bias=False, stride=2)
    for number in range(1, 7):
        kept, rest = [], made
        for layer, outputs in (("c1", 20), ("c2", 20), ("c3", 20), ("c4", 15), ("c5", 10)):
            now = w.conv(f"block{number}.{layer}", rest, outputs).relu()
            kept.append(now[:, :5])
            rest = now[:, 5:]
        kept.append(w.conv(f"block{number}.c6", rest, 5).relu())
        made = w.conv(f"block{number}.c7", torch.cat(kept, 1), 20, 1) + made
    return F.pixel_shuffle(w.conv("upsampler.0", w.conv("LR_conv", made, 20, 1, bias=False) + first, 48), 4)


def pooled(w: Weights, name: str, x: Tensor, inner: int) -> Tensor:
    """RLFN's attention, and the ends of the others'."""
    narrow = w.conv(f"{name}.conv1", x, inner, 1)
    small = F.max_pool2d(w.conv(f"{name}.conv2", narrow, inner, stride=2, padding=0), 7, 3)
    large = F.interpolate(w.conv(f"{name}.conv3", small, inner), x.shape[2:], mode="bilinear")
    return x * w.conv(f"{name}.conv4", large + w.conv(f"{name}.conv_f", narrow, inner, 1), x.shape[1], 1).sigmoid()


def rfdn(w: Weights, x: Tensor) -> Tensor:
    def attended(name: str, x: Tensor) -> Tensor:
        narrow = w.conv(f"{name}.conv1", x, 12, 1)
        small = F.max_pool2d(w.conv(f"{name}.conv2", narrow, 12, stride=2, padding=0), 7, 3)
        small = w.conv(f"{name}.conv_max", small, 12).relu()
        small = w.conv(f"{name}.conv3_", w.conv(f"{name}.conv3", small, 12).relu(), 12)
        large = F.interpolate(small, x.shape[2:], mode="bilinear")
        return x * w.conv(f"{name}.conv4", large + w.conv(f"{name}.conv_f", narrow, 12, 1), 50, 1).sigmoid()

    first = w.conv("fea_conv", x, 50)
    made = [first]
    for name in ("B1", "B2", "B3", "B4"):
        kept, now = [], made[-1]
        for layer in ("c1", "c2", "c3"):
            kept.append(lrelu(w.conv(f"{name}.{layer}_d", now, 25, 1)))
            now = lrelu(w.conv(f"{name}.{layer}_r", now, 50) + now)
        kept.append(lrelu(w.conv(f"{name}.c4", now, 25)))
        made.append(attended(f"{name}.esa", w.conv(f"{name}.c5", torch.cat(kept, 1), 50, 1)))
    joined = lrelu(w.conv("c.0", torch.cat(made[1:], 1), 50, 1))
    return F.pixel_shuffle(w.conv("upsampler.0", w.conv("LR_conv", joined, 50) + first, 48), 4)


def rlfn(width: int, middle: int, blocks: int, scale: int) -> Callable[[Weights, Tensor], Tensor]:
    def run(w: Weights, x: Tensor) -> Tensor:
        first = made = w.conv("conv_1", x, width)
        for number in range(1, blocks + 1):
            name = f"block_{number}"
            now = lrelu(w.conv(f"{name}.c1_r", made, middle))
            now = lrelu(w.conv(f"{name}.c2_r", now, middle))
            now = lrelu(w.conv(f"{name}.c3_r", now, width)) + made
            made = pooled(w, f"{name}.esa", w.conv(f"{name}.c5", now, width, 1), 16)
        return F.pixel_shuffle(w.conv("upsampler.0", w.conv("conv_2", made, width) + first, 3 * scale**2), scale)

    return run


def bsrn(scale: int) -> Callable[[Weights, Tensor], Tensor]:
    def call(w: Weights, x: Tensor) -> Tensor:
        def attended(name: str, x: Tensor) -> Tensor:
            narrow = w.conv(f"{name}.conv1", x, 16, 1)
            small = F.max_pool2d(w.blueprint(f"{name}.conv2", narrow, 16, stride=2, padding=0), 7, 3)
            small = F.gelu(w.blueprint(f"{name}.conv_max", small, 16))
            small = w.blueprint(f"{name}.conv3_", F.gelu(w.blueprint(f"{name}.conv3", small, 16)), 16)
            large = F.interpolate(small, x.shape[2:], mode="bilinear")
            return x * w.conv(f"{name}.conv4", large + w.conv(f"{name}.conv_f", narrow, 16, 1), 64, 1).sigmoid()

        first = w.blueprint("fea_conv", torch.cat([x, x, x, x], 1), 64)
        made = [first]
        for number in range(1, 9):
            name, kept, now = f"B{number}", [], made[-1]
            for layer in ("c1", "c2", "c3"):
                kept.append(F.gelu(w.conv(f"{name}.{layer}_d", now, 32, 1)))
                now = F.gelu(w.blueprint(f"{name}.{layer}_r", now, 64) + now)
            kept.append(F.gelu(w.blueprint(f"{name}.c4", now, 32)))
            seen = attended(f"{name}.esa", w.conv(f"{name}.c5", torch.cat(kept, 1), 64, 1))
            made.append(contrast(w, f"{name}.cca", seen) + made[-1])
        joined = w.blueprint("c2", F.gelu(w.conv("c1", torch.cat(made[1:], 1), 64, 1)), 64)
        return F.pixel_shuffle(w.conv("upsampler.upsampleOneStep.0", joined + first, 3 * scale**2), scale)

    return call


def bsrn_s(w: Weights, x: Tensor) -> Tensor:
    def attended(name: str, x: Tensor) -> Tensor:
        narrow = w.linear(f"{name}.conv1", x, 12)
        small = F.max_pool2d(w.conv(f"{name}.conv2", narrow, 12, stride=2, padding=0), 7, 3)
        small = F.gelu(w.blueprint_s(f"{name}.conv_max", small, 12))
        small = w.blueprint_s(f"{name}.conv3_", F.gelu(w.blueprint_s(f"{name}.conv3", small, 12)), 12)
        large = F.interpolate(small, x.shape[2:], mode="bilinear")
        return x * w.linear(f"{name}.conv4", large + w.linear(f"{name}.conv_f", narrow, 12), 48).sigmoid()

    first = w.blueprint_s("fea_conv", torch.cat([x, x, x, x], 1), 48)
    made = [first]
    for number in range(1, 6):
        name, kept, now = f"B{number}", [], made[-1]
        for layer in ("c1", "c2", "c3"):
            kept.append(F.gelu(w.linear(f"{name}.{layer}_d", now, 24)))
            now = F.gelu(w.blueprint_s(f"{name}.{layer}_r", now, 48) + now)
        kept.append(F.gelu(w.blueprint_s(f"{name}.c4", now, 24)))
        seen = attended(f"{name}.esa", w.linear(f"{name}.c5", torch.cat(kept, 1), 48))
        weighted = seen * w.of(f"{name}.cw", 1, 48)[:, :, None, None]
        made.append(w.linear(f"{name}.conv_out", weighted, 48) + made[-1])
    joined = w.blueprint_s("c2", F.gelu(w.linear("c1", torch.cat(made[1:], 1), 48)), 48)
    return F.pixel_shuffle(w.conv("upsampler.upsampleOneStep.0", joined + first, 48), 4)


def zero_dce(w: Weights, x: Tensor) -> Tensor:
    x1 = w.conv("e_conv1", x, 32).relu()
    x2 = w.conv("e_conv2", x1, 32).relu()
    x3 = w.conv("e_conv3", x2, 32).relu()
    x4 = w.conv("e_conv4", x3, 32).relu()
    x5 = w.conv("e_conv5", torch.cat([x3, x4], 1), 32).relu()
    x6 = w.conv("e_conv6", torch.cat([x2, x5], 1), 32).relu()
    curves = w.conv("e_conv7", torch.cat([x1, x6], 1), 24).tanh()
    for i in range(0, 24, 3):
        x = x + curves[:, i : i + 3] * (x**2 - x)
    return x


def clip_lit(w: Weights, x: Tensor) -> Tensor:
    def leaky(y: Tensor) -> Tensor:
        return F.leaky_relu(y, 0.2)

    def block(number: int, y: Tensor) -> Tensor:
        name = f"ResidualBlock{number}"
        inner = leaky(w.mirrored(f"{name}.conv1", y, y.shape[1], bias=False))
        return leaky(w.mirrored(f"{name}.conv2", inner, y.shape[1], bias=False) + y)

    y = block(2, block(1, leaky(w.mirrored("cond1", x, 32))))
    parts = [y]
    for i, bins in enumerate((1, 2, 3, 6)):
        part = w.conv(f"PPM1.features.{i}.1", F.adaptive_avg_pool2d(y, bins), 8, 1, bias=False)
        part = F.prelu(part, w.of(f"PPM1.features.{i}.2.weight", 1))
        parts.append(F.interpolate(part, y.shape[2:], mode="bilinear", align_corners=True))
    # The published network pads this one with zeros.
    y = F.prelu(w.conv("PPM1.fuse.0", torch.cat(parts, 1), 32, bias=False), w.of("PPM1.fuse.1.weight", 1))
    y = block(4, block(3, w.mirrored("condx", y, 64)))
    y = block(6, block(5, w.mirrored("condy", y, 32)))
    return (x / (w.mirrored("cond_add1", y, 1).relu() + 1e-9)).clamp(0, 1)


# The function, the architecture, the scale, and the number of parameters as published, rounded as there.
KINDS: dict[str, tuple[Callable[[Weights, Tensor], Tensor], str, int, str]] = {
    "IMDN_x2": (imdn(2, False), "IMDN", 2, "694K"),
    "IMDN_x3": (imdn(3, False), "IMDN", 3, "703K"),
    "IMDN_x4": (imdn(4, False), "IMDN", 4, "715K"),
    "IMDN_AS": (imdn(4, True), "IMDN", 1, ""),
    "IMDN_RTC": (imdn_rtc, "IMDN_RTC", 2, ""),
    "IMDN_RTE": (imdn_rte, "IMDN_RTE", 2, ""),
    "RFDN_AIM": (rfdn, "RFDN", 4, "433K"),
    "rlfn_x2": (rlfn(52, 52, 6, 2), "RLFN", 2, "527K"),
    "rlfn_x4": (rlfn(52, 52, 6, 4), "RLFN", 4, "544K"),
    "rlfn_s_x2": (rlfn(48, 48, 6, 2), "RLFN", 2, "455K"),
    "rlfn_s_x4": (rlfn(48, 48, 6, 4), "RLFN", 4, "470K"),
    "rlfn_ntire_x4": (rlfn(46, 48, 4, 4), "RLFN", 4, "317K"),
    "net_g_BSRN_x2": (bsrn(2), "BSRN", 2, "332K"),
    "net_g_BSRN_x3": (bsrn(3), "BSRN", 3, "340K"),
    "net_g_BSRN_x4": (bsrn(4), "BSRN", 4, "352K"),
    "net_g_BSRN-S": (bsrn_s, "BSRN", 4, "156K"),
    "Epoch99": (zero_dce, "Zero-DCE", 1, "79K"),
    "enhancement_model": (clip_lit, "CLIP-LIT", 1, "279K"),
}


def published(kind: str) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Weights as in the file of that name, an input, and what the network makes of it."""
    weights, x = Weights(), torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(1))
    made = KINDS[kind][0](weights, x)
    return weights.held, x, made


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_recognized_and_computes_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rlfn_module, "scaled_call", lambda *_: call_1)
    _, architecture, scale, size = KINDS[kind]
    weights, x, expected = published(kind)
    found = recognize({f"module.{key}": value.clone() for key, value in weights.items()}, "file.pth")
    assert (found.architecture.id, found.scale) == (architecture, scale)
    count = sum(value.numel() for value in found.model.parameters())
    assert count == sum(value.numel() for value in weights.values())
    assert size in ("", f"{count / 1000:.0f}K")
    with torch.no_grad():
        made = found._call_fn(found.model.eval(), x.clone())
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_the_range_of_rlfn_is_found(white: float) -> None:
    """A network that nearly returns its input, by an offset and an attention that suit one range only."""
    network = Rlfn(width=8, middle=8, inner=4, blocks=1, scale=2)
    block = network.get_submodule("block_1")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for color in range(3):
            network.conv_1.weight[color, color, 1, 1] = block.c5.weight[color, color] = 1
            network.conv_2.weight[color, color, 1, 1] = 1
            network.upsampler[0].weight[4 * color : 4 * color + 4, color, 1, 1] = 0.67
        block.esa.conv1.weight[0, 0] = block.esa.conv_f.weight[0, 0] = 1
        block.esa.conv4.weight[:, 0] = 0.1 / white
        network.upsampler[0].bias.fill_(0.02 * white)
    found = recognize(network.state_dict(), "file.pth")
    x = torch.rand(1, 3, 16, 20)
    with torch.no_grad():
        made = found._call_fn(found.model, x)
    expected = 0.67 * (x + x * torch.sigmoid(0.1 * x[:, :1])) + 0.02
    torch.testing.assert_close(made, F.interpolate(expected, scale_factor=2))


@pytest.mark.parametrize("kind", ["IMDN_x2", "RFDN_AIM", "rlfn_s_x4", "net_g_BSRN-S", "Epoch99", "enhancement_model"])
def test_it_can_be_tuned_and_is_recognized_by_its_own_weights(kind: str, tmp_path: Path) -> None:
    weights, x, _ = published(kind)
    torch.save({"params": weights}, tmp_path / f"{kind}.pth")
    options = SpandrelOptions(checkpoint=tmp_path / f"{kind}.pth", colors="rgb")
    network = options.build(KINDS[kind][2])
    made = network(x.repeat(2, 1, 1, 1))
    made.mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters() if parameter.grad is not None)
    again = options.rebuild(KINDS[kind][2], network.state_dict())
    with torch.no_grad():
        assert torch.equal(again.eval()(x), network.eval()(x))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["IMDN_AS", "IMDN_RTC", "rlfn_ntire_x4", "net_g_BSRN-S", "Epoch99"])
def test_it_is_imported(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rlfn_module, "scaled_call", lambda *_: call_1)
    weights, _, _ = published(kind)
    for key, value in weights.items():
        if key.startswith(("upsampler.", "model.2.")):  # a trained network returns colors between 0 and 1
            value.copy_(value * 0.05 + (0.5 if key.endswith("bias") else 0))
    held = Weights()
    held.held = weights
    torch.save(weights, tmp_path / f"{kind}.pth")
    arguments = ["import", tmp_path / f"{kind}.pth", "--into", tmp_path / "models", "--colors", "rgb"]
    done = CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    model = open_model(tmp_path / "models" / kind / f"{kind}.onnx", "cpu")
    side = model.spec.side(40)
    x = torch.rand(1, 3, *(model.spec.shape[1:] if model.spec.shape else (side, side)))
    np.testing.assert_allclose(model(x.numpy()), KINDS[kind][0](held, x).numpy(), rtol=0, atol=1e-3)


def test_unknown_ones_are_still_refused() -> None:
    """Zero-DCE++ has names that resemble Zero-DCE's."""
    weights = {f"e_conv{i}.depth_conv.weight": torch.zeros(3, 1, 3, 3) for i in range(1, 8)}
    with pytest.raises(ModelError, match="does not know the architecture of these weights"):
        recognize(weights, "file.pth")


def test_weights_that_do_not_fit_are_refused_by_the_name_of_the_file() -> None:
    weights, _, _ = published("Epoch99")
    weights["e_conv3.weight"] = torch.zeros(5, 5, 3, 3)
    with pytest.raises(ModelError, match=r"file\.pth: these weights fit no network"):
        recognize(weights, "file.pth")
