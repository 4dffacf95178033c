"""Make a model between two of one architecture, the community's way to tame a network trained with an adversary."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from restore import __version__
from restore.errors import ModelError
from restore.export.blend_checkpoints import Weights, blend_checkpoints
from restore.export.blend_onnx import DifferentError, blend_onnx
from restore.export.build_model import prove
from restore.export.import_model import build_for_all_sizes
from restore.export.infer_spec import UNKNOWN
from restore.export.load_source import load_source
from restore.export.run import refuse_existing
from restore.export.to_onnx import describe
from restore.networks.third_party_checkpoint import SUFFIXES
from restore.runtime.model import file_spec
from restore.spec import ModelSpec
from restore.utils.atomic_write import opened, write_bytes
from restore.utils.text import name_of
from restore.verify.check import Check
from restore.verify.graphs import count_weights, weights_digest
from restore.zoo.find import find

# What both must have in common; each, and a word for it.
_SHARED = ("scale", "low", "high", "context", "thumbnail", "strength", "noise", "kinds", "shape", "border")


@dataclass(frozen=True)
class Blended:
    """What was written, and its checks; ``spec`` is None for a checkpoint, which has no metadata."""

    path: Path
    spec: ModelSpec | None
    checks: list[Check]


def blend(
    a: str,
    b: str,
    alpha: float,
    target: Path,
    given: Mapping[str, str] | None = None,
    overwrite: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Blended:
    """Blend two models and write the result.

    Args:
        a: the model for ``alpha`` 0: a name, an ``.onnx`` file, or a checkpoint that can be imported.
        b: the model for ``alpha`` 1, of the same kind.
        alpha: share of ``b``, 0..1.
        target: ``.onnx``, or of two checkpoints also ``.safetensors``.
        given: spec fields as text, which override those of the result.
        overwrite: replace an existing file.
        report: called with progress messages.

    Raises:
        ModelError: one of them cannot be read, or they are of different kinds or architectures.
        ExportError: the result does not pass verification, or the file exists. Nothing is written.
    """
    refuse_existing(target, overwrite)
    kinds = [Path(one).suffix.lower() in SUFFIXES for one in (a, b)]
    if kinds[0] != kinds[1]:
        raise ModelError(
            f"{a} and {b}: blend two .onnx models or two checkpoints; 'restore import' makes one the other"
        )
    try:
        made = (_of_checkpoints if kinds[0] else _of_models)(a, b, alpha, target, given or {}, report)
    except DifferentError as error:
        raise ModelError(f"{a} and {b} are of different architectures: {error}") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(made, _File):
        write_bytes(target, made.data, overwrite=overwrite)
        return Blended(target, made.spec, made.checks)
    _write_checkpoint(made, target, alpha, (a, b))
    return Blended(target, None, [])


@dataclass(frozen=True)
class _File:
    data: bytes
    spec: ModelSpec
    checks: list[Check]


def _of_models(
    a: str, b: str, alpha: float, target: Path, given: Mapping[str, str], report: Callable[[str], None]
) -> _File:
    if target.suffix != ".onnx":
        raise ModelError(f"{target}: the blend of .onnx models is an .onnx file: name it so")
    files = find(a), find(b)
    specs = file_spec(files[0]), file_spec(files[1])
    for file, spec in zip(files, specs, strict=True):
        if spec.precision != "fp32":
            raise ModelError(f"{file} is {spec.precision}: blend the fp32 files, and make twins of the result")
    for name in _SHARED:
        values = [getattr(spec, name) for spec in specs]
        if values[0] != values[1]:
            raise DifferentError(f"their {name} is {values[0]} and {values[1]}")
    model = blend_onnx(onnx.load(files[0]), onnx.load(files[1]), alpha)
    spec = _merged(specs, alpha, name_of(target), model).but(**given)
    describe(model, spec)
    data = model.SerializeToString()
    report("checking the blend against its metadata")
    _, checks = prove(data, lambda _: [])
    return _File(data, spec, checks)


def _of_checkpoints(
    a: str, b: str, alpha: float, target: Path, given: Mapping[str, str], report: Callable[[str], None]
) -> _File | Weights:
    if target.suffix not in (".onnx", ".safetensors"):
        raise ModelError(f"{target}: the blend of checkpoints is an .onnx or a .safetensors file: name it so")
    report("reading the weights")
    weights = blend_checkpoints(Path(a), Path(b), alpha)
    if target.suffix == ".safetensors":
        return weights
    facts = {"origin": _origin(Path(a).name, Path(b).name, alpha), **given}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "blend.safetensors")
        _write_checkpoint(weights, file, alpha, (a, b))
        report("finding what the network needs, and exporting it to ONNX")
        source = load_source(file, name=name_of(target), given=facts, report=report)
        built, _ = build_for_all_sizes(source)
    return _File(built.data, built.spec, built.checks)


def _write_checkpoint(weights: Weights, path: Path, alpha: float, names: tuple[str, str]) -> None:
    from safetensors.torch import save

    note = {"origin": _origin(Path(names[0]).name, Path(names[1]).name, alpha)}
    data = save({key: value.contiguous() for key, value in weights.items()}, note)
    with opened(path) as file:
        file.write(data)


def _merged(specs: tuple[ModelSpec, ModelSpec], alpha: float, name: str, model: onnx.ModelProto) -> ModelSpec:
    a, b = specs
    return a.but(
        name=name,
        halo=max(a.halo, b.halo),
        exact_tiles=a.exact_tiles and b.exact_tiles,
        multiple=math.lcm(a.multiple, b.multiple),
        minimum=max(a.minimum, b.minimum),
        licence=_both(a.licence or UNKNOWN, b.licence or UNKNOWN, " AND "),
        author=_both(a.author, b.author, ", "),
        network=a.network or b.network or UNKNOWN,
        parameters=a.parameters or b.parameters or count_weights(model),
        data=_both(a.data or UNKNOWN, b.data or UNKNOWN, "; "),
        consent=_both(a.consent, b.consent, "; "),
        origin=_origin(_traced(a), _traced(b), alpha),
        start="",
        teacher=_both(a.teacher, b.teacher, "; "),
        recipe="",
        steps=0,
        hours=0.0,
        loss_db=None,
        measured={},
        weights=weights_digest(model),
        made_with=f"restore {__version__}",
    )


def _both(one: str, other: str, joint: str) -> str:
    return joint.join(dict.fromkeys(filter(None, (one, other))))


def _traced(spec: ModelSpec) -> str:
    return f"{spec.name} (weights {spec.weights[:16]}{f', {spec.origin}' if spec.origin else ''})"


def _origin(a: str, b: str, alpha: float) -> str:
    return f"{1 - alpha:.6g} x {a} + {alpha:.6g} x {b}"
