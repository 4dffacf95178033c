"""How the process ends: what is left in its streams is written, or why that failed is said; never a traceback."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TextIO

import click


def run_and_leave(command: Callable[[], object]) -> NoReturn:
    """Run a command and end the process.

    Raises:
        SystemExit: always.
    """
    code: object = 0
    try:
        command()
    except SystemExit as end:
        code = end.code
    except OSError as error:
        code = os_error(error)
    # The interpreter would look through all objects of all modules for garbage before it ends: torch's take a second.
    gc.freeze()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            code = code or 1
            if isinstance(error, OSError):
                error.filename = "standard output" if stream is sys.stdout else "standard error"
                os_error(error)
    pool = sys.modules.get("restore.utils.daemon_pool")
    # Somebody who calls the command from Python has replaced the streams, and keeps the process.
    if pool is not None and sys.stdout is sys.__stdout__ and pool.threads_left_behind():
        # They run native code. If the interpreter ended first, they would crash where they return to it.
        os._exit(code if isinstance(code, int) else 1)
    raise SystemExit(code)


def os_error(error: OSError) -> int:
    """Print an error of the operating system, such as a full disk, with the file's name; returns the exit code.

    A reader that closed the pipe, such as ``head``, has seen enough: nothing is printed.
    """
    from restore.utils.text import printable

    where = error.filename
    if not isinstance(error, BrokenPipeError):
        if where is None and _while_printing(error):
            where = "standard output"
        text = error.strerror or str(error)
        with suppress(OSError):
            click.echo(printable(f"restore: {where}: {text}" if where else f"restore: {text}"), err=True)
    for stream in (sys.stdout, sys.stderr):
        if _fails(stream):
            _silence(stream)
    return 1


def _while_printing(error: OSError) -> bool:
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") in ("click.utils", "rich.console") for frame, _ in frames)


def _fails(stream: TextIO) -> bool:
    """Whether what is left in a stream cannot be written."""
    try:
        stream.flush()
    except (OSError, ValueError):
        return True
    return False


def _silence(stream: TextIO) -> None:
    """Send a stream nowhere: Python flushes it again at exit, which would fail once more and print an error."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        stream.flush()
