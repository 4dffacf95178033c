"""Photo filters and lookup tables."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pilgram
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from restore.data.filters.cube import read_cube
from restore.data.filters.filter import Filter
from restore.data.filters.library import FILTERS, blend, find_filter
from restore.data.filters.options import DEFAULT_NAMES, PhotoFilters
from restore.errors import FilterError
from tests.conftest import picture


def test_there_are_all_of_pilgram_and_three_more() -> None:
    assert len(DEFAULT_NAMES) == 29
    assert set(DEFAULT_NAMES) <= set(FILTERS)
    theirs = {name.lstrip("_") for name in pilgram.__all__ if name != "__version__"}
    assert set(DEFAULT_NAMES) - theirs == {"amaro", "hefe", "sutro"}
    iffi = ["1977", "Amaro", "Brannan", "Clarendon", "Gingham", "He-Fe", "Hudson", "Lo-Fi", "Mayfair", "Nashville"]
    for name in [*iffi, "Perpetua", "Sutro", "Toaster", "Valencia", "Willow"]:
        find_filter(name)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", [(60, 90), (90, 60)])
def test_each_changes_colors_without_seams(name: str, size: tuple[int, int]) -> None:
    """On a uniform picture of any shape, neighboring pixels differ little."""
    even = np.full((*size, 3), (120, 130, 140), np.uint8)
    made = find_filter(name)(even)
    assert made.shape == even.shape
    assert made.dtype == np.uint8
    assert np.abs(made.astype(int) - even).max() > 3
    for axis in (0, 1):
        steps = np.abs(np.diff(made.astype(int), axis=axis))
        assert steps.max(initial=0) <= 14


@pytest.mark.parametrize("name", FILTERS)
def test_each_takes_the_smallest_pictures(name: str) -> None:
    for size in ((1, 1), (1, 7), (3, 2)):
        assert find_filter(name)(np.full((*size, 3), 90, np.uint8)).shape == (*size, 3)


def test_aden_is_pilgrams_where_that_is_sound() -> None:
    square = picture(64, 64)
    theirs = np.asarray(pilgram.aden(Image.fromarray(square))).astype(int)
    assert np.abs(find_filter("aden")(square) - theirs).max() <= 3


def test_gray_ones_leave_one_tint_alone() -> None:
    """Red determines green and blue, whatever the original color."""
    draw = np.random.default_rng(0)
    for name in (name for name, filter in FILTERS.items() if filter.gray):
        red, *others = find_filter(name)(draw.integers(0, 256, (60, 60, 3), np.uint8)).astype(int).reshape(-1, 3).T
        for other in others:
            for value in np.unique(red[red < 255]):
                assert np.ptp(other[red == value]) <= 20, name


def _inverted(photo: Image.Image) -> Image.Image:
    return photo.point(lambda value: 255 - value)


def test_another_filter_changes_no_older_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default names are fixed, because digests leave out defaults and labels follow the names."""
    assert PhotoFilters().names == DEFAULT_NAMES
    assert hashlib.sha256(" ".join(DEFAULT_NAMES).encode()).hexdigest()[:16] == "3b7265a7eb4cb9c6"
    monkeypatch.setattr(FILTERS, "_members", dict(FILTERS._members))
    FILTERS.register(Filter("a-new-one", _inverted))
    assert "a-new-one" in FILTERS
    assert PhotoFilters().names == DEFAULT_NAMES
    assert PhotoFilters(names=["A New One", "lark"]).names == ("a-new-one", "lark")
    pixels = picture(8, 8)
    np.testing.assert_array_equal(find_filter("a-new-one")(pixels), 255 - pixels)


def css(function: str, amount: float, x: np.ndarray) -> np.ndarray:
    """CSS filter functions by the specification, on 0..1, clamped after each."""
    if function == "sepia":
        k = 1 - amount
        matrix = np.array(
            [
                [0.393 + 0.607 * k, 0.769 - 0.769 * k, 0.189 - 0.189 * k],
                [0.349 - 0.349 * k, 0.686 + 0.314 * k, 0.168 - 0.168 * k],
                [0.272 - 0.272 * k, 0.534 - 0.534 * k, 0.131 + 0.869 * k],
            ]
        )
        return np.clip(x @ matrix.T, 0, 1)
    if function == "contrast":
        return np.clip((x - 0.5) * amount + 0.5, 0, 1)
    if function == "brightness":
        return np.clip(x * amount, 0, 1)
    if function == "saturate":
        gray = np.array([0.213, 0.715, 0.072])
        return np.clip(amount * x + (1 - amount) * (x @ gray)[..., None], 0, 1)
    cosine, sine = np.cos(np.radians(amount)), np.sin(np.radians(amount))
    matrix = (
        np.array([[0.213, 0.715, 0.072]] * 3)
        + cosine * np.array([[0.787, -0.715, -0.072], [-0.213, 0.285, -0.072], [-0.213, -0.715, 0.928]])
        + sine * np.array([[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]])
    )
    return np.clip(x @ matrix.T, 0, 1)


def test_sepia_tone_is_the_specifications() -> None:
    pixels = picture(30, 40)
    expected = 255 * css("sepia", 1, pixels / 255)
    assert np.abs(find_filter("Sepia Tone")(pixels) - expected).max() <= 1


def overlay(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    return np.where(below <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above))


def color_burn(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    return np.where(below >= 1, 1, 1 - np.minimum(1, (1 - below) / above))


# Blend mode of the layer, its stops (position, red, green, blue, opacity) from the center to a corner, and functions.
CSS = {
    "amaro": (
        overlay,
        [(0, 125, 105, 24, 0.2)],
        [("sepia", 0.35), ("contrast", 1.1), ("brightness", 1.2), ("saturate", 1.3)],
    ),
    "hefe": (
        np.multiply,
        [(0, 0, 0, 0, 0), (1, 0, 0, 0, 0.25)],
        [("sepia", 0.4), ("contrast", 1.5), ("brightness", 1.2), ("saturate", 1.4), ("hue-rotate", -10)],
    ),
    "sutro": (
        np.minimum,
        [(0.5, 0, 0, 0, 0), (0.9, 0, 0, 0, 0.5)],
        [("sepia", 0.4), ("contrast", 1.2), ("brightness", 0.9), ("saturate", 1.4), ("hue-rotate", -10)],
    ),
    "xpro2": (color_burn, [(0.4, 230, 231, 224, 1), (1.1, 43, 42, 161, 0.6)], [("sepia", 0.3)]),
}


@pytest.mark.parametrize("name", CSS)
@pytest.mark.parametrize("size", [(48, 80), (71, 40)])
def test_css_by_its_definitions(name: str, size: tuple[int, int]) -> None:
    """A browser blends the layer with the picture and then applies the filter functions to both, because the layer is
    an element inside the filtered one. Gradients interpolate premultiplied colors.
    """
    pixels = picture(*size)
    blend_mode, stops, functions = CSS[name]
    height, width = size
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(y + 0.5 - height / 2, x + 0.5 - width / 2) / np.hypot(height / 2, width / 2)
    place, *color, opacity = np.array(stops, float).T
    over = np.interp(radius, place, opacity)[..., None]
    premultiplied = np.stack([np.interp(radius, place, one / 255 * opacity) for one in color], axis=-1)
    below = pixels / 255
    made = (1 - over) * below + over * blend_mode(below, premultiplied / np.maximum(over, 1e-9))
    for function, amount in functions:
        made = css(function, amount, made)
    difference = np.abs(find_filter(name)(pixels).astype(int) - 255 * made)
    assert difference.mean() < 1.2
    assert difference.max() <= 6


@given(strength=st.floats(0, 1))
def test_strength_interpolates(strength: float) -> None:
    before = picture(20, 30)
    after = find_filter("toaster")(before)
    mixed = blend(before, after, strength).astype(float)
    np.testing.assert_allclose(mixed, before + strength * (after.astype(float) - before), atol=0.51)


def test_one_filter_has_one_name_in_any_spelling() -> None:
    assert PhotoFilters(names=("Lo-Fi", "X-Pro2", "film.cube")).kinds() == ("lofi", "xpro2", "film", "none")
    with pytest.raises(ValidationError, match="each filter may appear only once"):
        PhotoFilters(names=("lofi", "Lo-Fi"))


def test_names() -> None:
    with pytest.raises(FilterError, match="no filter 'claredon': did you mean 'clarendon'"):
        find_filter("claredon")
    with pytest.raises(FilterError, match=r"use one of 1977, aden, .*xpro2"):
        find_filter("zzzzzz")


def cube(path: Path, size: int, function, head: str = "") -> Path:
    """A three-dimensional table of a function of (r, g, b), red fastest."""
    axis = np.linspace(0, 1, size)
    rows = [function(np.array([r, g, b])) for b in axis for g in axis for r in axis]
    path.write_text(
        f'TITLE "x"\n{head}LUT_3D_SIZE {size}\n# entries\n'
        + "\n".join(" ".join(f"{value:.6f}" for value in row) for row in rows)
    )
    return path


def test_a_table_is_interpolated(tmp_path: Path) -> None:
    pixels = picture(30, 40)
    linear = np.array([[0.7, 0.2, 0.1], [0, 1, 0], [0.3, 0, 0.6]])
    made = read_cube(cube(tmp_path / "x.cube", 5, lambda c: linear @ c))(pixels)
    np.testing.assert_allclose(made, np.clip(255 * (pixels / 255) @ linear.T, 0, 255), atol=1)
    product = read_cube(cube(tmp_path / "y.cube", 17, lambda c: c[[0, 1, 2]] * c[[1, 2, 0]]))(pixels)
    np.testing.assert_allclose(product, (pixels / 255) * (pixels[..., [1, 2, 0]] / 255) * 255, atol=2)


def test_a_table_of_curves(tmp_path: Path) -> None:
    text = "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1.0 1 1\nLUT_1D_SIZE 3\n0 1 0\n0.2 0.5 0.5\n1 0 2\n"
    (tmp_path / "x.cube").write_text(text)
    made = read_cube(tmp_path / "x.cube")(np.array([[[0, 0, 64], [255, 51, 255]]], np.uint8))
    np.testing.assert_array_equal(made, [[[0, 255, 64], [255, 204, 255]]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must contain LUT_1D_SIZE or LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n0 0 0\n", "1 entries, but LUT_3D_SIZE 2 needs 8"),
        ("LUT_3D_SIZE 66\n", "from 2 to 65"),
        ("LUT_3D_SIZE x\n", "line 1: 'LUT_3D_SIZE x' is not valid"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 nan 1\n", "line 3"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1\n", "line 3"),
        ("LUT_1D_SIZE 2\nDOMAIN_MAX 4 4 4\n0 0 0\n1 1 1\n", "line 2: DOMAIN_MAX 4 4 4: only tables for pictures from 0 to 1"),
        ("LUT_3D_INPUT_RANGE -0.5 8.0\nLUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "line 1: LUT_3D_INPUT_RANGE -0.5 8.0: only tables"),
        ("LUT_3D_SIZE 2\n" + "0 0 0\n" * 300_000, "more entries than any supported table"),
        ("\x89PNG\r\n\x1a\n\x00\xff", "is not valid in a .cube file"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.cube").write_bytes(text.encode("latin-1"))
    with pytest.raises(FilterError) as told:
        read_cube(tmp_path / "x.cube")
    assert message in str(told.value)
    assert "x.cube" in str(told.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FilterError, match=r"no\.cube: cannot be read: No such file"):
        read_cube(tmp_path / "no.cube")
