"""Import third-party checkpoints and ONNX files as models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from restore.errors import ExportError, SizesError
from restore.export.build_model import BuildOptions, BuiltModel, build_model
from restore.export.held_values import held_values
from restore.export.load_source import ExportSource, load_source
from restore.export.third_party_onnx import describe_foreign
from restore.export.to_onnx import describe
from restore.spec import ModelSpec
from restore.utils.text import name_of
from restore.verify.channel_order import Colors
from restore.verify.check import Check
from restore.zoo.find import user_folder
from restore.zoo.install import install, outdated, place

# Side of the fixed shape if a network cannot be exported for all shapes, and the minimum kept inside its halo.
_SIDE, _KEPT = 256, 128


@dataclass(frozen=True)
class Imported:
    """What was installed, and the results of checking it.

    Attributes:
        path: the installed file.
        spec: the file's metadata.
        checks: of the file.
        notes: what may surprise about the file.
        outdated: twins next to it that were made from the file it replaced.
    """

    path: Path
    spec: ModelSpec
    checks: list[Check]
    notes: list[str]
    outdated: list[Path]


def import_model(
    file: Path,
    name: str | None = None,
    folder: Path | None = None,
    given: Mapping[str, str] | None = None,
    shape: tuple[int, int, int] | None = None,
    overwrite: bool = False,
    report: Callable[[str], None] = lambda _: None,
    colors: Colors = "auto",
) -> Imported:
    """Verify a model and install it in a folder of models.

    Args:
        file: ``.onnx``, or a checkpoint: ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors``.
        name: of the model; None derives it from the file name.
        folder: of models; None for the user's folder.
        given: spec fields as text, which override what is detected.
        shape: batch, height and width of a fixed input shape; None for dynamic shapes if possible.
        overwrite: replace a model of that name.
        report: called with progress messages.
        colors: order of the file's channels: ``rgb``, ``bgr``, or ``auto`` to find out by trying.

    Raises:
        ModelError: the file is not a model that can be run, or the name is invalid or taken.
        ExportError: verification failed. Nothing is installed.
    """
    name = name or name_of(file)
    path = place(name, folder or user_folder(), overwrite)
    if file.suffix.lower() == ".onnx":
        report(f"{file}: inspecting the model")
        found = describe_foreign(file, name, given or {}, shape, colors, report)
        data, spec, checks = found.data, found.spec, found.checks
        notes = [*found.notes, _one_shape(spec)]
    else:
        report(f"{file}: reading the weights and detecting what the network needs")
        source = load_source(file, name=name, given=given, shape=shape, colors=colors, report=report)
        report(f"{source.spec.network} x{source.spec.scale}: exporting to ONNX and comparing with the network")
        built, note = build_for_all_sizes(source, shape)
        notes = [source.note, note]
        data, spec = built.data, built.spec
        worst = max(check.difference for check in built.compared)
        text = f"at {len(built.compared)} shapes, at most {worst:.1e} of the range from the network"
        checks = [Check("network", True, text), *built.checks]
    data, spec = _with_memory(data, spec)
    install(path, data, overwrite)
    return Imported(path, spec, checks, list(filter(None, notes)), outdated(path, spec))


def build_for_all_sizes(source: ExportSource, shape: tuple[int, int, int] | None = None) -> tuple[BuiltModel, str]:
    """Build a model file for all sizes of pictures, or for one shape if that is given or the network allows no other.

    Returns:
        The file, and a note on its shape; empty if it takes all.

    Raises:
        ExportError: it cannot be exported, or the file would differ from the network or its metadata.
    """
    if shape or source.spec.shape:
        built = build_model(source, BuildOptions(shape=shape))
        return built, _one_shape(built.spec)
    try:
        return build_model(source), ""
    except SizesError as error:  # only this error: other failures must not be hidden by fixing the shape
        side = source.spec.side(max(_SIDE, 2 * source.spec.whole_halo + _KEPT))
        try:
            built = build_model(source, BuildOptions(shape=(1, side, side)))
        except ExportError:
            raise error from None
        return built, f"{_one_shape(built.spec)}, because it cannot be exported for all sizes: {error}"


def _with_memory(data: bytes, spec: ModelSpec) -> tuple[bytes, ModelSpec]:
    """A model file and its spec with the memory that it takes, by which tiles are chosen."""
    if spec.shape or spec.context or spec.held:  # no tiles to choose, not in proportion to pixels, or given
        return data, spec
    model = onnx.load_from_string(data)
    spec = spec.but(held=held_values(model, spec))
    describe(model, spec)
    return model.SerializeToString(), spec


def _one_shape(spec: ModelSpec) -> str:
    if spec.shape is None:
        return ""
    count, height, width = spec.shape
    return f"the file only accepts {count} x {height} x {width} pixels; pictures are tiled and padded to that"
