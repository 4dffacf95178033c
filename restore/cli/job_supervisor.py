"""The parent of a folder job: if a decoder or a network crashes, it goes on with the job in another child.

The child that goes on tries the pictures that were in work one by one in processes of their own; see
:mod:`restore.jobs.crash_record`. Pictures that were reported are not looked at again.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import click

from restore.cli.supervisor import FAILED, INTERRUPTED, Supervisor
from restore.utils.isolated_process import crash_of, end_with, python_command

# A process that crashes without having finished anything may be the first to record what it was doing.
_MOST_IDLE = 2
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


class JobSupervisor(Supervisor):
    """Runs a folder job in child processes, one after the other.

    Args:
        model: what the command runs, for messages.
        journal: the file, which may not exist yet; None if it is in a store.
    """

    def __init__(self, model: str, journal: Path | None) -> None:
        super().__init__(model, "Written files are complete; --resume continues.")
        self._journal = journal

    def run(self, arguments: list[str]) -> int:
        """Run children until one ends by itself; returns the exit code."""
        self.listen()
        again, idle = False, 0
        with tempfile.TemporaryFile() as ledger:
            descriptor = ledger.fileno()
            while True:
                before = self._progress(descriptor)
                child = [*python_command("restore.cli.job_supervisor"), str(os.getpid()), str(descriptor)]
                code = self.child_code([*child, str(int(again)), *arguments], descriptor)
                crash = crash_of(code)
                if not crash:
                    return code
                if sys.stderr.isatty():
                    sys.stderr.write(_SHOW_CURSOR)
                if self.signaled:
                    click.echo("Interrupted: written files are complete; --resume continues.", err=True)
                    return INTERRUPTED
                again, idle = True, 0 if self._progress(descriptor) != before else idle + 1
                if idle == _MOST_IDLE:
                    self.tell(crash)
                    return FAILED
                click.echo(
                    f"restore: {crash}. The job goes on: pictures that were in work are tried one by one, each in a "
                    "process of its own",
                    err=True,
                )

    def _progress(self, descriptor: int) -> tuple[int, int]:
        """Grows with each picture that is reported, written, or found to be what crashed."""
        try:
            journaled = self._journal.stat().st_size if self._journal else 0
        except OSError:
            journaled = 0
        return os.fstat(descriptor).st_size, journaled


def _main() -> None:
    parent, descriptor, again = (int(sys.argv.pop(1)) for _ in range(3))
    end_with(parent)
    from restore.cli.main import main
    from restore.cli.supervise import Attempt

    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(prog_name="restore", obj=Attempt(descriptor, bool(again)))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback while modules are imported
    _main()
