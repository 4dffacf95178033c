"""Learned metrics against the packages they are of, with weights drawn at random in the published files' form."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from restore.cli.main import main
from restore.errors import MissingWeightsError, ModelError
from restore.evaluation.cases import Case, Methods
from restore.evaluation.comparison import Protocol
from restore.evaluation.measure import compare
from restore.metrics.learned import distribution
from restore.metrics.learned.clip_iqa import PROMPTS, ClipIqa
from restore.metrics.learned.distribution import InceptionDistance, frechet, inception, kernel
from restore.metrics.learned.dists import Dists
from restore.metrics.learned.lpips import LpipsDistance
from restore.metrics.metric import MetricInputs, MetricProtocol
from restore.metrics.registry import METRICS
from tests.conftest import SAMPLES, picture, save
from tests.encoders.weights import torchvision_weights


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    pixels = cv2.imread(str(next(SAMPLES.glob("*.jpg"))))
    return np.ascontiguousarray(pixels[:150, :170, ::-1])


@pytest.fixture(scope="module")
def blurred(photo: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(photo, (0, 0), 1.5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("weights")
    return lambda name: torchvision_weights(name, folder)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


LEARNED = [name for name, metric in METRICS.items() if "'restore[" in metric.needs]
# Those whose weights are not one file that is published: their own tests say what happens without.
OWN_WAYS = {"brisque", "q-boost", "q-boost-ensemble"}


def build(name: str) -> object:
    metric = METRICS[name]
    make = metric.measure or metric.measure_set
    assert make is not None
    return make(MetricProtocol(), MetricInputs())


def test_a_metric_measures_pictures_or_sets() -> None:
    published = {"lpips", "lpips-vgg", "dists", "features", "clip-iqa", "musiq", "maniqa", "topiq", "fid", "kid"}
    assert published | OWN_WAYS == set(LEARNED)
    assert {name for name, metric in METRICS.items() if metric.measure_set} == {"fid", "kid", "pirm-rmse"}
    assert all((m.measure is None) != (m.measure_set is None) for m in METRICS.values())
    assert all(name == metric.name for name, metric in METRICS.items())


@pytest.mark.filterwarnings("ignore")  # lpips uses an argument that torchvision deprecates
@pytest.mark.parametrize(("net", "name"), [("alex", "alexnet"), pytest.param("vgg", "vgg16", marks=pytest.mark.slow)])
def test_lpips_is_the_package_with_a_local_backbone(net, name, photo, blurred, weights) -> None:
    import lpips

    distance = LpipsDistance(net, weights(name))
    assert distance(photo, photo) == 0
    reference = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = torch.load(weights(name), weights_only=True)
    for key, parameter in reference.net.named_parameters():  # "slice2.5.weight" is "features.5.weight"
        parameter.data.copy_(state["features." + key.split(".", 1)[1]])
    with torch.no_grad():
        expected = float(reference(tensor(blurred), tensor(photo), normalize=True))
    assert distance(blurred, photo) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="170 x 20 pixels are too few: each side needs at least 32"):
        distance(photo[:20], photo[:20])


def test_dists_is_torchmetrics(photo, blurred, weights, monkeypatch) -> None:
    from torchmetrics.functional.image import dists as theirs
    from torchvision.models import vgg16

    def random_vgg(weights: object) -> torch.nn.Module:
        network = vgg16(weights=None)
        network.load_state_dict(torch.load(file, weights_only=True), strict=False)
        return network

    file = weights("vgg16")
    state = torch.load(file, weights_only=True)
    state.pop("classifier.6.bias")
    torch.save(state, file)
    monkeypatch.setattr(theirs, "vgg16", random_vgg)
    reference = theirs.DISTSNetwork()
    distance = Dists(file)
    assert distance(photo, photo) == pytest.approx(0, abs=1e-6)
    for worse in (blurred, picture(150, 170)):
        assert distance(worse, photo) == pytest.approx(
            float(reference(tensor(worse), tensor(photo)).detach()), abs=1e-5
        )


def features(count: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(16, 16, generator=generator)
    return torch.randn(count, 16, generator=generator) @ mixed + shift


class Taken(torch.nn.Module):
    """For torchmetrics: features that come as they are."""

    num_features = 16

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize("count", [12, 40, 300])
def test_fid_is_torchmetrics(count: int) -> None:
    """Of fewer pictures than features, too."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    made, real = features(count, 1, 0.3), features(count, 2)
    reference = FrechetInceptionDistance(feature=Taken()).set_dtype(torch.float64)
    reference.update(made.double(), real=False)
    reference.update(real.double(), real=True)
    assert frechet(made, real) == pytest.approx(float(reference.compute()), rel=1e-4)
    assert frechet(real, real) == pytest.approx(0, abs=1e-6)


@pytest.mark.filterwarnings("ignore:Metric .Kernel")
@pytest.mark.parametrize("count", [12, 300])
def test_kid_is_torchmetrics_of_all_pictures(count: int) -> None:
    from torchmetrics.image.kid import KernelInceptionDistance

    made, real = features(count, 1, 0.3) / 4, features(count, 2) / 4
    reference = KernelInceptionDistance(feature=Taken(), subsets=1, subset_size=count)
    reference.update(made, real=False)
    reference.update(real, real=True)
    assert kernel(made, real) == pytest.approx(float(reference.compute()[0]), rel=1e-3)


def test_kid_is_summed_in_parts() -> None:
    a, b = features(1500, 1), features(1500, 2)
    whole = ((a.double() @ b.double().T / 16 + 1) ** 3).sum()
    from restore.metrics.learned.distribution import _summed

    torch.testing.assert_close(_summed(a.double(), b.double()), whole)


def test_sets_need_two_pictures() -> None:
    seen = InceptionDistance(frechet, lambda x: x.float().mean((2, 3)))
    seen.add(picture(40, 40), picture(40, 40, seed=1))
    with pytest.raises(ValueError, match="needs at least two pictures"):
        seen.value()
    seen.add(picture(40, 40, seed=2), picture(40, 40, seed=3))
    assert seen.value() > 0


def test_one_inception_serves_every_method_and_both_distances(monkeypatch) -> None:
    built = []

    def building(purpose: str, weights: Path | None) -> object:
        built.append(weights)
        return lambda pixels: pixels.float().mean((2, 3))

    monkeypatch.setattr(distribution, "inception", building)
    distribution._shared_inception.cache_clear()
    draw = np.random.default_rng(0)
    pairs = {name: (draw.integers(0, 256, (20, 20, 3), np.uint8), picture(20, 20)) for name in ("mine", "other")}
    found = compare(
        Protocol("in", 1, "", MetricProtocol()),
        [Case(str(i), Path("x.png"), pairs) for i in range(3)],
        Methods(1, folders={name: Path(name) for name in pairs}),
        ["fid", "kid"],
        MetricInputs(),
    )
    distribution._shared_inception.cache_clear()
    assert built == [None]
    assert found.sets["mine"]["fid"] != found.sets["other"]["fid"], "each method has its own sets"


def test_inception_is_read_from_the_published_files_form(tmp_path: Path, monkeypatch, photo: np.ndarray) -> None:
    pytest.importorskip("torch_fidelity")
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    with monkeypatch.context() as patch:
        patch.setattr(theirs, "load_state_dict_from_url", lambda *a, **k: {})
        patch.setattr(theirs.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        torch.manual_seed(0)
        network = theirs.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None]
    found = inception("FID", tmp_path / "inception.pth")(pixels)
    torch.testing.assert_close(found, network(pixels)[0].reshape(1, 2048))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"other\.pth are for another network"):
        inception("FID", tmp_path / "other.pth")


@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
def test_clip_iqa_is_the_softmax_of_open_clips_own_similarities_without_places(size, photo, tiny_clip) -> None:
    import open_clip

    file = tiny_clip("tiny-resnet")
    judge = ClipIqa(file, model="tiny-resnet")
    network = open_clip.CLIP(**open_clip.get_model_config("tiny-resnet"), quick_gelu=True).eval()
    network.load_state_dict(torch.load(file, weights_only=True))
    before = network.visual.attnpool.positional_embedding
    assert before.abs().min() > 0, "leaving it out matters"
    # open_clip adds whatever is there: zeros, as many as this size has places.
    network.visual.attnpool.positional_embedding = torch.nn.Parameter(
        torch.zeros(size[0] * size[1] // 32**2 + 1, before.shape[1])
    )
    seen = np.resize(photo, (*size, 3))
    mean, std = (v.view(1, 3, 1, 1) for v in (judge._encoder.mean, judge._encoder.std))
    with torch.no_grad():
        image = network.encode_image((tensor(seen) - mean) / std, normalize=True)
        text = network.encode_text(open_clip.get_tokenizer("tiny-resnet")(list(PROMPTS)), normalize=True)
    expected = (100 * image @ text.T).softmax(1)[0, 1]
    assert judge(seen) == pytest.approx(float(expected), abs=1e-5)
    assert judge(seen) == pytest.approx(1 - ClipIqa(file, PROMPTS[::-1], model="tiny-resnet")(seen), abs=1e-5)
    with pytest.raises(ValueError, match="at least 32 pixels, not 40 x 20"):
        judge(seen[:20, :40])


def test_clip_iqa_is_of_a_resnet(photo, tiny_clip) -> None:
    judge = ClipIqa(tiny_clip("tiny-vit"), model="tiny-vit")
    with pytest.raises(ValueError, match="only CLIP's ResNets"):
        judge(photo)


@pytest.mark.parametrize("name", [name for name in LEARNED if name not in {"features"} | OWN_WAYS])
def test_missing_weights_are_told_with_the_cure(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingWeightsError, match=r"no weights at .*Download https://"):
        build(name)


def test_through_the_command_with_a_file_of_weights(tmp_path: Path, weights, photo, blurred) -> None:
    save(tmp_path / "good/a.png", photo)
    save(tmp_path / "mine/a.png", blurred)
    arguments = ["evaluate", "--data", tmp_path / "good", "--predictions", tmp_path / "mine", "--metric", "lpips"]
    arguments += ["--weights", f"lpips={weights('alexnet')}"]
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    assert "LPIPS on RGB, the whole picture" in result.output
    assert f"{LpipsDistance('alex', weights('alexnet'))(blurred, photo):.3f}" in result.output
