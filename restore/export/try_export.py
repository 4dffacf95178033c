"""Try whether a run can be exported, without keeping the file."""

from __future__ import annotations

from pathlib import Path

from restore.export.build_model import build_model
from restore.export.load_source import load_source
from restore.plugins import NO_CODE, Trust


def try_export(run: Path, trust: Trust = NO_CODE) -> str:
    """Export a run in memory and verify the file; returns a sentence about it.

    Raises:
        ExportError: it cannot be exported.
    """
    built = build_model(load_source(run, trust=trust))
    worst = max(one.difference for one in built.compared)
    return (
        f"{len(built.data) / 1e6:.2f} MB ONNX, at {len(built.compared)} shapes at most {worst:.1e} of the range from "
        "the network"
    )
