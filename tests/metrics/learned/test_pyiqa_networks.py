"""MUSIQ, MANIQA and TOPIQ: pyiqa's own scores with weights from a file, no downloads, and what is said if something lacks.

pyiqa's license forbids commercial use, so no extra installs it; where it is not installed, all but its absence is skipped.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from restore.cli.main import main
from restore.errors import MissingPackageError, MissingWeightsError, ModelError
from restore.metrics.learned.pyiqa_networks import NETWORKS, PyIqa, network_class, offline
from tests.conftest import SAMPLES, picture, save

SMALL = {"hidden_size": 48, "mlp_dim": 64, "num_heads": 2, "num_layers": 2}


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something wants to use the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))


def random_network(name: str, **options: object) -> torch.nn.Module:
    """Of pyiqa, with random weights, also where it begins with zeros."""
    torch.manual_seed(0)
    with offline():
        made = network_class(name)(pretrained=False, **NETWORKS[name].options, **options)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return made.eval()


def photo() -> np.ndarray:
    from restore.imaging.decode import read_rgb8

    return read_rgb8(next(path for path in sorted(SAMPLES.rglob("*")) if path.suffix == ".png"))[:224, :256]


def by_pyiqa(network: torch.nn.Module, image: np.ndarray) -> float:
    with torch.no_grad():
        return float(network(torch.from_numpy(image).permute(2, 0, 1)[None] / 255))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "params", "parallel", "safetensors"])
def test_musiq_is_pyiqas(form: str, tmp_path: Path) -> None:
    pytest.importorskip("pyiqa")
    network, file = random_network("musiq", **SMALL), tmp_path / "musiq.pth"
    state = network.state_dict()
    if form == "safetensors":
        from safetensors.torch import save_file

        file = file.with_suffix(".safetensors")
        save_file({key: value.contiguous() for key, value in state.items()}, file)
    else:
        state = {f"module.{key}": value for key, value in state.items()} if form == "parallel" else state
        torch.save({"params": state} if form == "params" else state, file)
    score = PyIqa(file, network="musiq", **SMALL)
    assert score(photo()) == pytest.approx(by_pyiqa(network, photo()), rel=1e-5)
    assert score(photo()) != pytest.approx(score(photo()[:, ::-1] // 2), rel=1e-3), "it sees the picture"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), [("maniqa", {"test_sample": 1}), ("topiq", {})])
def test_the_large_ones_are_pyiqas(name: str, options: dict[str, int], tmp_path: Path) -> None:
    pytest.importorskip("pyiqa")
    network, file = random_network(name, **options), tmp_path / "weights.pth"
    torch.save({"params": network.state_dict()}, file)
    score = PyIqa(file, network=name, **options)
    assert score(photo()) == pytest.approx(by_pyiqa(network, photo()), rel=1e-5)
    with pytest.raises(ValueError, match="pixels are too few"):
        score(photo()[:40, :40])


@pytest.mark.slow
def test_weights_of_another_network(tmp_path: Path) -> None:
    pytest.importorskip("pyiqa")
    file = tmp_path / "musiq.pth"
    torch.save(random_network("musiq", **SMALL).state_dict(), file)
    with pytest.raises(ModelError, match=r"metric 'musiq': the weights in .*musiq\.pth belong to another network"):
        PyIqa(file, network="musiq")


def test_a_file_that_holds_code_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "musiq.pth"
    torch.save({"params": Path("a")}, file)
    with pytest.raises(ModelError, match="is not a readable file of weights"):
        PyIqa(file, network="musiq")


def test_without_the_weights_or_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingWeightsError) as missing:
        PyIqa(network="maniqa")
    assert f"no weights at {tmp_path / 'hub/pyiqa/ckpt_koniq10k.pt'}" in str(missing.value)
    assert "Download https://huggingface.co/chaofengc/IQA-PyTorch-Weights" in str(missing.value)
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    for name in [name for name in sys.modules if name.startswith("pyiqa.")]:
        monkeypatch.delitem(sys.modules, name)
    file = tmp_path / "musiq.pth"
    torch.save({"a": torch.zeros(1)}, file)
    with pytest.raises(MissingPackageError, match=r"'musiq' needs the package pyiqa, .* pip install pyiqa$"):
        PyIqa(file, network="musiq")
    save(tmp_path / "in/a.png", picture(40, 40))
    arguments = ["evaluate", "--predictions", str(tmp_path / "in"), "--metric", "musiq", "--weights", f"musiq={file}"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "PolyForm Noncommercial 1.0.0" in result.output
