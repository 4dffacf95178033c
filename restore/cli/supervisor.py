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
from types import FrameType

import click

from restore.utils.isolated_process import child_environment, crash_of, end_with, python_command

FAILED, INTERRUPTED = 1, 130
_LOOK_AGAIN = 1.0  # seconds


class Supervisor:
    """Runs a command in a child process.

    Args:
        model: see :func:`restore.cli.supervise.supervise`.
        afterwards: see there.
    """

    def __init__(self, model: str, afterwards: str) -> None:
        self._model, self._afterwards = model, afterwards
        self._child: subprocess.Popen[bytes] | None = None
        self.signaled: list[int] = []  # numbers of the signals that came

    def run(self, arguments: list[str]) -> int:
        """Run the child; returns the exit code."""
        self.listen()
        code = self.child_code([*python_command("restore.cli.supervisor"), str(os.getpid()), *arguments])
        crash = crash_of(code)
        if not crash:
            return code
        if -code in self.signaled:  # before it could handle the signal
            return INTERRUPTED
        self.tell(crash)
        return FAILED

    def listen(self) -> None:
        """Pass on signals from now on."""
        for number in _passed_on():
            signal.signal(number, self._pass_on)

    def child_code(self, command: list[str], *descriptors: int) -> int:
        """Run a child, which inherits these descriptors; returns its exit code."""
        self._child = subprocess.Popen(command, env=child_environment(), pass_fds=descriptors)
        for number in self.signaled:
            self._child.send_signal(number)
        # A signal that comes when Python has just begun to wait is handled after the wait: none is without an end.
        waiting = threading.Thread(target=self._child.wait, daemon=True)
        waiting.start()
        while waiting.is_alive():
            waiting.join(_LOOK_AGAIN)
        return self._child.wait()

    def tell(self, crash: str) -> None:
        """Print how the child died."""
        from restore.utils.text import printable

        text = (
            f"restore: {self._model}: {crash} while this model was in use: update onnxruntime, free memory, or use "
            f"another model. {self._afterwards}"
        )
        click.echo(printable(text.strip()), err=True)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        # A terminal sends Ctrl-C to the child too, which takes two signals in quick succession for one.
        self.signaled.append(number)
        if self._child is not None and self._child.poll() is None and sys.platform != "win32":
            self._child.send_signal(number)


def _passed_on() -> list[int]:
    hangup = getattr(signal, "SIGHUP", None)
    more = [] if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN else [hangup]
    return [signal.SIGINT, signal.SIGTERM, *more]


def _main() -> None:
    end_with(int(sys.argv.pop(1)))
    from restore.cli.main import main
    from restore.cli.supervise import CHILD

    main(prog_name="restore", obj=CHILD)


if __name__ == "__main__":
    _main()
