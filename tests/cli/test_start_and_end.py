"""How a command that imports torch starts, and ends: with a sign of life, and at once."""

from __future__ import annotations

import io
import subprocess
import sys
import time

import pytest
from rich.console import Console

from restore.cli import common
from restore.errors import MissingExtraError
from restore.utils.progress import waiting


def screen(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_shows_that_something_takes_a_while(terminal: bool) -> None:
    console = screen(terminal)
    with waiting("Reading", console):
        time.sleep(0.2)
        console.print("a line")
    assert ("Reading" in shown(console)) == terminal
    assert "a line" in shown(console)


def test_imports_that_take_long_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    console = screen(True)
    monkeypatch.setattr(common, "console", lambda: console)
    with common.extra_needed("Training", "train"):
        until = time.monotonic() + 10
        while "Starting" not in shown(console) and time.monotonic() < until:
            time.sleep(0.01)
        assert "Starting" in shown(console)
    with pytest.raises(MissingExtraError, match="Training needs packages"), common.extra_needed("Training", "train"):
        raise ModuleNotFoundError(name="torch")


def test_the_end_does_not_look_for_garbage() -> None:
    script = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 1000)); "
        "from restore.cli.leave import run_and_leave; run_and_leave(lambda: None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
