"""``restore models --online``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from restore.utils.text import printable

if TYPE_CHECKING:
    from restore.online.catalogue import Catalogue
    from restore.online.listing import Listed

_UNBOUND = 400


def show(source: str, words: Sequence[str], as_json: bool) -> None:
    """List the models of a catalogue that contain all words.

    Raises:
        CatalogueError: the catalogue cannot be read.
        DownloadError: it cannot be fetched.
    """
    from restore.jobs.stop import stoppable
    from restore.online.catalogue import open_catalogue
    from restore.online.search import matching

    with stoppable(hard=True):
        catalogue = open_catalogue(source, lambda line: click.echo(printable(line), err=True))
    found = matching(catalogue.listing.models, words)
    if as_json:
        click.echo(json.dumps([model.model_dump() for model in found], indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True, overflow="fold")  # as 'restore get' takes it
    for name in ("architecture", "scale", "size", "licence", "for"):
        table.add_column(name, overflow="fold")
    for model in found:
        table.add_row(*(escape(printable(cell)) for cell in _cells(model)))
    # What is not a terminal has no width: one line for each model, as for grep.
    Console(width=None if Console().is_terminal else _UNBOUND).print(table)
    click.echo(_summary(catalogue, len(found)), err=True)


def _cells(model: Listed) -> tuple[str, ...]:
    from restore.online.links import offers

    best = next(iter(offers(model)), None)
    if best is None:
        size = "not for restore"
    elif not best.urls:
        size = "by browser"
    else:
        size = "?" if best.resource.size is None else f"{best.resource.size / 1e6:.1f} MB"
    tags = ", ".join(model.tags)
    return model.id, model.architecture, f"x{model.scale:g}", size, model.license or "unknown", tags


def _summary(catalogue: Catalogue, found: int) -> str:
    listing, hours = catalogue.listing, catalogue.age / 3600
    parts = [f"{found} of {len(listing.models)} models in {printable(catalogue.source)}"]
    if listing.refused:
        parts.append(f"{listing.refused} entries were not understood")
    if hours >= 1:
        parts.append(f"as of {hours:.0f} hours ago")
    return f"{'; '.join(parts)}. 'restore get MODEL' fetches one"
