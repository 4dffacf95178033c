"""The text of a model card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from restore.export.publish.measured import Measured
from restore.spec import ModelSpec

_TASKS = {
    "super-resolution": "Enlarges photographs {scale} times",
    "restoration": "Restores photographs",
    "enhancement": "Improves the light of photographs",
    "filter-removal": "Removes filters from photographs",
}


def card(spec: ModelSpec, files: Sequence[tuple[str, int, str]], losses: str, measured: Measured | None) -> str:
    """The card below its front matter, as Markdown.

    Args:
        spec: of the model.
        files: name, size in bytes and precision of each model file.
        losses: what the training minimized.
        measured: what the run measured; None for nothing.
    """
    does = _TASKS.get(spec.task, "Restores photographs").format(scale=spec.scale)
    return f"""
# {spec.name}

{does}. Network: {spec.network}, {spec.parameters:,} parameters, in ONNX.

{_lines(_results(spec, measured))}

## Use

    hf download NAMESPACE/{spec.name} --local-dir {spec.name}
    restore enhance Pictures enhanced --model {spec.name}/{files[0][0]}

The file runs in any program with ONNX Runtime; the metadata in it, repeated in `config.json`, says how.

## Input and output

{_list(_preprocessing(spec))}

## Training

{_list(_training(spec, losses))}

## Files

| file | precision | size |
|---|---|---|
{_lines(f"| `{name}` | {precision} | {size / 1e6:.2f} MB |" for name, size, precision in files)}
| `config.json` | | the metadata |
| `recipe.yaml` | | the recipe of the training, with all defaults |
"""


def _results(spec: ModelSpec, measured: Measured | None) -> Iterator[str]:
    if measured is None:
        yield "The training measured nothing of these weights."
        return
    metric = measured.metric
    how = "bicubic enlargement" if spec.scale > 1 else "the unchanged input"
    yield "| | " + metric.label + " |\n|---|---|"
    if measured.unchanged is not None:
        yield f"| {how} | {measured.unchanged:.{metric.metric.digits}f} |"
    yield f"| **{spec.name}** | **{measured.value:.{metric.metric.digits}f}** |"
    yield "\nMeasured during the training, on photographs that it did not train on. " + (
        "Higher is better." if metric.metric.higher_is_better else "Lower is better."
    )


def _preprocessing(spec: ModelSpec) -> Iterator[str]:
    yield (
        f"`input`: float32 (N, 3, H, W), RGB as stored (usually sRGB, not linear light), {spec.low:g} for black and "
        f"{spec.high:g} for white"
    )
    if spec.shape is not None:
        yield f"the only shape that it takes: {' x '.join(map(str, spec.shape))} (N, H, W)"
    elif spec.multiple > 1 or spec.minimum > 1:
        yield f"H and W: multiples of {spec.multiple}, at least {spec.minimum}; pad the right and bottom by mirroring"
    if spec.border:
        yield f"mirror the picture by {spec.border} pixels on each side, and cut that off the result"
    if spec.context:
        how = "area averaging" if spec.thumbnail == "mean" else "taking the middle pixel of each area"
        yield (
            f"`thumbnail`: the whole picture reduced to {spec.context} x {spec.context} by {how}; `rows` and "
            "`columns`: positions of the pixels' centers in it, from 0 to 1"
        )
    if spec.strength:
        yield "`strength`: 0 for the unchanged picture to 1 for the full effect"
    if spec.noise:
        yield (
            "`noise`: independent values of mean 0 and deviation 1, of the size of `output`; overlapping tiles take "
            "the same values at the same place"
        )
    exact = "gives exactly" if spec.exact_tiles else "nearly gives"
    yield f"tiles: an overlap of {spec.halo} pixels {exact} the result of the whole picture"
    yield f"`output`: {'the same size' if spec.scale == 1 else f'{spec.scale} times as large'}; clip it to the range"
    if spec.kinds:
        yield f"`belief`: probabilities of {', '.join(spec.kinds)}"
    if spec.edit:
        yield (
            "`edit`: the edit in numbers: gains of red, green and blue, exposure in stops, saturation, and "
            f"{spec.edit} points of the tone curve of each channel"
        )


def _training(spec: ModelSpec, losses: str) -> Iterator[str]:
    yield f"{spec.steps:,} steps, {spec.hours:.2f} hours, by `recipe.yaml` ({spec.made_with})"
    yield f"loss: {losses}"
    yield f"data: {spec.data}"
    if spec.start:
        yield f"began with the weights of {spec.start}"
    if (fidelity := spec.measured.get("psnr_to_network_db")) is not None:
        yield f"the ONNX file compared with the trained network: {fidelity:g} dB PSNR"
    yield f"license of the weights: {spec.licence}"


def _list(lines: Iterable[str]) -> str:
    return _lines(f"- {line}" for line in lines)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
