"""Autoencoders of latent diffusion models: both layouts compute what the original does, and other files are refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from restore.calibration.autoencoders.kl_weights import load_kl
from restore.errors import ModelError
from tests.calibration.original_kl import Original, Weights, as_diffusers, original_weights

# Codes and pictures are around 1.
TOLERANCE = 2e-4


def save_weights(path: Path, weights: Weights) -> Path:
    save_file(weights, str(path))
    return path


def whole_model(weights: Weights) -> Weights:
    other = {"model.diffusion_model.out.2.weight": torch.zeros(4, 4), "encoder.conv_in.weight": torch.zeros(1)}
    return {**{f"first_stage_model.{name}": value for name, value in weights.items()}, **other}


def difference(path: Path, original: Original) -> float:
    """The largest between a file's network and the original, in codes and in pictures on 0..1."""
    network = load_kl(path)
    x = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(3))
    code = original.mode(2 * x - 1)
    pairs = ((network.encode(x), code), (network.decode(code), original.decode(code) / 2 + 0.5))
    return max(float((ours - theirs).abs().max()) for ours, theirs in pairs)


@pytest.mark.parametrize(
    "layout",
    [
        lambda weights: weights,
        as_diffusers,
        lambda weights: as_diffusers(weights, old=True),
        whole_model,
        lambda weights: {**weights, "loss.logvar": torch.zeros(())},
    ],
    ids=["original", "diffusers", "old-diffusers", "whole-model", "with-loss"],
)
def test_every_layout_computes_what_the_original_does(tmp_path: Path, layout: Callable[[Weights], Weights]) -> None:
    weights = original_weights()
    assert difference(save_weights(tmp_path / "vae.safetensors", layout(weights)), Original(weights)) < TOLERANCE


@pytest.mark.parametrize(
    "sizes",
    [
        {"widths": (32, 64, 32), "blocks": 2},
        {"widths": (32, 32), "channels": 16, "attention": False, "quantized": False},
    ],
    ids=["three-sizes", "without-attention-and-quantization"],
)
@pytest.mark.parametrize("named", ["original", "diffusers"])
def test_sizes_are_read_from_the_shapes(tmp_path: Path, sizes: dict[str, object], named: str) -> None:
    weights, levels = original_weights(**sizes), len(sizes["widths"])
    held = weights if named == "original" else as_diffusers(weights, levels)
    assert difference(save_weights(tmp_path / "vae.safetensors", held), Original(weights, levels)) < TOLERANCE


def test_a_ckpt_of_the_original_program(tmp_path: Path) -> None:
    weights = original_weights()
    torch.save({"state_dict": weights, "epoch": 3}, tmp_path / "vae.ckpt")
    assert difference(tmp_path / "vae.ckpt", Original(weights)) < TOLERANCE


def test_the_weights_stay_as_they_are(tmp_path: Path) -> None:
    network = load_kl(save_weights(tmp_path / "vae.safetensors", original_weights()))
    assert not any(weight.requires_grad for weight in network.parameters())


def test_half_precision_is_widened(tmp_path: Path) -> None:
    halves = {name: value.half() for name, value in original_weights().items()}
    path = save_weights(tmp_path / "vae.safetensors", halves)
    assert difference(path, Original({name: value.float() for name, value in halves.items()})) < TOLERANCE


def test_groups_are_read_from_the_config(tmp_path: Path) -> None:
    weights = original_weights(widths=(16, 48))
    path = save_weights(tmp_path / "vae.safetensors", weights)
    with pytest.raises(ModelError, match=r"16, 48 channels do not divide into 32 groups: put the config.json"):
        load_kl(path)
    (tmp_path / "config.json").write_text(json.dumps({"norm_num_groups": 16}))
    assert difference(path, Original(weights, groups=16)) < TOLERANCE


def test_diffusers_computes_the_same(tmp_path: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    theirs = diffusers.AutoencoderKL(
        block_out_channels=(32, 64, 32),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=2,
    ).eval()
    theirs.save_pretrained(tmp_path)
    ours = load_kl(tmp_path / "diffusion_pytorch_model.safetensors")
    x = torch.rand(2, 3, 32, 48)
    with torch.no_grad():
        code = theirs.encode(2 * x - 1).latent_dist.mode()
        torch.testing.assert_close(ours.encode(x), code, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(ours.decode(code), theirs.decode(code).sample / 2 + 0.5, atol=1e-4, rtol=1e-4)


class Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("this must not run",))


def test_code_in_a_file_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": original_weights(), "callbacks": Runs()}, tmp_path / "vae.ckpt")
    with pytest.raises(ModelError, match=r"contains more than weights .*\.safetensors file"):
        load_kl(tmp_path / "vae.ckpt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Runs()))
    with pytest.raises(ModelError, match=r"bare\.pt: "):
        load_kl(tmp_path / "bare.pt")
    assert "this must not run" not in capsys.readouterr().out


def without(name: str) -> Callable[[Weights], Weights]:
    return lambda weights: {key: value for key, value in weights.items() if key != name}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: {"body.0.weight": torch.zeros(3, 3)}, "not an autoencoder of a latent diffusion model"),
        (without("decoder.conv_in.weight"), "not an autoencoder of a latent diffusion model"),
        (without("encoder.conv_out.weight"), "named like an AutoencoderKL, but not one that codes RGB"),
        (without("decoder.up.0.block.1.conv1.weight"), r"belong to another network\. Missing key"),
        (without("quant_conv.weight"), "belong to another network"),
        (
            lambda weights: {**weights, "encoder.conv_in.weight": torch.zeros(32, 1, 3, 3)},
            "not one that codes RGB pictures",
        ),
        (lambda weights: {**weights, "encoder.conv_in.weight": torch.zeros(())}, "not one that codes RGB pictures"),
        (lambda weights: {**weights, "decoder.up.7.block.0.conv1.weight": torch.zeros(1)}, "another network"),
        (
            lambda weights: {**weights, "encoder.mid.block_1.conv1.weight": torch.zeros(64, 64, 1, 1)},
            "belong to another network",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, change: Callable[[Weights], Weights], says: str) -> None:
    path = save_weights(tmp_path / "other.safetensors", change(original_weights()))
    with pytest.raises(ModelError, match=says) as error:
        load_kl(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "text", ["{", "[" * 10**5, "[]", '{"norm_num_groups": 0}', '{"norm_num_groups": "32"}', "\xff"]
)
def test_a_damaged_config_is_named(tmp_path: Path, text: str) -> None:
    path = save_weights(tmp_path / "vae.safetensors", original_weights())
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"config\.json: .*: repair or remove it"):
        load_kl(path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = save_weights(tmp_path / "vae.safetensors", original_weights())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot be read as weights"):
        load_kl(path)
