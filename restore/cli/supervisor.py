"""The parent and the child of a command that runs the model of a stranger, so that a native crash has a message.

onnxruntime is native code: a hostile or unlucky model can end the process that runs it, without a word. The parent
passes on signals, and reports how the child died.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

import click

from restore.utils.isolated_process import child_environment, crash_of, python_command

_FAILED, _INTERRUPTED = 1, 130


class Supervisor:
    """Runs a command in a child process.

    Args:
        model: see :func:`restore.cli.supervise.supervise`.
        afterwards: see there.
    """

    def __init__(self, model: str, afterwards: str) -> None:
        self._model, self._afterwards = model, afterwards
        self._child: subprocess.Popen[bytes] | None = None
        self._signaled: list[int] = []

    def run(self, arguments: list[str]) -> int:
        """Run the child; returns the exit code."""
        for number in _passed_on():
            signal.signal(number, self._pass_on)
        command = [*python_command("restore.cli.supervisor"), str(os.getpid()), *arguments]
        self._child = subprocess.Popen(command, env=child_environment())
        for number in self._signaled:
            self._child.send_signal(number)
        code = self._child.wait()
        crash = crash_of(code)
        if not crash:
            return code
        if -code in self._signaled:  # before it could handle the signal
            return _INTERRUPTED
        from restore.utils.text import printable

        text = (
            f"restore: {self._model}: {crash} while this model was in use: update onnxruntime, free memory, or use "
            f"another model. {self._afterwards}"
        )
        click.echo(printable(text.strip()), err=True)
        return _FAILED

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        # A terminal sends Ctrl-C to the child too, which takes two signals in quick succession for one.
        self._signaled.append(number)
        if self._child is not None and self._child.poll() is None and sys.platform != "win32":
            self._child.send_signal(number)


def _passed_on() -> list[int]:
    hangup = getattr(signal, "SIGHUP", None)
    more = [] if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN else [hangup]
    return [signal.SIGINT, signal.SIGTERM, *more]


def _end_with(parent: int) -> None:
    """End this process at once when its parent is gone: nobody can stop it or read its output any more."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if sys.platform != "win32":
        if os.getppid() != parent:
            os._exit(_INTERRUPTED)
        if sys.platform != "linux":
            threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(_INTERRUPTED)


def _main() -> None:
    _end_with(int(sys.argv.pop(1)))
    from restore.cli.main import main
    from restore.cli.supervise import CHILD

    main(prog_name="restore", obj=CHILD)


if __name__ == "__main__":
    _main()
