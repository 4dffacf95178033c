"""``restore models``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from restore.cli.common import catalogue_option
from restore.cli.help import Command
from restore.utils.json_types import JsonObject

if TYPE_CHECKING:
    from restore.spec import ModelSpec
    from restore.zoo.find import Entry


@click.command(
    cls=Command, examples=("restore models", "restore models --online photo x4", "restore models --online compact mit")
)
@click.argument("words", metavar="[WORDS]...", nargs=-1)
@click.option(
    "--online",
    is_flag=True,
    help="Search a catalogue of models of others instead, which 'restore get' fetches. Uses the network.",
)
@catalogue_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, including the files.")
def models(words: tuple[str, ...], online: bool, catalogue: str, as_json: bool) -> None:
    """List available models.

    Besides the included models, this lists the user's folder, which 'restore import' and 'restore get' fill, and the
    folders in the environment variable RESTORE_MODELS, each with one subfolder per model.

    With --online it lists the models of a catalogue that have all WORDS in their name, tags, architecture, scale,
    author or license.
    """
    if online:
        from restore.cli.models_online import show

        show(catalogue, words, as_json)
        return
    if words:
        raise click.UsageError(f"{' '.join(words)}: to search models of others, add --online")
    from restore.errors import ModelError
    from restore.runtime.model import file_spec
    from restore.utils.text import printable
    from restore.zoo.find import entries

    found = []
    for entry in entries():
        try:
            found.append((entry, file_spec(entry.file), entry.file.stat().st_size))
        except (ModelError, OSError) as error:  # one bad file must not hide the others
            click.echo(printable(f"restore: {error}"), err=True)
    if as_json:
        click.echo(json.dumps([_facts(entry, spec) for entry, spec, _ in found], indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("model", "task", "scale", "parameters", "size", "precisions", "licence", box=None, pad_edge=False)
    for entry, spec, size in found:
        kinds, parameters = ", ".join(entry.files), f"{spec.parameters:,}"
        cells = [entry.name, spec.task, f"x{spec.scale}", parameters, f"{size / 1e6:.2f} MB", kinds, spec.licence]
        table.add_row(*map(escape, cells))
    Console(soft_wrap=True).print(table)


def _facts(entry: Entry, spec: ModelSpec) -> JsonObject:
    files = {kind: str(path) for kind, path in entry.files.items()}
    return {"file": str(entry.file), "files": files, **spec.model_dump()}
