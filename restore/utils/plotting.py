"""What all figures have in common: how they are begun, and how they become a file."""

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
    """A figure of that many inches, to draw on and to save within the block.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    # Not pyplot, which would look for a screen.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "restore", "svg.fonttype": "none"}):  # the same file of the same figures
        yield Figure(figsize=(width, height), layout="constrained")


def saved(figure: Figure, suffix: str) -> bytes:
    """The file of a figure, of one of :data:`FORMATS`."""
    file = io.BytesIO()
    figure.savefig(file, format=suffix[1:], dpi=120, metadata={"Date": None} if suffix == ".svg" else None)
    return file.getvalue()
