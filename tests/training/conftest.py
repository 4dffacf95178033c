"""Fixtures with folders of training pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import picture, save


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Folders of pictures, and of the same pictures made darker and redder."""
    for i in range(4):
        light = picture(60 + 8 * i, 64, seed=i)
        save(tmp_path / f"light/{i}.png", light)
        save(tmp_path / f"dark/{i}.png", (light * [0.7, 0.5, 0.4]).astype(np.uint8))
    return tmp_path
