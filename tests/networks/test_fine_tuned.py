"""Published checkpoints as networks of recipes: trained, resumed and exported without the file they began with."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from restore.cli.main import main
from restore.errors import RecipeError
from restore.networks.base import deployed
from restore.networks.fine_tuned import SpandrelOptions
from restore.runtime.model import file_spec
from restore.training.recipe_file import parse_recipe
from tests.conftest import SAMPLES, picture
from tests.conftest import save as save_picture
from tests.export.published import build, save

RECIPE = """\
name: tuned
scale: {scale}
network: {{kind: spandrel, checkpoint: {checkpoint}}}
data: {{train: [photos], patch: 16, holdout: 1}}
validation: {{every: 100, crop: 32}}
train:
  steps: 6
  batch: 4
  ema: 0.5
  optimizer: {{lr: 1e-3}}
  schedule: {{warmup: 0, floor: 1}}
"""


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def recipe_of(checkpoint: Path, scale: int = 2) -> str:
    return RECIPE.format(checkpoint=checkpoint, scale=scale)


def train(folder: Path, out: str, *options: object, checkpoint: Path | None = None, scale: int = 2) -> Result:
    photos = folder / "photos"
    if not photos.exists():
        photos.mkdir()
        for seed in range(3):
            save_picture(photos / f"{seed}.png", picture(48, 56, seed=seed))
    recipe: list[object] = []
    if checkpoint is not None:
        recipe = [folder / "recipe.yaml"]
        recipe[0].write_text(recipe_of(checkpoint, scale))
    always = ("--data", folder, "--out", folder / out, "--device", "cpu", "--workers", 0)
    return run("train", *recipe, *always, *options)


def weights_of(run_folder: Path, part: str = "") -> dict[str, torch.Tensor]:
    every = load_file(run_folder / "last.safetensors")
    return {key: value for key, value in every.items() if key.startswith(part)}


@pytest.mark.parametrize("kind", ["compact", "span", "swinir", "rcan"])
def test_it_begins_as_what_spandrel_loads(kind: str, tmp_path: Path) -> None:
    from spandrel import ModelLoader

    file = save(build(kind), tmp_path / "net.pth")
    theirs = ModelLoader().load_from_file(file)
    ours = SpandrelOptions(checkpoint=file).build(2)
    assert ours.training
    x = torch.rand(2, 3, 24, 32)
    with torch.no_grad():
        expected = theirs.eval()._call_fn(theirs.model, x.clone())
        assert torch.equal(ours.eval()(x), expected)
        torch.testing.assert_close(deployed(ours).eval()(x), expected, rtol=0, atol=1e-5)


def test_a_run_needs_its_checkpoint_only_at_the_start(tmp_path: Path) -> None:
    network = build("compact")
    file = save(network, tmp_path / "published.pth")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert train(tmp_path, "whole", checkpoint=file).exit_code == 0
    assert train(tmp_path, "parts", "--set", "train.steps=3", checkpoint=file).exit_code == 0
    file.unlink()

    assert train(tmp_path, "parts", "--resume", "--set", "train.steps=6").exit_code == 0
    whole, parts = weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts")
    assert set(whole) == set(parts)
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []
    before = network.state_dict()
    moved = {key.removeprefix("network.network."): w for key, w in weights_of(tmp_path / "whole", "network.").items()}
    assert set(moved) == set(before)
    assert all(0 < float((moved[key] - before[key]).abs().max()) < 0.05 for key in before)

    model = tmp_path / "tuned.onnx"
    done = run("export", tmp_path / "parts", model, "--shape", 24)
    assert done.exit_code == 0, done.output
    spec = file_spec(model)
    assert (spec.network, spec.scale, spec.halo, spec.steps) == ("RealESRGAN Compact", 2, 4, 6)
    assert spec.exact_tiles
    assert spec.start == f"published.pth, RealESRGAN Compact (checkpoint's SHA-256 {digest})"
    verified = run("verify", model, "--against", tmp_path / "parts")
    assert verified.exit_code == 0, verified.output
    source = save_picture(tmp_path / "small.png", picture(30, 40))
    enhanced = run("enhance", source, tmp_path / "large.png", "--model", model, "--device", "cpu")
    assert enhanced.exit_code == 0, enhanced.output
    assert Image.open(tmp_path / "large.png").size == (80, 60)


def test_dropped_paths_are_the_same_after_a_resume(tmp_path: Path) -> None:
    """SwinIR drops whole paths in training, by torch's own generator."""
    file = save(build("swinir"), tmp_path / "published.pth")
    assert train(tmp_path, "whole", checkpoint=file).exit_code == 0
    assert train(tmp_path, "parts", "--set", "train.steps=3", checkpoint=file).exit_code == 0
    assert train(tmp_path, "parts", "--resume", "--set", "train.steps=6").exit_code == 0
    whole, parts = weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts")
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []


def test_half_precision_is_trained_in_float32(tmp_path: Path) -> None:
    network = build("compact").half()
    options = SpandrelOptions(checkpoint=save(network, tmp_path / "half.safetensors"))
    built = options.build(2).state_dict()
    assert {value.dtype for value in built.values()} == {torch.float32}
    assert all(torch.equal(built[f"network.{key}"], value.float()) for key, value in network.state_dict().items())


def test_spans_branches_are_trained_and_their_sum_is_not(tmp_path: Path) -> None:
    network = SpandrelOptions(checkpoint=save(build("span"), tmp_path / "span.pth")).build(2)
    x = torch.rand(1, 3, 64, 64)
    made = network(x)
    made.square().mean().backward()
    learned = {name for name, p in network.named_parameters() if p.requires_grad}
    assert {name for name, p in network.named_parameters() if p.grad is not None} == learned
    assert any(".conv.1." in name for name in learned)
    assert not any("eval_conv" in name for name in learned)
    # Its layers pad differently in training, so only the middle is the same.
    middle = (..., slice(54, 74), slice(54, 74))
    with torch.no_grad():
        torch.testing.assert_close(deployed(network).eval()(x)[middle], made[middle], rtol=0, atol=1e-4)
    assert any("eval_conv" in name for name, _ in network.named_parameters()), "a copy was folded"


def test_bgr(tmp_path: Path) -> None:
    file = save(build("compact"), tmp_path / "net.pth")
    plain, swapped = (SpandrelOptions(checkpoint=file, colors=order).build(2) for order in ("rgb", "bgr"))
    x = torch.rand(1, 3, 12, 12)
    with torch.no_grad():
        assert torch.equal(swapped(x), plain(x[:, [2, 1, 0]])[:, [2, 1, 0]])
        assert not torch.equal(swapped(x), plain(x))


def strict(first: int, last: int, swapped: bool = False) -> nn.Module:
    """Enlarges, and darkens the channel ``first`` by what it has more than ``last``; swaps the channels at the end."""
    from spandrel.architectures.Compact import Compact

    network = Compact(num_feat=4, num_conv=1, upscale=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        weights = dict(network.named_parameters())
        weights["body.0.weight"][0, first, 1, 1], weights["body.0.weight"][0, last, 1, 1] = 1, -1
        weights["body.2.weight"][0, 0, 1, 1] = 1
        weights["body.4.weight"][4 * first : 4 * first + 4, 0, 1, 1] = -0.8
        if swapped:  # the picture itself is added in the order in which it came
            weights["body.0.weight"][1, 0, 1, 1] = weights["body.0.weight"][2, 2, 1, 1] = 1
            weights["body.2.weight"][1, 1, 1, 1] = weights["body.2.weight"][2, 2, 1, 1] = 1
            for channel, gain in ((1, 1), (2, -1)):
                weights["body.4.weight"][:4, channel, 1, 1] = -gain
                weights["body.4.weight"][8:, channel, 1, 1] = gain
    return network


def test_the_order_of_the_channels_is_found(tmp_path: Path) -> None:
    """Photographs are more often redder than bluer: a network that leaves those alone takes them in this order."""
    bgr = save(strict(0, 2), tmp_path / "bgr.pth")
    rgb = save(strict(2, 0), tmp_path / "rgb.pth")
    either = save(build("compact"), tmp_path / "either.pth")
    assert SpandrelOptions(checkpoint=rgb).colors == "rgb"
    assert SpandrelOptions(checkpoint=rgb).note() == ""
    assert SpandrelOptions(checkpoint=either).colors == "rgb"
    assert "if its publisher says BGR, set network.colors to bgr" in SpandrelOptions(checkpoint=either).note()
    found = SpandrelOptions(checkpoint=bgr)
    assert found.colors == "bgr"
    assert re.search(r"bgr\.pth is taken to be for BGR, because .* 1?\d\.\d times as close", found.note())
    said = SpandrelOptions(checkpoint=bgr, colors="rgb")
    assert (said.colors, said.note()) == ("rgb", "")

    done = train(tmp_path, "out", "--set", "train.steps=1", checkpoint=bgr)
    assert "is taken to be for BGR" in done.output
    written = parse_recipe((tmp_path / "out/recipe.yaml").read_text(), "recipe.yaml").network
    assert isinstance(written, SpandrelOptions)
    assert written.colors == "bgr"


def test_a_network_that_swaps_the_channels_is_not_trained(tmp_path: Path) -> None:
    file = save(strict(0, 2, swapped=True), tmp_path / "odd.pth")
    with pytest.raises(
        ValueError, match="takes RGB and returns BGR, so it cannot be trained as it is|takes BGR and returns RGB"
    ):
        SpandrelOptions(checkpoint=file)
    assert SpandrelOptions(checkpoint=file, colors="rgb").colors == "rgb"


def test_patches_must_have_sides_that_the_network_takes(tmp_path: Path) -> None:
    file = save(build("safmn"), tmp_path / "net.pth")
    assert SpandrelOptions(checkpoint=file).multiple(2) == 8
    with pytest.raises(RecipeError, match=r"'spandrel' needs sides of at least 8 that are multiples of 8, not 20"):
        parse_recipe(recipe_of(file), "r.yaml", ["data.patch=20"])


def test_another_scale_is_refused(tmp_path: Path) -> None:
    file = save(build("compact"), tmp_path / "Net.pth")
    done = train(tmp_path, "out", checkpoint=file, scale=4)
    assert done.exit_code == 2
    assert f"the checkpoint {file} enlarges by 2, and the recipe's scale is 4: set scale: 2" in done.output.replace(
        "\n", " "
    ).replace("  ", " ")
    assert not (tmp_path / "out" / "last.safetensors").exists()


class Unknown(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.odd = nn.Conv2d(3, 3, 3)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("exploded"),)


def test_other_files_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(Unknown(), tmp_path / "unknown.pth")
    save(build("gray-dncnn"), tmp_path / "gray.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"\x10" * 100)
    torch.save({"params": Bomb()}, tmp_path / "code.pth")
    for name, message in {
        "unknown.pth": "spandrel does not know the architecture of these weights",
        "gray.pth": "DnCNN has 1 input and 1 output channels, and only networks from RGB to RGB can be trained",
        "broken.safetensors": "cannot be read as weights",
        "code.pth": "contains more than weights",
        "none.pth": "no such checkpoint",
        "notes.txt": "no such checkpoint",
    }.items():
        with pytest.raises(RecipeError) as caught:
            parse_recipe(recipe_of(Path(name), 1 if name == "gray.pth" else 2), "r.yaml")
        assert str(caught.value).startswith(f"r.yaml, line 3: 'network': checkpoint {name}: {message}")
    assert not (tmp_path / "exploded").exists()


def test_a_file_that_was_replaced_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    file = save(build("compact"), tmp_path / "net.pth")
    assert train(tmp_path, "first", "--set", "train.steps=1", checkpoint=file).exit_code == 0
    written = tmp_path / "first" / "recipe.yaml"
    save(build("compact", seed=1), file)
    again = run("train", written, "--data", tmp_path, "--out", tmp_path / "second", "--device", "cpu")
    assert again.exit_code == 2
    assert "set network.found to null to take this one" in " ".join(again.output.split())


CLEAN = """\
name: tuned
scale: 2
network: {kind: spandrel, checkpoint: start.pth}
data: {train: [.], patch: 24, holdout: 1}
validation: {every: 300, crop: 96}
train: {steps: 300, batch: 8, ema: 0.99, optimizer: {lr: 2e-3}, schedule: {warmup: 20}}
"""
# A strong noise alone, which no clean picture shows.
NOISE = "degradation: {preset: light, after: [{kind: noise, gaussian_probability: 1, grey_probability: 0, sigma: [30, 30]}]}"
NOISY = CLEAN.replace("patch: 24,", f"patch: 24, {NOISE},")


@pytest.mark.slow
def test_tuning_to_noise_beats_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that learned clean pictures is better at noisy ones after it was trained on those."""
    from spandrel.architectures.Compact import Compact

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    fresh = Compact(num_feat=16, num_conv=4, upscale=2)
    save(fresh, Path("start.pth"))

    def trained(recipe: str, out: str, *changes: str) -> float:
        Path(f"{out}.yaml").write_text(recipe)
        options = [part for change in changes for part in ("--set", change)]
        always = ("--data", SAMPLES, "--out", out, "--device", "cpu", "--workers", 0)
        done = run("train", f"{out}.yaml", *always, *options)
        assert done.exit_code == 0, done.output
        scores = [json.loads(line) for line in Path(out, "log.jsonl").read_text().splitlines()]
        return [line["psnr-y"] for line in scores if "psnr-y" in line][-1]

    trained(CLEAN, "clean", "train.steps=200")
    learned = weights_of(Path("clean"), "average.")
    fresh.load_state_dict({key.removeprefix("average.network."): value for key, value in learned.items()})
    save(fresh, Path("start.pth"))
    before = trained(NOISY, "still", "train.steps=1", "train.optimizer.lr=1e-12")
    after = trained(NOISY, "tuned")
    assert after > before + 1
