"""``restore bench``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from restore.cli import complete
from restore.cli.common import console
from restore.cli.help import Command
from restore.utils.json_types import JsonObject

if TYPE_CHECKING:
    from restore.diagnostics.bench import Row
    from restore.zoo.precision import Precision


@click.command(
    cls=Command,
    examples=(
        "restore bench",
        "restore bench --model sr-x2 --device cpu --threads 2",
    ),
)
@click.option(
    "--model",
    "models",
    multiple=True,
    shell_complete=complete.models,
    help="Name or path of a model. Repeatable.  [default: all installed]",
)
@click.option(
    "--device", "devices", multiple=True, metavar="DEVICE", help="Repeatable.  [default: cpu and every NVIDIA GPU]"
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(["fp32", "bf16", "fp16", "int8"]),
    help="Repeatable.  [default: all available]",
)
@click.option("--size", type=click.IntRange(16), default=1024, show_default=True, help="Side of the picture in pixels.")
@click.option("--tile", type=click.IntRange(16), help="Largest side of a tile.  [default: chosen by memory]")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option(
    "--repeats", type=click.IntRange(1), default=5, show_default=True, help="Timed runs; the median is reported."
)
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
def bench(
    models: tuple[str, ...],
    devices: tuple[str, ...],
    precisions: tuple[Precision, ...],
    size: int,
    tile: int | None,
    threads: int | None,
    repeats: int,
    as_json: bool,
) -> None:
    """Time models on this machine's devices, one at a time, each in its own process.

    Times are for one picture from pixels to pixels, including tiling and conversions but not file access.
    Exits with 1 if nothing could be measured.
    """
    from restore.diagnostics.bench import cases, machine, run

    wanted = cases(models, devices, precisions, size, tile, threads, repeats)
    facts = machine(threads)
    screen = console()
    rows = []
    for number, row in enumerate(run(wanted), start=1):
        rows.append(row)
        if screen.is_terminal:
            case = row.case
            screen.print(f"{number}/{len(wanted)} {case.model} {case.precision} {case.device}", markup=False)
    if as_json:
        click.echo(json.dumps({**facts, "rows": [_facts(row) for row in rows]}, indent=2))
    else:
        _show(rows, facts)
    raise SystemExit(0 if any(not row.error for row in rows) else 1)


def _facts(row: Row) -> JsonObject:
    from dataclasses import asdict

    facts = asdict(row)
    return {**facts.pop("case"), **({"error": row.error} if row.error else facts)}


def _show(rows: list[Row], facts: JsonObject) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("model", "precision", "device", box=None, pad_edge=False)
    for title in ("ms per MP in", "MP/s out", "peak MB"):
        table.add_column(title, justify="right")
    table.add_column("")
    for row in rows:
        case = row.case
        if row.error:
            table.add_row(case.model, case.precision, case.device, "", "", "", f"[red]{escape(row.error)}[/]")
            continue
        peak = "" if row.peak is None else f"{row.peak / 1e6:.0f}"
        figures = (f"{row.ms_per_megapixel:.0f}", f"{row.output_rate:.2f}", peak)
        table.add_row(case.model, case.precision, row.ran_on, *figures, "")
    screen = console(stderr=False)
    screen.print(table)
    load = "unknown" if facts["load_average"] is None else f"{facts['load_average']:.1f}"
    screen.print(
        f"{facts['cpu']}, {facts['threads']} threads; load average at start {load} on {facts['cores']} cores",
        markup=False,
    )
