"""Where the 8-bit or 16-bit twin of a model file is written, and whether ``--model`` finds it there."""

from __future__ import annotations

from pathlib import Path

from restore.zoo.precision import Kind, family


def twin_path(source: Path, target: Path | None, kind: Kind) -> Path:
    """The path of a twin.

    ``--model mine.onnx`` finds ``mine.int8.onnx`` in the same folder: a twin is named after the file, not the model.

    Args:
        source: the fp32 file.
        target: an ``.onnx`` file, or a folder; None for the folder of the fp32 file.
        kind: precision of the twin.
    """
    if target is not None and target.suffix == ".onnx":
        return target
    return (source.parent if target is None else target) / f"{source.stem}.{kind}.onnx"


def where_found(source: Path, twin: Path, kind: Kind) -> str:
    """A sentence for a twin that ``--model`` does not find by itself; empty if it finds it."""
    found = family(source).get(kind)
    if found is not None and found.resolve() == twin.resolve():
        return ""
    if family(twin).get("fp32") is not None and family(twin).get(kind) == twin:
        return ""  # another copy of the model lies next to it
    return (
        f"{twin}: --model {source} does not select it by itself; that needs {twin_path(source, None, kind)}. "
        f"Use --model {twin} to run it"
    )
