"""Masks: what they do to a change, and which files can be one."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging.mask import check_mask_size, read_mask, within
from tests.conftest import picture


@pytest.mark.parametrize("mask_type", [np.uint8, np.uint16])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_share_of_the_change(channels: int, dtype: type, mask_type: type) -> None:
    draw = np.random.default_rng(0)
    full, most = np.iinfo(mask_type).max, np.iinfo(dtype).max
    original, changed = draw.integers(0, most, (2, 600, 7, channels), dtype=dtype, endpoint=True)
    original[:2], changed[:2] = most, most  # sums as large as they get
    mask = draw.integers(0, full, (600, 7), dtype=mask_type, endpoint=True)
    mask[0], mask[1], mask[300:], mask[500:] = full, full // 2 + 1, 0, full
    made = within(mask, changed, original)
    assert made.dtype == dtype
    assert np.array_equal(made[500:], changed[500:])
    assert np.array_equal(made[300:500], original[300:500])
    share = mask[..., None] / full
    wanted = share * changed.astype(float) + (1 - share) * original.astype(float)
    assert np.abs(made - wanted).max() <= 0.5 + 1e-9
    assert (mask % full > 0).any(), "soft values were among them"


def data(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def read(image: Image.Image, **options: object) -> np.ndarray:
    return read_mask(data(image, **options), Path("masks/a.png"), 10**6)


def test_files_of_gray_are_masks() -> None:
    gray = picture(20, 31, 1)[..., 0]
    assert np.array_equal(read(Image.fromarray(gray)), gray)
    assert np.array_equal(read(Image.fromarray(np.repeat(gray[..., None], 3, axis=2))), gray)
    deep = gray.astype(np.uint16) * 200 + 3
    assert np.array_equal(read(Image.fromarray(deep)), deep)
    assert np.array_equal(read(Image.fromarray(gray > 128)), np.where(gray > 128, 255, 0))
    opaque = np.stack([gray, np.full_like(gray, 255)], axis=-1)
    assert np.array_equal(read(Image.fromarray(opaque)), gray)
    turned = Image.Exif()
    turned[0x0112] = 6
    assert np.array_equal(read(Image.fromarray(gray), exif=turned), np.rot90(gray, -1)), "upright, as pictures are"


def test_other_pictures_are_not() -> None:
    colored = np.repeat(picture(20, 31, 1), 3, axis=2)
    colored[3, 4, 1] += 1
    with pytest.raises(ImageError, match=r"^masks/a\.png: a mask is a gray picture, and this one has colors"):
        read(Image.fromarray(colored))
    clear = np.zeros((5, 5, 2), np.uint8)
    with pytest.raises(ImageError, match=r"^masks/a\.png: .* this one is transparent"):
        read(Image.fromarray(clear))
    with pytest.raises(ImageError, match=r"masks/a\.png"):
        read_mask(b"no picture", Path("masks/a.png"), 10**6)


def test_a_wrong_size_is_said_as_people_say_sizes() -> None:
    check_mask_size((20, 30), (20, 30), "m.png")
    with pytest.raises(ImageError, match=r"^m\.png: the mask has 30 x 20 pixels, and its picture 40 x 20:"):
        check_mask_size((20, 30), (20, 40), "m.png")
