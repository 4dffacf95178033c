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

Kodak24 through each preset of the [degradation chain](../../docs/methods/degradation.md). PSNR on RGB, higher is
better; LPIPS (AlexNet), DISTS and NIQE, lower is better; seconds for a picture on a CPU, not comparable with the
times below.

{table}

    python scripts/judge_photo.py {models} --testsets TESTSETS \\
        --weights lpips=alexnet.safetensors --weights dists=vgg16.safetensors --out models/{name}/presets.json"""


def section(judged: Mapping[str, Mapping[str, Mapping[str, float]]], name: str) -> str:
    """The section as Markdown.

    Args:
        judged: the output of ``judge_photo.py``.
        name: of the model.
    """
    methods = list(dict.fromkeys(method for found in judged.values() for method in found))
    models = " ".join(method for method in methods if method not in ("bicubic", "input"))
    return _TEXT.format(table="\n".join(_rows(judged, name)), models=models, name=name)


def _rows(judged: Mapping[str, Mapping[str, Mapping[str, Any]]], name: str) -> Iterator[str]:
    yield f"| preset | | {' | '.join(said for said, _ in _COLUMNS.values())} |"
    yield "|" + "---|" * (2 + len(_COLUMNS))
    for preset in (one for one in PRESETS if one in judged):
        said = preset
        for method, row in judged[preset].items():
            bold = "**" if method in (name, f"{name}.int8") else ""
            cells = " | ".join(f"{row[key]:.{digits}f}" for key, (_, digits) in _COLUMNS.items())
            yield f"| {said} | {bold}{method.replace('.int8', ' int8')}{bold} | {cells} |"
            said = ""
