"""Describe third-party ONNX files so that restore can run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from restore import __version__
from restore.errors import ModelError, TimeLimitError
from restore.export.build_model import prove
from restore.export.channel_order import reorder
from restore.export.infer_spec import UNKNOWN, within
from restore.export.io_signature import Shape, fix_axes, name_ends
from restore.export.narrate import Report, narrated
from restore.export.to_onnx import describe
from restore.runtime.running import run_options, time_limit
from restore.runtime.session import cpu_session, first_line
from restore.spec import METADATA_KEY, ModelSpec, check_given, read_spec
from restore.utils.json_types import JsonObject
from restore.verify.channel_order import Colors, Order, find_order
from restore.verify.check import Check
from restore.verify.graphs import count_weights, nodes_of, weights, weights_digest
from restore.verify.probing import Reach, affordable, find_reach
from restore.verify.run import RUN_SECONDS
from restore.verify.sizes import Floats, Run, Sizes, find_sizes, sizes_at
from restore.verify.value_range import find_range


@dataclass(frozen=True)
class Described:
    """A file with metadata.

    Attributes:
        data: its bytes.
        spec: the metadata.
        checks: of the file.
        notes: what was changed or assumed.
    """

    data: bytes
    spec: ModelSpec
    checks: list[Check]
    notes: list[str]


def describe_foreign(
    path: Path,
    name: str,
    given: Mapping[str, str],
    shape: Shape | None = None,
    colors: Colors = "auto",
    report: Report = lambda _: None,
    run_seconds: float = RUN_SECONDS,
) -> Described:
    """Detect what a file needs, write it into its metadata, and check it.

    Args:
        path: an ONNX file that maps one float32 picture to one. External weights are embedded.
        name: the model's name.
        given: spec fields as text, which override the file's metadata and what is detected.
        shape: fixes dynamic axes at this shape.
        colors: order of its channels; a file for BGR is made to take RGB.
        report: called with progress messages.
        run_seconds: a run that takes longer is ended.

    Raises:
        ModelError: it is not such a file, a run exceeds the limit, or something is neither detected nor given; the
            message says how to give it.
        ExportError: it does not match its metadata.
    """
    with time_limit(run_seconds):
        return _described(path, name, given, shape, colors, report)


def _described(
    path: Path, name: str, given: Mapping[str, str], shape: Shape | None, colors: Colors, report: Report
) -> Described:
    model = _load(path)
    metadata = {p.key: p.value for p in model.metadata_props}
    if METADATA_KEY in metadata:
        if shape is not None:
            raise ModelError(
                f"{path}: has metadata that gives its shape: --shape is for files without it, and for checkpoints"
            )
        spec = read_spec(metadata, str(path), {**given, "name": name})
        if spec.precision != "fp32":
            raise ModelError(f"{path} is an {spec.precision} twin: import the fp32 file, and put this file next to it")
        if len(spec.inputs) == len(spec.outputs) == 1:
            name_ends(model, path)
        order, notes = Order(), []
        if colors == "bgr":
            raise ModelError(
                f"{path}: has metadata that says RGB: --colors is for files without it, and for checkpoints"
            )
    else:
        known = check_given(str(path), given)
        notes = name_ends(model, path)
        shape = fix_axes(model, path, shape or known.shape)
        values, order = _found(model, path, known, given, shape, colors, report)
        found = {**values, "name": name}
        reorder(model, order)
        spec = read_spec({}, str(path), {**found, **given})
    described = spec.but(weights=weights_digest(model), licence=spec.licence or UNKNOWN, data=spec.data or UNKNOWN)
    describe(model, described)
    data = model.SerializeToString()
    _, checks = prove(data, lambda _: [])
    return Described(data, described, checks, [*notes, *filter(None, [order.note])])


def _load(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    try:
        return onnx.load(path)
    except Exception as error:  # protobuf and onnx raise many kinds of errors on files that are not models
        raise ModelError(f"{path}: not a readable ONNX file: {str(error)[:300]}") from error


def _precision(model: onnx.ModelProto) -> str:
    if any(node.op_type in ("DequantizeLinear", "QLinearConv", "ConvInteger") for node in nodes_of(model)):
        return "int8"
    half = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in weights(model))
    return "fp16" if half else "fp32"


def _function(model: onnx.ModelProto, path: Path, shape: Shape | None) -> Run:
    session = cpu_session(model.SerializeToString(), path)

    def run(batch: Floats) -> Floats:
        whole = np.repeat(batch, shape[0], axis=0) if shape else batch
        try:
            with run_options(path.name) as options:
                result: Floats = session.run(None, {"input": whole}, options)[0]
        except TimeLimitError:
            raise
        except Exception as error:  # onnxruntime raises a different class for every cause
            raise ModelError(f"it fails on {'x'.join(map(str, whole.shape))}: {first_line(error)}") from error
        return result[: len(batch)]

    return run


def _found(
    model: onnx.ModelProto,
    path: Path,
    known: ModelSpec,
    given: Mapping[str, str],
    shape: Shape | None,
    colors: Colors,
    report: Report,
) -> tuple[JsonObject, Order]:
    """Everything that can be detected by inspecting and running the file.

    Raises:
        ModelError: something cannot be detected; the message says how to give it.
    """
    run, size = _function(model, path, shape), shape[1:] if shape else None
    run = narrated(run, report, "finding what it needs")
    try:
        report("finding the sizes that it takes")
        sizes = sizes_at(run, size) if size else find_sizes(run, multiple=known.multiple)
        if size is None and not sizes.batch:
            raise ModelError(
                "it takes one picture at a time, but restore runs batches: fix the input shape "
                "with --shape, for example --shape 256"
            )
        low, high = _range(run, sizes, size, known, given)
        order = find_order(run, sizes, low, high, size, colors)
        report("measuring how far it looks")
        reach = Reach(0, True, 1, 0)
        if not {"halo", "exact_tiles"} <= set(given):
            reach = affordable(find_reach(run, sizes, low, high, size))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    found = {
        "task": "super-resolution" if sizes.scale > 1 else "restoration",
        "scale": sizes.scale,
        "low": low,
        "high": high,
        "precision": _precision(model),
        "network": UNKNOWN,
        "parameters": count_weights(model),
        "made_with": f"restore {__version__}, from a third-party file",
    }
    if shape is None:
        minimum = max(sizes.minimum, reach.multiple)
        return found | {
            "halo": reach.halo,
            "exact_tiles": reach.exact,
            "multiple": reach.multiple,
            "minimum": minimum,
        }, order
    halo = known.halo if "halo" in given else None
    return found | {"shape": shape} | within(shape, reach, halo), order


def _range(
    run: Run, sizes: Sizes, size: tuple[int, int] | None, known: ModelSpec, given: Mapping[str, str]
) -> tuple[float, float]:
    if "high" in given:
        return known.low, known.high
    # On a gray picture, swapped channels do not matter.
    found = find_range(run, sizes, size) or find_range(run, sizes, size, gray=True)
    if found is None or found[0] != known.low:
        raise ModelError(
            "cannot detect whether white is 1 or 255: add --spec high=1 or --spec high=255 "
            "(and --spec low=-1 if black is -1)"
        )
    return found
