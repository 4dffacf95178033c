"""Fixtures: pictures made by formula, a small model, folders."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

# Of several processes (pytest -n 2) each computes with one thread: with more they wait for each other, not for work.
# Before anything is imported that reads it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[1] / "samples"


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Waves, an edge and noise: something with structure at every scale. uint8 (H, W, channels)."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (3 + c) + y / (7 - c)) + np.sin((x * y) / (300 + 50 * c)) for c in range(channels)]
    values = 128 + 45 * np.stack(waves, axis=-1) + draw.normal(0, 6, (height, width, channels))
    values[:, width // 3 : width // 3 + 3] = 250
    return np.clip(values, 0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path, **options)
    return path


# basicsr's setup.py reads its version in a way that Python 3.13 ended. Asked here, for a test may pretend another Python.
_BASICSR_CANNOT_BE = sys.version_info >= (3, 13)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """On a Python that basicsr cannot be installed on, tests that turn out to need it are skipped; on others they fail."""
    try:
        return (yield)
    except Exception as error:
        if _BASICSR_CANNOT_BE and "basicsr" in str(error):
            # Not a mark: which tests need basicsr, through recipes or registries, only a run tells. On all Pythons that
            # can install it, CI's among them, the same error fails the test.
            pytest.skip(
                reason="needs basicsr, which cannot be installed on Python 3.13 or later: its setup.py fails there"
            )
        raise


def pytest_runtest_setup() -> None:
    """Let torch's exporter build its registry of ONNX operators once, not at each export: a fifth of a small one's time."""
    registration = sys.modules.get("torch.onnx._internal.exporter._registration")
    build = getattr(getattr(registration, "ONNXRegistry", None), "from_torchlib", None)
    # It is internal to torch: another version may not have it, or cache it already. Only custom operators change it, and
    # restore has none.
    if build is not None and not hasattr(build, "cache_info"):
        registration.ONNXRegistry.from_torchlib = staticmethod(functools.cache(build))


@pytest.fixture(autouse=True)
def no_models_of_the_user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have imported models; none of them shall be found."""
    empty = str(tmp_path_factory.getbasetemp() / "data-of-nobody")
    # Nor the user's measurements of backends, which decide what runs a model.
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        monkeypatch.setenv(name, empty)
    monkeypatch.delenv("RESTORE_MODELS", raising=False)


@pytest.fixture
def locked_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are called "locked" may not be read: to root, no mode of a file says so."""
    scan = os.scandir

    def locked(path: object) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", locked)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of five pictures, in two sub-folders."""
    folder = tmp_path / "photos"
    for i in range(5):
        save(folder / ("a" if i % 2 else "b") / f"{i}.png", picture(70 + 9 * i, 96 + 5 * i, seed=i))
    return folder


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain x2 network of random weights, exported with its spec."""
    torch = pytest.importorskip("torch")
    from restore.export.to_onnx import to_onnx
    from restore.networks.plain import PlainSR
    from restore.spec import ModelSpec

    torch.manual_seed(3)
    network = PlainSR(2, width=16, depth=2).deployed()
    spec = ModelSpec(name="small", scale=2, halo=network.halo)
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    path.write_bytes(to_onnx(network, spec).SerializeToString())
    return path


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a file of weights by the name of a tiny CLIP, which open_clip then knows, with weights ``openai``."""
    pytest.importorskip("open_clip")
    from tests.encoders.weights import tiny_clips

    return tiny_clips(tmp_path_factory.mktemp("clip"))
