"""A model file beside what it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from restore.errors import ModelError
from restore.export.fidelity import LEAST, formula_patches
from restore.export.probe import as_function
from restore.export.source import load_source
from restore.metrics.psnr import psnr
from restore.runtime.model import Model, open_model
from restore.spec import ModelSpec
from restore.verify.check import Check
from restore.verify.feed import aside, shapes

# What is left of a picture in 8 bits: less is another network. Its loss in quality is measured apart.
_LEAST = {**LEAST, "int8": 30.0}
_TOLERANCE = 1e-3


def compare(file: Path, against: Path, given: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Run a file and its origin side by side.

    Args:
        file: the model file.
        against: a run's folder or checkpoint, a published checkpoint, or an fp32 ONNX file.
        given: spec fields that win over the file's.

    Raises:
        ModelError: one of them cannot be loaded.
    """
    model = open_model(file, "cpu", given=given)
    network, theirs = _origin(against, model.spec)
    yield _promises(model.spec, theirs)
    try:
        if model.spec.precision == "fp32":
            yield _at_shapes(model, network)
        yield _on_patches(model, network)
    except (ModelError, RuntimeError, ValueError) as error:  # a size that one does not take, values that are no numbers
        yield Check("network", False, f"they cannot be compared: {str(error).splitlines()[0][:300]}")


def _origin(against: Path, spec: ModelSpec) -> tuple[Any, ModelSpec]:
    """A function of (batch, beside) and what is said of it."""
    if against.suffix == ".onnx":
        model = open_model(against, "cpu")
        return lambda batch, beside: model(batch, **beside), model.spec
    source = load_source(against, name=spec.name)
    if not source.spec.inputs[1:]:
        run = as_function(source.network)
        return lambda batch, _beside: run(batch), source.spec

    @torch.no_grad()
    def run_beside(batch: NDArray[np.float32], beside: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        given = [batch, *(beside[name] for name in source.spec.inputs[1:])]
        result: NDArray[np.float32] = source.network(*map(torch.from_numpy, given)).numpy()
        return result

    return run_beside, source.spec


def _promises(ours: ModelSpec, theirs: ModelSpec) -> Check:
    """What both must say alike; a wider halo and a coarser multiple are safe."""
    different = [
        f"{name} {getattr(ours, name)}, not {getattr(theirs, name)}"
        for name in ("scale", "low", "high", "context", "strength")
        if getattr(ours, name) != getattr(theirs, name)
    ]
    if ours.exact_tiles and ours.halo < theirs.halo:
        different.append(f"halo {ours.halo}, less than {theirs.halo}")
    return Check("promises", not different, "; ".join(different) or "scale, range, halo and inputs as its origin's")


def _at_shapes(model: Model, network: Any) -> Check:
    draw, spec = np.random.default_rng(0), model.spec
    span, worst = spec.high - spec.low, 0.0
    for shape in shapes(spec):
        batch = draw.random(shape, dtype=np.float32) * np.float32(span) + np.float32(spec.low)
        beside = aside(spec, shape, draw)
        got, wanted = model(batch, **beside), network(batch, beside)
        if got.shape != wanted.shape:
            return Check("network", False, f"for {shape} the file gives {got.shape}, its origin {wanted.shape}")
        worst = max(worst, float(np.nan_to_num(np.abs(got - wanted), nan=np.inf).max()) / span)
    count = len(shapes(spec))
    text = f"at {count} shapes at most {worst:.1e} of the range from its origin (limit {_TOLERANCE:.0e})"
    return Check("network", worst <= _TOLERANCE, text)


def _on_patches(model: Model, network: Any) -> Check:
    spec, got, wanted = model.spec, [], []
    for given in formula_patches(spec):
        batch = given["input"]
        beside = {name: given[name] for name in spec.inputs[1:]}
        got.append(model(batch, **beside).reshape(-1, 1))
        wanted.append(network(batch, beside).reshape(-1, 1))
    value = psnr(np.concatenate(got), np.concatenate(wanted), peak=spec.high - spec.low)
    least = _LEAST[spec.precision]
    return Check(
        "pictures", value >= least, f"{value:.1f} dB between it and its origin on pictures (limit {least:.0f} dB)"
    )
