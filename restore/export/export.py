"""Run one of the four requests of ``restore export`` and print its results line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from restore.errors import ModelError
from restore.export.build_model import BuildOptions, fitted
from restore.export.fidelity import picture_patches
from restore.export.layer_sensitivity import explain
from restore.export.load_source import load_source, own_name
from restore.export.quantized_model import BenchmarkSet, export_twin
from restore.export.requests import ExplainRequest, HalfRequest, Int8Request, Request, WeightsRequest
from restore.export.run import Exported, export, export_half
from restore.export.twin_path import where_found
from restore.plugins import Trust
from restore.runtime.model import file_spec
from restore.utils.text import printable

Report = Callable[[str], None]


def start(request: Request, screen: Console, report: Report) -> None:
    """Run a request.

    Args:
        request: the request.
        screen: shows progress.
        report: called with each line for the user.

    Raises:
        ExportError: the file fails verification; nothing is written.
        ModelError: the source cannot be loaded, or an option is wrong.
        DataError: a folder of pictures is missing or empty.
    """
    if isinstance(request, WeightsRequest):
        _weights(request, report)
    elif isinstance(request, HalfRequest):
        _half(request, report)
    elif isinstance(request, Int8Request):
        _int8(request, screen, report)
    else:
        _explain(request, screen, report)


def _weights(request: WeightsRequest, report: Report) -> None:
    trust = Trust(request.plugins, request.trust_recipe)
    loaded = load_source(
        request.source,
        request.which,
        request.name,
        dict(request.spec),
        request.shape,
        trust,
        flow_steps=request.flow_steps,
    )
    if request.seed is not None:
        if not loaded.spec.noise:
            raise ModelError(f"{request.source}: its network takes no noise, so remove --seed")
        loaded = replace(loaded, spec=loaded.spec.but(seed=request.seed))
    if request.name is None and request.target.suffix == ".onnx":
        loaded = replace(loaded, spec=loaded.spec.but(name=own_name(loaded.spec, request.target)))
    seen = fitted(loaded.spec, request.shape)
    batches = [batch for folder in request.check for batch in picture_patches(folder, seen)]
    options = BuildOptions(request.precision, request.shape, request.opset, batches)
    _show(export(loaded, request.target, options, request.overwrite), report)


def _half(request: HalfRequest, report: Report) -> None:
    spec = file_spec(request.source)
    batches = [batch for folder in request.check for batch in picture_patches(folder, spec)]
    done = export_half(request.source, request.target, BuildOptions("fp16", batches=batches), request.overwrite)
    _show(done, report)
    if note := where_found(request.source, done.path, "fp16"):
        report(note)


def _explain(request: ExplainRequest, screen: Console, report: Report) -> None:
    for layer in explain(request.source, request.calibrate, screen):
        report(f"{layer.psnr:7.2f} dB  {printable(layer.name)}  ({layer.what})")


def _show(done: Exported, report: Report) -> None:
    built = done.built
    for step in built.steps:
        report(f"{step.name}: {'equal' if step.psnr == float('inf') else f'{step.psnr:.1f} dB'}")
    for compared in built.compared:
        report(f"input {'x'.join(map(str, compared.shape))}: largest difference {compared.difference:.1e}")
    for check in built.checks:
        report(f"{check.name}: {printable(check.measured)}")
    size = done.path.stat().st_size
    report(
        f"{done.path}: {built.spec.name}, {built.spec.precision}, {built.spec.parameters:,} parameters, "
        f"{size / 1e6:.2f} MB, verified"
    )
    for twin in done.outdated:
        report(f"{twin}: is from another training and is no longer selected automatically. Rebuild or delete it")


def _int8(request: Int8Request, screen: Console, report: Report) -> None:
    pairs = zip(request.check, request.inputs or [None] * len(request.check), strict=True)
    checks = [BenchmarkSet(folder, request.pattern, inputs) for folder, inputs in pairs]
    twin = export_twin(
        request.source, request.target, request.calibrate, checks, request.max_loss, request.overwrite, screen
    )
    for checked in request.check:
        if checked.resolve() == request.calibrate.resolve():
            report(f"{checked}: it was calibrated on these pictures too, so the loss on others may be larger")
    for folder, loss in twin.losses.items():
        report(f"{folder}: int8 loses {loss:.3f} dB")
    kept = "" if twin.last == 1 else f", the last {twin.last} convolutions in fp32"
    if twin.last is None:
        kept = ", weights only: computed in fp32, so smaller but not faster"
    kept += ", percentile ranges" if twin.method == "Percentile" else ""
    report(f"{twin.path}: {twin.spec.name}, int8{kept}, {twin.path.stat().st_size / 1e6:.2f} MB, measured and verified")
    if note := where_found(request.source, twin.path, "int8"):
        report(note)
