"""Import: somebody's checkpoint or ONNX file becomes a model at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from restore.errors import ExportError, SizesError
from restore.export.build_model import How, Made, make_model
from restore.export.load_source import Source, load_source
from restore.export.third_party_onnx import describe_foreign
from restore.spec import ModelSpec
from restore.utils.text import name_of
from restore.verify.check import Check
from restore.zoo.find import user_folder
from restore.zoo.install import install, outdated, place

# The side of the only shape, where a network cannot be exported for all; what is kept of it beside its halo.
_SIDE, _KEPT = 256, 128


@dataclass(frozen=True)
class Imported:
    """What was installed, and what was found and checked of it.

    Attributes:
        path: the file.
        spec: what it says.
        checks: of that.
        note: what is not as one might expect.
        outdated: twins beside it that were made of the file that was there before.
    """

    path: Path
    spec: ModelSpec
    checks: list[Check]
    note: str
    outdated: list[Path]


def import_model(
    file: Path,
    name: str | None = None,
    folder: Path | None = None,
    given: Mapping[str, str] | None = None,
    shape: tuple[int, int, int] | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Imported:
    """Verify a model and put it into a folder of models.

    Args:
        file: ``.onnx``, or a checkpoint: ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors``.
        name: of the model; None makes one of the file's.
        folder: of models; None for the user's.
        given: spec fields as text, which win over what is found.
        shape: batch, height and width of the only input that its file will take; None for all where that can be had.
        overwrite: replace a model of that name.
        tell: called with what is being done.

    Raises:
        ModelError: the file is not a model that can be run, or the name cannot be had.
        ExportError: it could not be verified. Nothing is left behind.
    """
    name = name or name_of(file)
    path = place(name, folder or user_folder(), overwrite)
    if file.suffix.lower() == ".onnx":
        tell(f"{file}: looking into it")
        data, spec, checks = describe_foreign(file, name, given or {}, shape)
        note = _one_shape(spec)
    else:
        tell(f"{file}: reading the weights, and trying what the network needs")
        source = load_source(file, name=name, given=given, shape=shape)
        tell(f"{source.spec.network} x{source.spec.scale}: writing ONNX, and running it beside the network")
        made, note = _made(source, shape)
        data, spec = made.data, made.spec
        worst = max(check.difference for check in made.compared)
        text = f"at {len(made.compared)} shapes at most {worst:.1e} of the range from the network"
        checks = [Check("network", True, text), *made.checks]
    install(path, data, overwrite)
    return Imported(path, spec, checks, note, outdated(path, spec))


def _made(source: Source, shape: tuple[int, int, int] | None) -> tuple[Made, str]:
    if shape or source.spec.shape:
        made = make_model(source, How(shape=shape))
        return made, _one_shape(made.spec)
    try:
        return make_model(source), ""
    except SizesError as error:  # and no other: what does not keep a promise for all sizes is not to pass for one
        side = source.spec.side(max(_SIDE, 2 * source.spec.whole_halo + _KEPT))
        try:
            made = make_model(source, How(shape=(1, side, side)))
        except ExportError:
            raise error from None
        return made, f"{_one_shape(made.spec)}, because for all sizes it cannot be had: {error}"


def _one_shape(spec: ModelSpec) -> str:
    if spec.shape is None:
        return ""
    count, height, width = spec.shape
    return f"its file takes {count} x {height} x {width} pixels alone; pictures are cut and filled up to that"
