"""Run a command in a child process if it runs the model of a stranger; see :mod:`restore.cli.supervisor`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

# Given to click as the object of the context: whose command line this is. Python code that calls a command has neither.
OWN_PROCESS, CHILD = "a process that exists for this command", "its child"


@dataclass(frozen=True)
class Attempt:
    """The object of the context in a child that works on a folder.

    Attributes:
        ledger: descriptor of the file of :class:`restore.jobs.ledger.Ledger`.
        again: whether an earlier child crashed.
    """

    ledger: int
    again: bool


def supervise_job(model: str, journal: Path | None) -> None:
    """Run the current command, a folder job, in a child process, and in another one each time it crashes.

    Does nothing in that child, in a process that does not exist for this command, and on Windows, where nobody can tell
    whether the owner of a folder's lock still runs.

    Args:
        model: what the command runs, for messages.
        journal: of the job; None if it is in a store.
    """
    if sys.platform != "win32" and click.get_current_context().find_root().obj == OWN_PROCESS:
        from restore.cli.job_supervisor import JobSupervisor

        raise SystemExit(JobSupervisor(model, journal).run(sys.argv[1:]))


def supervise(model: Path | str, afterwards: str = "") -> None:
    """Run the current command in a child process and leave with its exit code.

    Does nothing in that child, and in a process that does not exist for this command.

    Args:
        model: what the command runs, for the message.
        afterwards: how things are after a crash, a sentence.
    """
    if click.get_current_context().find_root().obj == OWN_PROCESS:
        from restore.cli.supervisor import Supervisor

        raise SystemExit(Supervisor(str(model), afterwards).run(sys.argv[1:]))


def supervise_foreign(models: Iterable[str], afterwards: str = "") -> None:
    """Like :func:`supervise`, if one of the models, by name or path, did not come with restore.

    Raises:
        ModelError: there is no such model.
    """
    from restore.zoo.chain_names import chain_files
    from restore.zoo.find import shipped_folder

    ours, files = shipped_folder(), [file for name in models for file in chain_files(name)]
    if foreign := [str(file) for file in files if ours not in file.resolve().parents]:
        supervise(", ".join(foreign), afterwards)
