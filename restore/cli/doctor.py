"""``restore doctor``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from restore.cli.help import Command

if TYPE_CHECKING:
    from restore.diagnostics.doctor import Finding

_MARKS = {True: "[green]ok[/]", False: "[red]!![/]", None: ""}


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
def doctor(as_json: bool) -> None:
    """Check the installation, try every device, and suggest fixes for problems.

    Exits with 1 if something that should work does not.
    """
    from dataclasses import asdict

    from restore.diagnostics.doctor import examine

    findings = examine()
    bad = [finding for finding in findings if finding.ok is False]
    if as_json:
        click.echo(json.dumps({"ok": not bad, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _show(findings)
        click.echo(f"problems found: {len(bad)}" if bad else "no problems found")
    raise SystemExit(1 if bad else 0)


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    topic = ""
    for finding in findings:
        value = escape(finding.value) + (f"\n[yellow]{escape(finding.cure)}[/]" if finding.cure else "")
        title = finding.topic if finding.topic != topic else ""
        table.add_row(f"[bold]{title}[/]", _MARKS[finding.ok], escape(finding.name), value)
        topic = finding.topic
    Console(highlight=False).print(table)
