"""``restore get``."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from restore.cli.common import catalogue_option, console
from restore.cli.help import Command
from restore.cli.importing import (
    calibrate_option,
    check_can_import,
    check_option,
    fixed_shape_option,
    into_option,
    photographs,
    run_import,
)
from restore.cli.supervise import supervise

if TYPE_CHECKING:
    from restore.online.get import Found


@click.command(
    cls=Command,
    examples=(
        "restore get 4x-realesrgan-x4plus",
        "restore get 4x-realesr-general-x4v3 --name general",
    ),
)
@click.argument("name", metavar="NAME")
@click.option("--yes", is_flag=True, help="Accept the license without being asked; the model's metadata record it.")
@catalogue_option
@click.option("--name", "called", help="Name of the model here.  [default: the catalogue's id]")
@into_option
@fixed_shape_option
@calibrate_option
@check_option
@click.option("--overwrite", is_flag=True, help="Replace an existing model of that name.")
def get(
    name: str,
    yes: bool,
    catalogue: str,
    called: str | None,
    folder: Path | None,
    shape: tuple[int, int, int] | None,
    calibrate: Path | None,
    check: Path | None,
    overwrite: bool,
) -> None:
    """Download and import the model NAME of a catalogue.

    Shows author, license and origin, and asks before a license that is unknown or forbids commercial use. The file must
    have the size and SHA-256 of the catalogue; an interrupted download is continued. Then it is imported and verified
    as by 'restore import': no code in it runs.

    This command and 'restore models --online' are the only ones that use the network.
    """
    supervise(name, "Nothing was installed.")
    check_can_import()
    from restore.jobs.stop import stoppable
    from restore.online.catalogue import open_catalogue
    from restore.online.get import find_online
    from restore.utils.text import printable
    from restore.zoo.find import user_folder
    from restore.zoo.install import place

    def say(line: str) -> None:
        click.echo(printable(line), err=True)

    with stoppable(hard=True):
        found = find_online(open_catalogue(catalogue, say), name)
        called = called or found.model.id
        place(called, folder or user_folder(), overwrite)  # before anything large is fetched
        twin = photographs(calibrate, check)
        for line in found.lines():
            click.echo(line)
        consent = _consent(found, yes)
        file, url = _fetched(found)
        run_import(file, called, folder, found.given(url, consent), shape, overwrite, twin=twin)
        with suppress(OSError):
            file.unlink()


def _consent(found: Found, yes: bool) -> str:
    """Ask for consent to the license if that is needed; returns the answer for the record.

    Raises:
        click.Abort: the user declined.
        click.UsageError: nobody can be asked.
    """
    from restore.utils.text import printable

    if not found.concern:
        return ""
    concern = printable(found.concern)
    license_ = found.model.license or "no license"
    if yes:
        click.echo(f"{concern}: accepted by --yes")
        return f"accepted ({license_}) by --yes"
    if not _can_ask():
        raise click.UsageError(f"{concern}. Nobody can be asked here: add --yes if you accept that")
    click.echo(f"{concern[0].upper()}{concern[1:]}.")
    if not click.confirm("Fetch it, and keep to its terms?", default=False):
        raise click.Abort
    return f"accepted ({license_}) when asked"


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _fetched(found: Found) -> tuple[Path, str]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from restore.online.get import fetch
    from restore.utils.text import printable

    screen = console()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    ) as bar:
        task = bar.add_task(found.model.id, total=found.offer.resource.size)

        def progress(have: int, total: int | None) -> None:
            bar.update(task, completed=have, total=total or found.offer.resource.size)

        return fetch(found, lambda line: screen.print(printable(line), markup=False), progress)
