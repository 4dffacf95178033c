"""BRISQUE: the package's own number, the order of damages, and what cannot be measured."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.errors import MissingExtraError, ModelError
from restore.imaging.decode import read_rgb8
from restore.metrics.brisque import Brisque
from tests.conftest import SAMPLES, picture

package = pytest.importorskip("brisque")


class Repaired(package.BRISQUE):
    """The package's score, whose last step fails with NumPy from 2.4 on because its features are arrays of one number."""

    def scale_features(self, features: np.ndarray) -> np.ndarray:
        return super().scale_features([float(np.ravel(value)[0]) for value in features])


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    found = [read_rgb8(path) for path in sorted(SAMPLES.rglob("*")) if path.suffix in (".jpg", ".png")]
    assert len(found) >= 3
    return [photo[:240, :320] for photo in found[:3]]


def damaged(photo: np.ndarray) -> dict[str, np.ndarray]:
    noise = np.random.default_rng(0).normal(0, 20, photo.shape)
    return {
        "none": photo,
        "noise": np.clip(photo + noise, 0, 255).astype(np.uint8),
        "blur": cv2.GaussianBlur(photo, (0, 0), 2),
        "jpeg": cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 10])[1], cv2.IMREAD_COLOR),
    }


def test_it_is_the_packages_number_on_photographs(photos: list[np.ndarray]) -> None:
    """To a thousandth where nothing is flat; in flat areas the package counts the signs of rounding."""
    theirs, ours = Repaired(url=False), Brisque()
    for photo in photos:
        versions = damaged(photo)
        for name, one in versions.items():
            assert ours(one) == pytest.approx(theirs.score(one), abs=1e-3 if name == "noise" else 0.7), name
        assert min(ours(versions[name]) for name in ("noise", "blur", "jpeg")) > ours(photo) + 5
    gray = photos[0][..., :1]
    assert ours(gray) == pytest.approx(ours(np.repeat(gray, 3, axis=2)), abs=1e-3)


def test_what_cannot_be_measured() -> None:
    score = Brisque()
    with pytest.raises(ValueError, match="sides of 32 pixels, but the picture has 40 x 31"):
        score(picture(31, 40))
    for level in (0, 128):
        with pytest.raises(ValueError, match="without any detail"):
            score(np.full((50, 50, 3), level, np.uint8))


def test_its_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(package.__file__).parent / "models/svm.txt"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "brisque", None)
        without.setattr("importlib.util.find_spec", lambda name: None)
        assert Brisque(file)(picture(60, 60)) == pytest.approx(Brisque(file)(picture(60, 60)))
        with pytest.raises(MissingExtraError, match=r"the metric 'brisque' needs .* pip install 'restore\[brisque\]'"):
            Brisque()
    other = tmp_path / "svm.txt"
    other.write_bytes(file.read_bytes().replace(b"gamma 0.05", b"gamma 0.06"))
    with pytest.raises(ModelError, match=r"svm\.txt: not the model of BRISQUE that this metric knows"):
        Brisque(other)
    with pytest.raises(ModelError, match=r"nowhere\.txt: the model of BRISQUE cannot be read: No such file"):
        Brisque(tmp_path / "nowhere.txt")
