"""Compare a model file with what it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from restore.errors import ModelError
from restore.export.fidelity import LEAST, MOST_TOLD_APART, TOLD, formula_patches
from restore.export.inference import Ask, asking
from restore.export.load_source import load_source
from restore.metrics.psnr import psnr
from restore.runtime.model import open_model
from restore.runtime.session import first_line
from restore.spec import ModelSpec
from restore.training.checkpoint import Checkpoint
from restore.verify.check import Check
from restore.verify.contrast import is_bearable, less_and_less
from restore.verify.feed import aside, shapes

# Minimum PSNR of an 8-bit twin; below, it is a different network. Its quality loss is measured separately.
_LEAST = {**LEAST, "int8": 30.0}
_TOLERANCE = 1e-3


def compare(file: Path, against: Path, given: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Run a file and its origin on the same inputs.

    Args:
        file: the model file.
        against: a run folder or checkpoint, a third-party checkpoint, or an fp32 ONNX file. In a folder, the last or
            the best checkpoint, whichever has the file's number of steps.
        given: spec fields that override the file's.

    Raises:
        ModelError: one of them cannot be loaded, or the origin is itself a twin.
    """
    model = open_model(file, "cpu", given=given)
    ask = asking(model, model.spec)
    origin, theirs = _origin(against, model.spec)
    yield _promises(model.spec, theirs)
    try:
        if model.spec.precision == "fp32":
            yield _at_shapes(model.spec, ask, origin)
        yield from _on_patches(model.spec, ask, origin)
    except (ModelError, ValueError) as error:  # a size that one does not accept, or NaN values
        yield Check("network", False, f"they cannot be compared: {first_line(error)}")


def _origin(against: Path, spec: ModelSpec) -> tuple[Ask, ModelSpec]:
    """The origin and its spec."""
    if against.suffix == ".onnx":
        model = open_model(against, "cpu")
        if model.spec.precision != "fp32":
            raise ModelError(f"{against} is {model.spec.precision}, a twin: give the fp32 file")
        return asking(model, model.spec), model.spec
    source = load_source(against, _which(against, spec), name=spec.name, shape=spec.shape, flow_steps=spec.flow or None)
    return asking(source.network, source.spec), source.spec


def _which(against: Path, spec: ModelSpec) -> Literal["last", "best"]:
    """The checkpoint in a run folder that the file was exported from."""
    best = against / "best.safetensors"
    if not best.is_file() or Checkpoint(best).step != spec.steps:
        return "last"
    last = against / "last.safetensors"
    return "last" if last.is_file() and Checkpoint(last).step == spec.steps else "best"


def _promises(ours: ModelSpec, theirs: ModelSpec) -> Check:
    """Check that both specs agree; a wider halo, a coarser multiple and a larger minimum are safe."""
    different = [
        f"{name} {getattr(ours, name)}, not {getattr(theirs, name)}"
        for name in ("scale", "low", "high", "context", "strength", "noise", "flow", "kinds", "edit", "steps")
        if getattr(ours, name) != getattr(theirs, name)
    ]
    if ours.exact_tiles and ours.halo < theirs.halo:
        different.append(f"halo {ours.halo}, less than {theirs.halo}")
    sides = ours.shape[1:] if ours.shape else (ours.multiple,)
    if any(side % theirs.multiple for side in sides):
        different.append(f"{_sides(ours)}, not a multiple of {theirs.multiple}")
    if min(ours.shape[1:] if ours.shape else (ours.side(1),)) < theirs.minimum:
        different.append(f"{_sides(ours)}, shorter than {theirs.minimum}")
    return Check(
        "promises", not different, "; ".join(different) or "scale, range, sizes, halo and inputs match the origin"
    )


def _sides(spec: ModelSpec) -> str:
    """The sides that a spec accepts, in words."""
    if spec.shape:
        return f"sides of {spec.shape[1]} and {spec.shape[2]}"
    return f"sides of multiples of {spec.multiple} from {spec.side(1)}"


def _at_shapes(spec: ModelSpec, ask: Ask, origin: Ask) -> Check:
    draw = np.random.default_rng(0)
    span, worst = spec.high - spec.low, 0.0
    for shape in shapes(spec):
        batch = draw.random(shape, dtype=np.float32) * np.float32(span) + np.float32(spec.low)
        beside = aside(spec, shape, draw)
        for less in less_and_less(batch, spec.low, spec.high):
            given = {"input": less, **beside}
            if is_bearable((wanted := origin(given)).output, spec.low, spec.high):
                break
        got = ask(given)
        if got.output.shape != wanted.output.shape:
            said = f"for {shape} the file gives {got.output.shape}, its origin {wanted.output.shape}"
            return Check("network", False, said)
        worst = max(worst, got.apart(wanted, span))
    count = len(shapes(spec))
    text = f"at {count} shapes, at most {worst:.1e} of the range from the origin (limit {_TOLERANCE:.0e})"
    return Check("network", worst <= _TOLERANCE, text)


def _on_patches(spec: ModelSpec, ask: Ask, origin: Ask) -> Iterator[Check]:
    patches = formula_patches(spec)
    pairs = [(ask(given), origin(given)) for given in patches]
    results, wanted = (np.concatenate([pair[i].output.reshape(-1, 1) for pair in pairs]) for i in (0, 1))
    value, least = psnr(results, wanted, peak=spec.high - spec.low), _LEAST[spec.precision]
    yield Check("pictures", value >= least, f"{value:.1f} dB PSNR to the origin on pictures (limit {least:.0f} dB)")
    for name in spec.outputs[1:]:
        apart, most = max(a.told_apart(b, name) for a, b in pairs), MOST_TOLD_APART[spec.precision]
        yield Check(name, apart <= most, f"{TOLD[name]} differ by at most {apart:.1e} on pictures (limit {most:.0e})")
