"""Create figures and save them to files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png", ".pdf")
# Colors of lines and points that stay apart under the three kinds of color blindness: Okabe and Ito's, "Color universal
# design", 2008, with a wine red of Tol's instead of the purple that looks blue then. Markers repeat what they say.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#882255", "#e69f00", "#56b4e9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "*")


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """A figure with a size in inches; draw and save it inside the block.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    # Not pyplot, which would look for a display.
    from cycler import cycler
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    lines = cycler(linestyle=("-", "--", ":")) * cycler(color=PALETTE)
    # The salt makes the files reproducible.
    with rc_context({"svg.hashsalt": "restore", "svg.fonttype": "none", "axes.prop_cycle": lines}):
        yield Figure(figsize=(width, height), layout="constrained")


def saved(figure: Figure, suffix: str) -> bytes:
    """The bytes of a figure's file, in one of :data:`FORMATS`."""
    file = io.BytesIO()
    figure.savefig(file, format=suffix[1:], dpi=120, metadata={"Date": None} if suffix == ".svg" else None)
    return file.getvalue()
