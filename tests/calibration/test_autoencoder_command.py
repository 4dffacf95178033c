"""``restore calibrate --autoencoder`` with each kind of autoencoder, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file

from restore.cli.main import main
from restore.runtime.model import open_model
from restore.training.checkpoint import save_checkpoint
from restore.training.recipe_file import parse_recipe
from tests.calibration.original_kl import as_diffusers, original_weights
from tests.calibration.pairs import save_pair
from tests.conftest import picture, save

RECIPE = """name: coder
scale: 1
licence: CC0-1.0
network: {kind: patch-autoencoder, factor: 2, channels: 5, width: 4, blocks: 0}
data: {train: [.]}
"""
MODULE = """
from restore.networks.patch_autoencoder import PatchAutoencoder


def make():
    return PatchAutoencoder(2, 4, width=4, blocks=0)


def number():
    return 3
"""


@pytest.fixture
def natural(tmp_path: Path) -> Path:
    for number in range(3):
        save(tmp_path / f"natural/{number}.png", picture(120, 130, seed=number))
    return tmp_path / "natural"


def run(model: Path, natural: Path, *words: object) -> Result:
    out = ("-o", natural.parent / "knob.onnx", "--patch", 2, "--natural", natural, "--degraded", "bicubic")
    result = CliRunner().invoke(main, ["calibrate", *(str(word) for word in (model, *out, *words))])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def run_folder(folder: Path, recipe: str = RECIPE) -> Path:
    torch.manual_seed(0)
    network = parse_recipe(recipe, "recipe").network.build(1)
    folder.mkdir()
    modules = {"network": network, "average": network}
    save_checkpoint(
        folder / "last.safetensors", step=3, recipe_yaml=recipe, modules=modules, optimizers={}, facts={"seconds": 1.0}
    )
    return folder


def test_a_pair_of_onnx_files(small_model: Path, natural: Path) -> None:
    pair = save_pair(natural.parent / "mine", ("vae_encoder/model.onnx", "vae_decoder/model.onnx"), kind="drawn")
    result = run(small_model, natural, "--autoencoder", pair, "--spec", "author=me")
    assert result.exit_code == 0, result.output
    assert "24 of 24 directions" in result.output
    line = next(line for line in result.output.splitlines() if line.startswith("autoencoder: reproduces"))
    assert 15 < float(line.split()[-2]) < 40
    model = open_model(natural.parent / "knob.onnx", "cpu")
    spec = model.spec
    assert (spec.name, spec.strength, spec.scale, spec.multiple, spec.author) == ("knob", True, 2, 2, "me")
    assert spec.network.endswith("codes of mine")
    assert spec.licence.endswith("; of the autoencoder: unknown")
    assert spec.held > 0
    batch = picture(24, 24).transpose(2, 0, 1)[None].astype(np.float32) / 255
    plain = open_model(small_model, "cpu")(batch)
    np.testing.assert_array_equal(model(batch, strength=np.zeros(1, np.float32)), plain)
    assert np.abs(model(batch, strength=np.ones(1, np.float32)) - plain).mean() > 1e-3


def test_a_run_of_ours(small_model: Path, natural: Path) -> None:
    result = run(small_model, natural, "--autoencoder", run_folder(natural.parent / "run"))
    assert result.exit_code == 0, result.output
    spec = open_model(natural.parent / "knob.onnx", "cpu").spec
    assert spec.exact_tiles
    assert spec.network.endswith("codes of patch-autoencoder")
    assert spec.licence.endswith("; of the autoencoder: CC0-1.0")


@pytest.mark.slow
def test_weights_of_an_autoencoder_kl(small_model: Path, natural: Path) -> None:
    file = natural.parent / "diffusion_pytorch_model.safetensors"
    weights = original_weights((32, 32))
    for name in ("weight", "bias"):
        weights[f"decoder.conv_out.{name}"] *= 0.1  # random pictures would be beyond the range
    save_file(as_diffusers(weights), str(file))
    result = run(small_model, natural, "--autoencoder", file, "--rebuilt")
    assert result.exit_code == 0, result.output
    spec = open_model(natural.parent / "knob.onnx", "cpu").spec
    assert not spec.exact_tiles
    assert spec.network.endswith("codes of AutoencoderKL")
    assert spec.held > 300
    assert spec.parameters > 100_000


@pytest.mark.slow
def test_a_module_of_the_user(small_model: Path, natural: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (natural.parent / "coder_of_mine.py").write_text(MODULE)
    monkeypatch.chdir(natural.parent)
    result = run(small_model, natural, "--autoencoder", "coder_of_mine:make")
    assert result.exit_code == 0, result.output
    assert open_model(natural.parent / "knob.onnx", "cpu").spec.network.endswith("codes of make")
    result = run(small_model, natural, "--autoencoder", "coder_of_mine:number", "--overwrite")
    assert "autoencoder 'coder_of_mine:number' gives a int, not a torch module" in result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere",), "nowhere: no such autoencoder: name a file of weights, a folder or package.module:factory"),
        (("{d}/natural",), "natural: a folder of an autoencoder has encoder.onnx and decoder.onnx or vae_encoder/"),
        (("{d}/natural/0.png",), "0.png: an autoencoder is a file of weights (.pth, .pt, .ckpt, .safetensors), or"),
        (("{d}/sr.safetensors",), "not an autoencoder of a latent diffusion model"),
        (("{d}/run",), "a run of the network 'residual', which has no code to work in"),
        (("no_such_module_of_mine:make",), "autoencoder 'no_such_module_of_mine:make' cannot be made"),
        (("{d}/pair", "--factor", "2"), "--factor is of blocks of pixels; the --autoencoder has a factor of its own"),
    ],
)
def test_what_is_wrong_is_said(small_model: Path, natural: Path, words: tuple[str, ...], says: str) -> None:
    folder = natural.parent
    save_file({"body.weight": torch.zeros(3)}, str(folder / "sr.safetensors"))
    if "run" in words[0]:
        run_folder(
            folder / "run", "name: a\nscale: 1\nnetwork: {kind: residual, width: 4, blocks: 1}\ndata: {train: [.]}\n"
        )
    result = run(small_model, natural, "--autoencoder", *(word.format(d=folder) for word in words))
    assert result.exit_code == 2
    assert says in " ".join(result.output.split()), result.output
    assert not (folder / "knob.onnx").exists()


def test_rebuilt_needs_an_autoencoder(small_model: Path, natural: Path) -> None:
    result = run(small_model, natural, "--rebuilt")
    assert (result.exit_code, "--rebuilt needs an --autoencoder" in result.output) == (2, True)
