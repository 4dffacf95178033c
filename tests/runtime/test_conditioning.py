"""A network that sees the whole picture on a thumbnail: the same result for any tile, in any company."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from restore.cli.main import main
from restore.errors import ModelError
from restore.export.parity import verify
from restore.networks.thumbnail import whole
from restore.runtime.conditioning import PictureAside, of_whole, thumbnail
from restore.runtime.device_pipeline import DeviceChain
from restore.runtime.model import Model, open_model
from restore.runtime.pixels import FloatNetwork
from restore.runtime.stream import StreamOptions, enhance_pixels, enhance_stream
from restore.runtime.tiling import Span, Tile
from restore.spec import ModelSpec
from tests.conftest import picture, save
from tests.networks.test_bilateral_grid import network

SPEC = ModelSpec(name="light", task="enhancement", scale=1, halo=8, multiple=2, context=32, strength=True)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from restore.export.to_onnx import to_onnx

    path = tmp_path_factory.mktemp("light") / "light.onnx"
    path.write_bytes(to_onnx(network(), SPEC).SerializeToString())
    return path


@pytest.fixture(scope="module")
def model(file: Path) -> Model:
    return open_model(file, "cpu", threads=1)


def test_the_file_is_the_network(file: Path) -> None:
    checks = verify(file, network())
    assert len(checks) >= 4
    assert max(check.difference for check in checks) < 1e-5


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 70), st.integers(1, 70)), min_size=1, max_size=5),
    st.integers(1, 60),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([np.uint8, np.uint16]),
    st.floats(0, 1),
)
def test_tiled_and_batched_equals_whole(
    model: Model, sizes: list, tile: int, batch: int, fixed: bool, dtype: type, strength: float
) -> None:
    """Pictures of several sizes at once, each with its own thumbnail; to one level, where rounding falls on a half."""
    depth = 1 if dtype is np.uint8 else 257
    pictures = [picture(*size, seed=i).astype(dtype) * dtype(depth) for i, size in enumerate(sizes)]
    results = list(enhance_stream(pictures, model, StreamOptions(tile, batch, fixed, strength=strength)))
    for pixels, result in zip(pictures, results, strict=True):
        whole = enhance_pixels(pixels, model, model.spec, 10_000, strength)
        assert result.dtype == dtype
        assert np.abs(result.astype(int) - whole).max() <= depth


def test_it_is_what_the_network_makes_of_the_whole(model: Model) -> None:
    pixels = picture(90, 124)
    with torch.no_grad():
        made = network()(torch.from_numpy(pixels.transpose(2, 0, 1)[None] / np.float32(255)))[0]
    expected = made.clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy()
    result = enhance_pixels(pixels, model, model.spec, 40)
    # The thumbnail is rounded to the picture's 8 bits here and not there.
    assert np.abs(result - expected).max() <= 2
    assert np.abs(result - pixels.astype(float)).mean() > 5


def test_strength(model: Model) -> None:
    pixels = picture(40, 50)
    full, half, none = (enhance_pixels(pixels, model, model.spec, strength=s) for s in (1, 0.5, 0))
    np.testing.assert_array_equal(none, pixels)
    middle = (pixels.astype(float) + full) / 2
    inside = (full > 0) & (full < 255)  # what was clipped has lost how far it went
    assert np.abs(half - middle)[inside].max() <= 1


def test_the_chain_takes_it_along(model: Model) -> None:
    batch = np.stack([picture(24, 30, seed=i) for i in range(2)])
    aside = of_whole(batch, SPEC, 0.7)
    assert {name: values.shape for name, values in aside.items()} == {
        "thumbnail": (2, 3, 32, 32),
        "rows": (2, 24),
        "columns": (2, 30),
        "strength": (2,),
    }
    chain = DeviceChain(model._session, SPEC, "cpu")
    np.testing.assert_array_equal(chain.enlarge(batch, aside), model.enlarge(batch, aside))


@pytest.mark.parametrize("size", [(64, 90), (33, 41), (10, 90), (7, 5)])
def test_thumbnails_of_8_and_16_bits_agree(size: tuple[int, int]) -> None:
    pixels = picture(*size)
    small, deep = thumbnail(pixels, SPEC), thumbnail(pixels.astype(np.uint16) * 257, SPEC)
    assert small.shape == (3, 32, 32)
    np.testing.assert_allclose(small, deep, atol=0.51 / 255)
    np.testing.assert_allclose(deep.mean((1, 2)), pixels.mean((0, 1)) / 255, atol=1e-4)
    ranged = thumbnail(pixels, SPEC.model_copy(update={"low": -1.0}))
    np.testing.assert_allclose(ranged, 2 * small - 1, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 90), (33, 41), (10, 90), (7, 5)])
def test_a_thumbnail_of_middles_is_the_networks_and_of_the_pictures_own_pixels(size: tuple[int, int]) -> None:
    pixels, spec = picture(*size), SPEC.but(thumbnail="middle")
    small = thumbnail(pixels, spec)
    x = torch.from_numpy(pixels.transpose(2, 0, 1)[None] / np.float32(255))
    np.testing.assert_allclose(small, whole(x, 32, "middle")[0][0].numpy(), atol=1e-7)
    np.testing.assert_allclose(thumbnail(pixels.astype(np.uint16) * 257, spec), small, atol=1e-7)
    # Pillow takes the nearest pixel of each area's middle, too; where the middle is an edge it may take the one before.
    nearest = Image.fromarray(pixels).resize((32, 32), Image.Resampling.NEAREST)
    edges = [[(2 * i + 1) * n % 64 == 0 for i in range(32)] for n in size]
    inside = ~(np.array(edges[0])[:, None] | np.array(edges[1])[None])
    np.testing.assert_allclose(small.transpose(1, 2, 0)[inside] * 255, np.asarray(nearest)[inside], atol=1e-4)


def test_a_tile_knows_where_it_is() -> None:
    aside = PictureAside(picture(100, 50), SPEC, 0.25).of(Tile(Span(10, 14, 12, 14), Span(48, 52, 48, 50)))
    np.testing.assert_allclose(aside["rows"], [[0.105, 0.115, 0.125, 0.135]], rtol=1e-6)
    np.testing.assert_allclose(aside["columns"], [[0.97, 0.99, 1.01, 1.03]], rtol=1e-6)
    np.testing.assert_array_equal(aside["strength"], [np.float32(0.25)])
    assert PictureAside(picture(8, 8), ModelSpec(scale=1, halo=0)).of(Tile(Span(0, 8, 0, 8), Span(0, 8, 0, 8))) == {}


def test_any_function_may_take_it() -> None:
    seen = []

    def spy(batch: np.ndarray, **aside: np.ndarray) -> np.ndarray:
        seen.append(sorted(aside))
        return batch.copy()

    spec = SPEC.model_copy(update={"context": 0})
    pixels = picture(20, 30)
    np.testing.assert_array_equal(enhance_pixels(pixels, spy, spec), pixels)
    np.testing.assert_array_equal(
        FloatNetwork(spy, SPEC).enlarge(pixels[None], of_whole(pixels[None], SPEC))[0], pixels
    )
    assert seen == [["strength"], ["columns", "rows", "strength", "thumbnail"]]


def test_a_spec_that_fits_another_file_is_refused(file: Path, small_model: Path) -> None:
    with pytest.raises(
        ModelError,
        match="its inputs besides the picture should be thumbnail, rows, columns, strength, but they",
    ):
        open_model(small_model, "cpu", given={"context": "32", "strength": "true"})
    with pytest.raises(ModelError, match="should be strength, but they are thumbnail"):
        open_model(file, "cpu", given={"context": "0"})


def test_strength_on_the_command_line(file: Path, tmp_path: Path) -> None:
    """0 leaves every pixel; another strength is another job; a model without one says so."""
    save(tmp_path / "in" / "a.png", picture(40, 60))
    clear = np.dstack([picture(30, 30), np.full((30, 30), 128, np.uint8)])
    save(tmp_path / "in" / "clear.png", clear)

    def run(*options: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, ["enhance", str(tmp_path / "in"), str(tmp_path / "out"), *options])
        return result.exit_code, result.stdout, result.stderr

    assert run("--model", str(file), "--strength", "0")[0] == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/a.png")), picture(40, 60))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/clear.png")), clear)
    code, told, _ = run("--model", str(file), "--strength", "0", "--resume", "--json")
    assert code == 0
    pictures = [row for row in map(json.loads, told.splitlines()) if row["type"] == "picture"]
    assert [row["status"] for row in pictures] == ["done", "done"], "nothing is done again"
    assert run("--model", str(file), "--resume")[0] == 0
    assert (np.asarray(Image.open(tmp_path / "out/a.png")) != picture(40, 60)).any(), "made again with full strength"
    code, _, told = run("--model", "sr-x2", "--strength", "0.5", "--overwrite")
    assert (code, "--strength: sr-x2 has no adjustable strength" in told) == (2, True)
    assert run("--model", str(file), "--strength", "1.5", "--overwrite")[0] == 2
