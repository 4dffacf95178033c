"""Section of a card: a model for photographs on every preset of the degradation chain, next to other methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from judge_photo import PRESETS

_COLUMNS = {
    "psnr": ("PSNR, dB", 2),
    "lpips": ("LPIPS", 3),
    "dists": ("DISTS", 3),
    "niqe": ("NIQE", 2),
    "seconds": ("s", 2),
}
_TEXT = """\
## On every kind of degradation

Kodak24 through each preset of the degradation chain (`restore degrade`), at the size that the model needs. PSNR on RGB,
higher is better; {lower}, lower is better; seconds for a picture on a CPU, not comparable with the times below.

{table}

    python scripts/judge_photo.py {models} --testsets TESTSETS \\
        {options} --out models/{name}/presets.json"""
_LOWER = {"lpips": "LPIPS (AlexNet)", "dists": "DISTS", "niqe": "NIQE"}
_WEIGHTS = {"lpips": "alexnet.safetensors", "dists": "vgg16.safetensors"}


def section(judged: Mapping[str, Mapping[str, Mapping[str, float]]], name: str) -> str:
    """The section as Markdown.

    Args:
        judged: the output of ``judge_photo.py``.
        name: of the model.
    """
    methods = list(dict.fromkeys(method for found in judged.values() for method in found))
    twin = f"{name}.int8"
    models = [method for method in methods if method not in ("bicubic", "input")]
    files = " ".join(f"models/{name}/{twin}.onnx" if model == twin else model for model in models)
    keys = _measured(judged)
    # Without --metric, the script measures all columns.
    some = [f"--metric {key}" for key in keys if key != "seconds"] if len(keys) < len(_COLUMNS) else []
    weights = [f"--weights {key}={file}" for key, file in _WEIGHTS.items() if key in keys]
    return _TEXT.format(
        table="\n".join(_rows(judged, name)),
        models=files,
        name=name,
        lower=", ".join(said for key, said in _LOWER.items() if key in keys),
        options=" ".join([*some, *weights]),
    )


def _measured(judged: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """The columns that every row has."""
    rows = [row for found in judged.values() for row in found.values()]
    return [key for key in _COLUMNS if all(key in row for row in rows)]


def _rows(judged: Mapping[str, Mapping[str, Mapping[str, Any]]], name: str) -> Iterator[str]:
    columns = {key: _COLUMNS[key] for key in _measured(judged)}
    yield f"| preset | | {' | '.join(said for said, _ in columns.values())} |"
    yield "|" + "---|" * (2 + len(columns))
    for preset in (one for one in PRESETS if one in judged):
        said = preset
        for method, row in judged[preset].items():
            bold = "**" if method in (name, f"{name}.int8") else ""
            cells = " | ".join(f"{row[key]:.{digits}f}" for key, (_, digits) in columns.items())
            yield f"| {said} | {bold}{method.replace('.int8', ' int8')}{bold} | {cells} |"
            said = ""
