"""Transport of an autoencoder's codes in a file: as computed from the patches, nothing at 0, tiles, singular codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from restore.calibration.autoencoders.autoencoder import Autoencoder, Needs, find_needs
from restore.calibration.autoencoders.find import find_autoencoder
from restore.calibration.autoencoders.torch_autoencoder import TorchAutoencoder
from restore.calibration.gaussian import transport
from restore.calibration.learned_code import LearnedCode
from restore.errors import ModelError
from restore.networks.patch_autoencoder import PatchAutoencoder, PatchAutoencoderOptions
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from tests.calibration.attached import calibrated, error_of, moments_of, run_at
from tests.calibration.original_kl import original_weights
from tests.calibration.pairs import save_pair
from tests.conftest import picture


def patch_autoencoder() -> Autoencoder:
    torch.manual_seed(0)
    options = PatchAutoencoderOptions(factor=2, channels=5, width=4, blocks=0)
    return TorchAutoencoder(options.build(1), options.kind, Needs(2, 5, 2, 1, options.halo(1), True))


def kl(folder: Path) -> Autoencoder:
    path = folder / "vae.safetensors"
    save_file(original_weights((32, 32), attention=True), str(path))
    return find_autoencoder(str(path))


@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize(("bounds", "reach"), [((0, 1), 1), ((-1, 1), 0.5)])
def test_a_pair_of_onnx_files_in_the_file(
    small_model: Path, tmp_path: Path, rebuilt: bool, bounds: tuple[int, int], reach: float
) -> None:
    code = LearnedCode(find_autoencoder(str(save_pair(tmp_path, kind="moments"))), 3, rebuilt)
    assert error_of(small_model, tmp_path / "m.onnx", code, bounds, reach) < 1e-3


def test_our_autoencoder_in_the_file_and_in_tiles(small_model: Path, tmp_path: Path) -> None:
    assert error_of(small_model, tmp_path / "m.onnx", LearnedCode(patch_autoencoder(), 3)) < 1e-3
    model = open_model(tmp_path / "m.onnx", "cpu")
    assert model.spec.exact_tiles
    pixels = picture(75, 93, seed=5)
    whole = enhance_pixels(pixels, model, model.spec, 4096, 0.7)
    np.testing.assert_array_equal(enhance_pixels(pixels, model, model.spec, 16, 0.7), whole)


@pytest.mark.slow
def test_our_autoencoder_rebuilt_in_the_file(small_model: Path, tmp_path: Path) -> None:
    assert error_of(small_model, tmp_path / "m.onnx", LearnedCode(patch_autoencoder(), 3, rebuilt=True)) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("rebuilt", [False, True])
def test_an_autoencoder_kl_in_the_file(small_model: Path, tmp_path: Path, rebuilt: bool) -> None:
    autoencoder = kl(tmp_path)
    assert autoencoder.needs == Needs(factor=2, channels=4, multiple=2, minimum=2, halo=8, exact=False)
    measured = find_needs(autoencoder.encode, autoencoder.decode, "measured")
    assert (measured.factor, measured.multiple, measured.exact) == (2, 2, False)
    code = LearnedCode(autoencoder, 2, rebuilt)
    assert error_of(small_model, tmp_path / "m.onnx", code) < 1e-3
    assert not open_model(tmp_path / "m.onnx", "cpu").spec.exact_tiles


def test_equal_moments_change_nothing_at_any_strength(small_model: Path, tmp_path: Path) -> None:
    code = LearnedCode(find_autoencoder(str(save_pair(tmp_path))), 3)
    same = moments_of(code, picture(64, 64) / 255)
    model = calibrated(small_model, tmp_path / "m.onnx", code, transport(same, same))
    batch = picture(24, 24).transpose(2, 0, 1)[None].astype(np.float32) / 255
    np.testing.assert_allclose(run_at(model, batch, 1), open_model(small_model, "cpu")(batch), atol=1e-5)


def test_rebuilt_ends_at_the_picture_of_the_autoencoder(small_model: Path, tmp_path: Path) -> None:
    code = LearnedCode(find_autoencoder(str(save_pair(tmp_path))), 3, rebuilt=True)
    same = moments_of(code, picture(64, 64) / 255)
    model = calibrated(small_model, tmp_path / "m.onnx", code, transport(same, same))
    batch = picture(24, 24).transpose(2, 0, 1)[None].astype(np.float32) / 255
    plain = open_model(small_model, "cpu")(batch)[0].transpose(1, 2, 0)
    wanted = code.decode(code.encode(plain))
    assert np.abs(wanted - plain).mean() > 0.005, "the autoencoder loses something"
    np.testing.assert_allclose(run_at(model, batch, 1)[0].transpose(1, 2, 0), wanted, atol=1e-4)


class Doubled(nn.Module):
    """An autoencoder with a code that says everything twice, and a constant: singular whatever the pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = PatchAutoencoder(4, 6, width=4, blocks=0)

    def encode(self, x: Tensor) -> Tensor:
        code = self.inner.encode(x)
        return torch.cat((code, code, torch.ones_like(code[:, :1])), dim=1)

    def decode(self, code: Tensor) -> Tensor:
        return self.inner.decode((code[:, :6] + code[:, 6:12]) / 2)


def test_a_singular_code_is_transported_within_its_directions() -> None:
    torch.manual_seed(0)
    twice = LearnedCode(TorchAutoencoder(Doubled(), "doubled", Needs(4, 13, 4, 1, 11, True)), 2)
    once = LearnedCode(TorchAutoencoder(twice.autoencoder._network.inner, "inner", Needs(4, 6, 4, 1, 11, True)), 2)
    source, target = picture(96, 96, seed=1) / 255, picture(96, 96, seed=2) / 300
    map = transport(moments_of(twice, source), moments_of(twice, target))
    assert (map.rank, twice.size) == (once.size, 13 * 4)
    alone = transport(moments_of(once, source), moments_of(once, target))
    assert alone.rank == once.size
    shown = picture(32, 40, seed=3) / 255
    np.testing.assert_allclose(twice.moved(shown, map), once.moved(shown, alone), atol=1e-4)
    moved = map(twice.patches(twice.encode(source)))
    np.testing.assert_allclose(moved.mean(axis=0), moments_of(twice, target).mean, atol=1e-6)
    assert np.abs(map.noise).max() < 1e-8, "nothing of the target is missing"


def test_needs_are_measured() -> None:
    torch.manual_seed(0)
    known = patch_autoencoder()
    found = TorchAutoencoder(known._network, "mine").needs
    assert (found.factor, found.channels, found.multiple, found.exact) == (2, 5, 2, True)
    assert known.needs.halo <= found.halo + 2


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (lambda: nn.Conv2d(3, 3, 1), "not an autoencoder: a Conv2d has no methods encode and decode"),
        (lambda: Wrong(lambda x: x[:, :1]), "mine: not an autoencoder that restore can use: for 64x64 it returns 1x1x"),
        (lambda: Wrong(lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3)), "are 2 times as large as those"),
        (lambda: Wrong(lambda x: x / 0 * 0), "it accepts no square picture"),
    ],
)
def test_other_modules_are_refused(module: Callable[[], nn.Module], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        TorchAutoencoder(module(), "mine")


class Wrong(nn.Module):
    """It codes pictures as they are, and decodes them by a function."""

    def __init__(self, decoder: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.decoder = decoder

    def encode(self, x: Tensor) -> Tensor:
        return x

    def decode(self, code: Tensor) -> Tensor:
        return self.decoder(code)
