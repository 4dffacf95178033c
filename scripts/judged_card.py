"""Section of unfilter's card on filters, edits and photographs that its training never saw."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from typing import Any

_BEFORE, _NOW = "before", "unfilter"
_STRENGTHS = ("30 %", "60 %", "100 %")
_PARTS = {
    "filters": "filters it knows by name, as Instagram renders them",
    "other filters": "filters of other names",
    "edits": "hand edits",
}
_TEXT = """\
## Results on unseen filters, edits and photos

{photographs} photos not used in training, 384 pixels on the longer side, under 40 filters that the package
`instafilter` learned from Instagram's own pictures, and under 17 edits in Lab, HSV or linear light; and {count}
unfiltered photos, whose mean absolute change is given. Training uses CSSgram's and Instagram.css's definitions, and
edits by other formulas. The numbers are the average gain in dB; *before* is an earlier model, trained on the 29 named
filters alone, on the same pictures.

{summary}

| {count} unfiltered photos: change, of 255 | median | mean | 90th percentile | largest | above 10 |
|---|---|---|---|---|---|
{unfiltered}

| edit, filter | {strengths} | before: {strengths} |
|{rules}|
{cells}

The model's confidence in its class, and how often that class is right, over all of the above at all strengths. *none*
is right for edits, for filters of other names and for unfiltered photos:

| confidence | accuracy | before: confidence | accuracy |
|---|---|---|---|
{reliability}

![Confidence and accuracy](reliability.svg)

    python scripts/judge_unfilter.py unfilter=models/unfilter/unfilter.onnx --data PHOTOGRAPHS --testsets TESTSETS"""


def section(judged: Mapping[str, Any]) -> str:
    """The section as Markdown; ``judged`` is the output of ``judge_unfilter.py``."""
    now, before = judged[_NOW], judged[_BEFORE]
    strengths = " | ".join(_STRENGTHS)
    return _TEXT.format(
        photographs=now["photographs"],
        count=now["unfiltered all"]["count"],
        summary="\n".join(_summary(now, before)),
        unfiltered="\n".join(_unfiltered(now, before)),
        strengths=strengths,
        rules="---|" * 6 + "---",
        cells="\n".join(_cells(now, before)),
        reliability="\n".join(_reliability(now, before)),
    )


def _summary(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    yield "| | strength | **unfilter** | at half | worst | before | at half | worst |"
    yield "|" + "---|" * 8
    for part, said in _PARTS.items():
        for strength in _STRENGTHS:
            cells = [said, strength]
            for one in (now, before):
                rows = [row for name, row in one[part].items() if name.endswith(f" {strength}")]
                gain, half = (statistics.mean(row[key] for row in rows) for key in ("gain", "half"))
                bold = "**" if one is now else ""
                cells += [f"{bold}{gain:+.2f}{bold}", f"{half:+.2f}", f"{min(row['gain'] for row in rows):+.2f}"]
            yield f"| {' | '.join(cells)} |"


def _unfiltered(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    for one, said in ((now, "**unfilter**"), (before, "before")):
        yield _spread(said, one["unfiltered all"])
        yield _spread(f"{said} at half", one["unfiltered all at half"])
    for name, row in now["unfiltered"].items():
        yield _spread(f"{name} ({row['count']})", row)


def _spread(said: str, row: Mapping[str, float]) -> str:
    values = " | ".join(f"{row[key]:.2f}" for key in ("median", "mean", "90 %", "most"))
    return f"| {said} | {values} | {row['above 10']} |"


def _cells(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    for part in ("edits", "filters", "other filters"):
        for name in dict.fromkeys(cell.rpartition(" ")[0].rpartition(" ")[0] for cell in now[part]):
            gains = [one[part][f"{name} {strength}"]["gain"] for one in (now, before) for strength in _STRENGTHS]
            yield f"| {name} | {' | '.join(f'{gain:+.2f}' for gain in gains)} |"


def _reliability(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    rows = {row["from"]: row for row in now["reliability"]}
    earlier = {row["from"]: row for row in before["reliability"]}
    for start in sorted({*rows, *earlier}):
        keys = ((one, key) for one in (rows, earlier) for key in ("said", "right"))
        cells = [f"{one[start][key]:.2f}" if start in one else "" for one, key in keys]
        yield f"| {' | '.join(cells)} |"


def curve(judged: Mapping[str, Any]) -> str:
    """Reliability diagram as SVG: the curve of a perfectly calibrated model is the diagonal."""
    size, edge = 240, 34

    def place(row: Mapping[str, float]) -> str:
        return f"{edge + size * row['said']:.1f},{edge + size * (1 - row['right']):.1f}"

    lines = []
    for label, color in ((_BEFORE, "#b0b0b0"), (_NOW, "#0a6ebd")):
        points = [place(row) for row in judged[label]["reliability"]]
        lines.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="2"/>')
        x, y = points[-1].split(",")
        lines.append(f'<text x="{float(x) + 6}" y="{y}" fill="{color}">{label}</text>')
    end = edge + size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size + 3 * edge}" height="{size + 2 * edge}" '
        'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
        f'<path d="M{edge},{edge}V{end}H{end}M{edge},{end}L{end},{edge}" fill="none" stroke="#d0d0d0"/>\n'
        f'<text x="{edge}" y="{end + 20}">confidence, 0 to 1</text>\n'
        f'<text x="{edge - 8}" y="{edge - 10}">accuracy, 0 to 1</text>\n' + "\n".join(lines) + "\n</svg>\n"
    )
