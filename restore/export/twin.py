"""From an fp32 model file to its 8-bit twin, measured before it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from rich.console import Console

from restore.atomic import write_bytes
from restore.data.folder import list_photos
from restore.data.patches import PatchPairs
from restore.errors import ExportError, ModelError
from restore.export.quantise import Batch, quantise
from restore.metrics.evaluate import evaluate_model
from restore.runtime.model import Model, open_model
from restore.spec import METADATA_KEY, ModelSpec

# More patches, or the histogram methods of onnxruntime, gained nothing on the shipped models.
_PATCHES, _SIDE = 64, 64


@dataclass(frozen=True)
class Twin:
    """What was written: ``losses`` in dB of PSNR on Y, for each folder that it was measured on."""

    path: Path
    spec: ModelSpec
    losses: dict[str, float]


def export_twin(
    source: Path,
    target: Path,
    calibrate: Path,
    check: Sequence[tuple[Path, str]],
    most: float,
    overwrite: bool,
    screen: Console,
) -> Twin:
    """Quantise a model file to 8 bits.

    Args:
        source: an fp32 model file that says what it is.
        target: an ``.onnx`` file, or a folder for ``NAME.int8.onnx``.
        calibrate: photographs to take the activations' ranges from; never those of ``check``.
        check: folders of high-resolution pictures, and the pattern of their files, to measure the loss on.
        most: the largest loss allowed, in dB of PSNR on Y, on any of the folders.
        overwrite: replace a file that is there.
        screen: for progress.

    Raises:
        ExportError: the twin loses more than ``most``, exists, or is one of a model that does not enlarge; nothing is
            written.
        ModelError: the source is missing or not a model of ours.
        DataError: a folder is missing or holds no pictures.
    """
    wide = open_model(source, "cpu")
    if wide.spec.precision != "fp32":
        raise ModelError(f"{source} is {wide.spec.precision}: give the fp32 file")
    if wide.spec.scale == 1:
        raise ExportError(
            f"{source} restores and does not enlarge: photographs alone do not show what 8 bits would lose"
        )
    path = target if target.suffix == ".onnx" else target / f"{wide.spec.name}.int8.onnx"
    if path.exists() and not overwrite:
        raise ExportError(f"{path} exists already: add --overwrite to replace it")
    narrow = quantise(onnx.load(source), calibration_patches(calibrate, wide.spec))
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "trial.onnx")
        _describe(narrow, wide.spec.model_copy(update={"precision": "int8"}))
        onnx.save(narrow, trial)
        losses = measure_losses(wide, open_model(trial, "cpu"), check, screen)
    worst = max(losses.values())
    if not worst <= most:
        raise ExportError(
            f"int8 loses {worst:.3f} dB on {max(losses, key=lambda name: losses[name])}, more than the {most} allowed: "
            "calibrate on photographs more like those, or allow more with --max-loss"
        )
    spec = wide.spec.model_copy(update={"precision": "int8", "loss_db": round(max(0.0, worst), 4)})
    _describe(narrow, spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, narrow.SerializeToString(), overwrite=overwrite)
    return Twin(path, spec, losses)


def calibration_patches(folder: Path, spec: ModelSpec) -> list[Batch]:
    """Patches of photographs, reduced by the model's scale: what it was made for."""
    pairs = PatchPairs(list_photos([folder]), spec.scale, _SIDE, seed=0)
    span = spec.high - spec.low
    low = (pairs.cut(number)[0].transpose(2, 0, 1)[None] for number in range(_PATCHES))
    return [
        np.ascontiguousarray(patch, dtype=np.float32) * np.float32(span / 255) + np.float32(spec.low) for patch in low
    ]


def measure_losses(wide: Model, narrow: Model, check: Sequence[tuple[Path, str]], screen: Console) -> dict[str, float]:
    """PSNR on Y that the second model lacks of the first, averaged over each folder."""
    losses = {}
    for folder, pattern in check:
        scores = [
            evaluate_model(model, model.spec, folder, pattern, None, ("", ""), 512, screen).mean().model.psnr
            for model in (wide, narrow)
        ]
        losses[str(folder)] = scores[0] - scores[1]
    return losses


def _describe(model: onnx.ModelProto, spec: ModelSpec) -> None:
    """Replace the spec in a model's metadata."""
    kept = [(p.key, p.value) for p in model.metadata_props if p.key != METADATA_KEY]
    del model.metadata_props[:]
    for key, value in [*kept, *spec.metadata().items()]:
        model.metadata_props.add(key=key, value=value)
