"""``restore verify``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from restore.cli.common import FiniteRange, extra_needed, parse_pairs
from restore.cli.help import Command
from restore.cli.supervise import supervise
from restore.utils.text import printable

if TYPE_CHECKING:
    from restore.verify.check import Check


@click.command(
    cls=Command,
    examples=(
        "restore verify mine.onnx",
        "restore verify mine.onnx --against runs/mine",
    ),
)
@click.argument("file", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "--against",
    metavar="CHECKPOINT",
    type=click.Path(path_type=Path),
    help="Also compare with the network it was made from: a run folder, a checkpoint, or an fp32 .onnx file.",
)
@click.option("--spec", multiple=True, metavar="FIELD=VALUE", help="Metadata that the file lacks. Repeatable.")
@click.option(
    "--time-limit",
    type=FiniteRange(0, 86_400, min_open=True),
    default=120,
    show_default=True,
    help="Seconds after which a run of the model is ended, which fails its check.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and check.")
def verify(file: Path, against: Path | None, spec: tuple[str, ...], time_limit: float, as_json: bool) -> None:
    """Check the ONNX file MODEL and its metadata.

    Checks the metadata, graph, precision, accepted sizes, determinism, exactness of tiles, NaN and infinite values,
    value range, colors and classification. Exits with 1 if a check fails.
    """
    given = parse_pairs(spec, "--spec")
    supervise(file)
    with extra_needed("Verifying", "verify"):
        from restore.verify.run import verify_file
    from restore.jobs.stop import stoppable

    failed = 0
    with stoppable(hard=True):
        for check in verify_file(file, given, time_limit):
            _print_check(check, as_json)
            failed += check.passed is False
        if against is not None:
            with extra_needed("Comparing with a checkpoint", "train"):
                from restore.export.compare_to_source import compare
            for check in compare(file, against, given):
                _print_check(check, as_json)
                failed += check.passed is False
    if not as_json:
        click.echo(f"{failed} check{'s' * (failed != 1)} failed" if failed else "all checks passed")
    raise SystemExit(1 if failed else 0)


def _print_check(check: Check, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(check)))
        return
    sign = {True: "ok  ", False: "FAIL", None: "-   "}[check.passed]
    click.echo(f"{sign} {check.name}: {printable(check.measured)}")  # may contain names from untrusted files
