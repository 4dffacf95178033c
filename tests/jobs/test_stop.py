"""Ctrl-C and SIGTERM, once."""

from __future__ import annotations

import signal
import sys
import threading
import weakref

import pytest

from restore.jobs.stop import stoppable


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_and_the_next_wait(number: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    ended_whole = False
    with stoppable() as stop:
        stop.check()
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            ended_whole = True
        assert ended_whole
        with pytest.raises(KeyboardInterrupt):
            stop.check()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


class Referent:
    """Something that a weak reference can point to."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_that_python_loses_is_neither_forgotten_nor_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the callback of a weak reference; other exceptions there are told."""
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: told.append(found.exc_type))
    first, second = Referent(), Referent()
    kept = [weakref.ref(first, lambda _: signal.raise_signal(signal.SIGINT)), weakref.ref(second, lambda _: 1 / 0)]
    with stoppable() as stop:
        del first
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            stop.check()
        del second
    assert told == [ZeroDivisionError]
    assert [reference() for reference in kept] == [None, None]


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    before, inside = signal.getsignal(signal.SIGTERM), []

    def job() -> None:
        with stoppable() as stop:
            stop.check()
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    assert inside == [before]
