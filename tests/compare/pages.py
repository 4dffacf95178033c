"""Pages made for tests, and what they hold, read back without the code under test."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from restore.cli.main import main
from tests.conftest import picture, save

# Paths that break a page, a URL or a terminal that is not asked carefully; with a folder, "</script>" can be one.
EVIL = [
    "<script>alert(1)</script>.png",
    "</script><img src=x onerror=alert(2)>.png",
    "quotes ' \" `.png",
    "Größe 写真 é.png",
    "a#b%20c?d=1&e;f.png",
    "two\nlines\t.png",
    "%2e%2e.png",
    "javascript:alert(3).png",
    "]]> --> <!--.png",
]


def compare(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["compare", *map(str, arguments)], prog_name="restore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def block(page: Path, name: str) -> str:
    """The text of a block by its id."""
    found = re.search(rf'<(script|template) [^>]*id="{re.escape(name)}"[^>]*>(.*?)</\1>', page.read_text(), re.DOTALL)
    assert found, name
    return found[2]


def facts(page: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(block(page, "facts"))
    return read


def rows(page: Path) -> dict[str, dict[str, Any]]:
    """By their names; with ``cell``, values by group and label."""
    read = facts(page)
    for row in read["rows"]:
        row["cell"] = {
            f"{head['group']} {head['label']}": value for head, value in zip(read["columns"], row["cells"], strict=True)
        }
    return {row["name"]: row for row in read["rows"]}


def embedded(page: Path, reference: str) -> Image.Image:
    """A picture out of the page."""
    return Image.open(io.BytesIO(base64.b64decode(block(page, reference.removeprefix("#")), validate=True)))


def pair_of_folders(
    folder: Path, count: int = 3, size: tuple[int, int] = (60, 80), different: int = 40
) -> tuple[Path, Path]:
    """Pictures, and the same twice as large and a little brighter; ``different`` of them, then these again."""
    for i in range(count):
        if i >= different:
            for name in ("in", "out"):
                os.link(folder / name / f"{i % different}.png", folder / name / f"{i}.png")
            continue
        pixels = picture(*size, seed=i)
        save(folder / f"in/{i}.png", pixels)
        large = pixels.repeat(2, axis=0).repeat(2, axis=1)
        save(folder / f"out/{i}.png", np.minimum(large, 245) + np.uint8(10))
    return folder / "in", folder / "out"
