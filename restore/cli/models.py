"""``restore models``."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines; also says the files.")
def models(as_json: bool) -> None:
    """List the models that are at hand.

    More are found in the folders that the environment variable RESTORE_MODELS names, one folder a model.
    """
    from restore.runtime.model import open_model
    from restore.zoo.find import entries

    found = [(entry, open_model(entry.file, "cpu", 1).spec) for entry in entries()]
    if as_json:
        click.echo(json.dumps([{"file": str(e.file), **spec.model_dump()} for e, spec in found], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "task", "scale", "parameters", "size", "licence", box=None, pad_edge=False)
    for entry, spec in found:
        size = f"{entry.file.stat().st_size / 1e6:.2f} MB"
        table.add_row(entry.name, spec.task, f"x{spec.scale}", f"{spec.parameters:,}", size, spec.licence)
    Console(soft_wrap=True).print(table)
