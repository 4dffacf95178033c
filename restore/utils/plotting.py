"""Create figures and save them to files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png", ".pdf")


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """A figure with a size in inches; draw and save it inside the block.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    # Not pyplot, which would look for a display.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "restore", "svg.fonttype": "none"}):  # reproducible files
        yield Figure(figsize=(width, height), layout="constrained")


def saved(figure: Figure, suffix: str) -> bytes:
    """The bytes of a figure's file, in one of :data:`FORMATS`."""
    file = io.BytesIO()
    figure.savefig(file, format=suffix[1:], dpi=120, metadata={"Date": None} if suffix == ".svg" else None)
    return file.getvalue()
