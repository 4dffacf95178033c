"""What became of every picture, for machines (JSON, CSV) and for a browser (HTML)."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from restore.atomic import write_bytes
from restore.errors import RestoreError
from restore.jobs.outcome import STAGES, Outcome, Seconds
from restore.jobs.plan import Unreadable

Record = dict[str, Any]


def record(outcome: Outcome) -> Record:
    """One picture as JSON holds it; sizes are [width, height]."""
    belief = outcome.belief and {"kind": outcome.belief[0], "share": round(outcome.belief[1], 4)}
    return {
        "type": "picture",
        "source": str(outcome.item.source),
        "target": str(outcome.item.target),
        "status": outcome.status,
        "error": outcome.error,
        "note": outcome.note,
        "seconds": outcome.seconds.rounded(),
        "size_in": outcome.size_in,
        "size_out": outcome.size_out,
        "belief": belief,
    }


def folder_record(unreadable: Unreadable) -> Record:
    """A folder whose pictures could not even be listed: a failure with the same fields."""
    return {
        "type": "folder",
        "source": str(unreadable.folder),
        "target": "",
        "status": "failed",
        "error": f"the folder cannot be read: {unreadable.reason}",
        "note": "",
        "seconds": Seconds().rounded(),
        "size_in": None,
        "size_out": None,
        "belief": None,
    }


def check_report(path: Path) -> None:
    """Refuse a report that cannot be written, before the job begins.

    Raises:
        RestoreError: its ending is none of a report's, or it is a folder.
    """
    if path.suffix.lower() not in _WRITERS:
        raise RestoreError(f"--report {path}: '{path.suffix}' is no kind of report; there are {', '.join(_WRITERS)}")
    if path.is_dir():
        raise RestoreError(f"--report {path} is a folder: name a file")


def write_report(path: Path, pictures: Sequence[Record], summary: Record) -> None:
    """Write a report, whole or not at all, over an earlier one.

    Args:
        path: its ending, ``.json``, ``.csv`` or ``.html``, says the kind.
        pictures: from :func:`record`.
        summary: of the job; CSV has no place for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Names whose bytes are no text are shown with escapes, as JSON has them.
    write_bytes(path, _WRITERS[path.suffix.lower()](pictures, summary).encode("utf-8", "backslashreplace"))


def _json(pictures: Sequence[Record], summary: Record) -> str:
    return json.dumps({"pictures": list(pictures), "summary": summary}, indent=2) + "\n"


_TIMES = tuple(f"{stage}_seconds" for stage in STAGES)
_COLUMNS = ("source", "target", "status", "error", "note", *_TIMES, "size_in", "size_out", "belief")


def _row(picture: Record) -> list[str]:
    sizes = ["x".join(map(str, picture[key])) if picture[key] else "" for key in ("size_in", "size_out")]
    words = [picture[key] for key in ("source", "target", "status", "error", "note")]
    belief = picture["belief"]
    believed = f"{belief['kind']} {100 * belief['share']:.0f} %" if belief else ""
    return [*words, *(f"{picture['seconds'][stage]:.3f}" for stage in STAGES), *sizes, believed]


def _csv(pictures: Sequence[Record], _summary: Record) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(_row(picture) for picture in pictures)
    return text.getvalue()


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>restore: report</title>
<style>
body {{ font: 15px/1.4 sans-serif; margin: 2em }}
table {{ border-collapse: collapse }}
th, td {{ border-bottom: 1px solid #ccc; padding: .3em .7em; text-align: left; vertical-align: top }}
th {{ cursor: pointer }}
tr.failed td {{ background: #fdd }}
</style>
<h1>restore: report</h1>
<dl>
{summary}
</dl>
<p>A click on a column's head sorts by it.</p>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
<script>
document.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {{
  const body = document.querySelector("tbody"), up = head.dataset.up = head.dataset.up === "1" ? "0" : "1";
  const text = row => row.cells[column].textContent;
  const rows = [...body.rows].sort((a, b) => text(a).localeCompare(text(b), undefined, {{numeric: true}}));
  body.append(...(up === "1" ? rows : rows.reverse()));
}}));
</script>
</html>
"""


def _html(pictures: Sequence[Record], summary: Record) -> str:
    def cells(kind: str, values: Sequence[str]) -> str:
        return "".join(f"<{kind}>{html.escape(value)}</{kind}>" for value in values)

    facts = {key: value for key, value in summary.items() if key != "type"}
    return _PAGE.format(
        summary="\n".join(
            f"<dt>{html.escape(key)}</dt><dd>{html.escape(value if isinstance(value, str) else json.dumps(value))}</dd>"
            for key, value in facts.items()
        ),
        head=cells("th", [name.replace("_", " ") for name in _COLUMNS]),
        body="\n".join(f'<tr class="{html.escape(p["status"])}">{cells("td", _row(p))}</tr>' for p in pictures),
    )


_WRITERS: dict[str, Callable[[Sequence[Record], Record], str]] = {".json": _json, ".csv": _csv, ".html": _html}
