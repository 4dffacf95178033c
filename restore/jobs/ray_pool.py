"""A pool of Ray actors. The only module that imports Ray."""

from __future__ import annotations

import importlib
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from restore import __version__
from restore.errors import MissingExtraError, RestoreError
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.batch import Batch, Refused, Told
from restore.jobs.batch_worker import BatchWorker, WorkerJob
from restore.jobs.naming import PlanError
from restore.jobs.spread import LEAST, Event, Lost
from restore.jobs.stop import Stop
from restore.runtime.cpu import usable_cores
from restore.stores.address import Address

# Ray's own store of objects: what passes through it here is names.
_OBJECT_STORE_BYTES = 100 << 20
# Ray gives itself half a minute to start, which is too little on a machine that is busy with other things.
_STARTS = 3
# How long a worker may take to have a process again, and how often it is asked: Ray answers at once that it has none.
_RESTART_SECONDS, _ASK_SECONDS = 120.0, 1.0
_LOOK_SECONDS = 10.0
_PATIENT_SECONDS = 15.0
_CLOSE_SECONDS = 5.0
_OPEN, _RUN = "open", "run"
# Before Ray is imported: no statistics leave the machine, and what it has to say about lost workers is said by the job.
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}


@dataclass(frozen=True)
class Share:
    """What one worker takes of its machine: numbers of CPUs and GPUs."""

    cpus: float
    gpus: float

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPU{'s' * (self.gpus != 1)}" if self.gpus else ""
        return f"{self.cpus:g} CPU{'s' * (self.cpus != 1)}{gpus}"

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many workers fit into a machine with these resources, by Ray's names."""
        gpus = resources.get("GPU", 0) / self.gpus if self.gpus else math.inf
        return math.floor(min(resources.get("CPU", 0) / self.cpus, gpus))


def import_ray() -> Any:  # Ray's types change from version to version, and mypy skips them
    """Ray, with nothing sent over the network about its use.

    Raises:
        MissingExtraError: it is not installed.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise MissingExtraError("--engine ray", "ray", error.name) from error


class RayPool:
    """See :class:`restore.jobs.spread.Pool`. Use as a context manager.

    Args:
        address: of a cluster, as ``ray.init`` takes it; None for one on this machine, which ends with the job. In a
            program that is connected to a cluster, None and ``auto`` mean that one, and it stays connected.
        most: number of workers at most; None for as many as have room.

    Attributes:
        hosts: the machine of each worker that was ever ready.

    Raises:
        MissingExtraError: Ray is not installed.
        RestoreError: the cluster cannot be reached.
    """

    def __init__(self, address: str | None, most: int | None) -> None:
        self._ray = import_ray()
        self._connected = bool(self._ray.is_initialized())
        if self._connected and address not in (None, "auto"):
            raise RestoreError(
                f"--address {address}: this program is connected to a cluster; leave the address out to use that one, "
                "or call ray.shutdown() before"
            )
        self._local = address is None and not self._connected
        self._address = address or "local"
        self._most = most or math.inf
        self._numbers = iter(range(1 << 62))
        self._actors: dict[int, Any] = {}
        self._told: dict[int, Told] = {}
        self.hosts: dict[int, str] = {}
        self._refs: dict[Any, tuple[int, str]] = {}
        self._look_again = 0.0
        self._restarting: dict[int, float] = {}  # until when
        self._ask_again: dict[int, float] = {}  # when
        self._network_key = ""
        self._earlier: Mapping[str, BackendEntry] = {}

    def __enter__(self) -> RayPool:
        if self._connected:
            return self
        logging.getLogger("ray").setLevel(logging.ERROR)
        more: dict[str, object] = {}
        if self._local:
            more = {
                "num_cpus": usable_cores(),
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        for left in reversed(range(_STARTS if self._local else 1)):
            try:
                with _same_signals():
                    self._ray.init(
                        address=self._address, log_to_driver=False, configure_logging=False, namespace="restore", **more
                    )
                break
            except Exception as error:  # Ray raises all kinds
                self._ray.shutdown()
                if not left:
                    where = "on this machine" if self._local else f"at {self._address}"
                    raise RestoreError(f"--engine ray: no cluster {where}: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._connected:
            self.close()
        else:
            self._ray.shutdown()

    @property
    def machines(self) -> list[Mapping[str, float]]:
        """The resources of each machine, by Ray's names."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def begin(
        self,
        job: WorkerJob,
        share: Share,
        count: float,
        earlier: Mapping[str, BackendEntry],
        stop: Stop,
        warn: Callable[[str], None],
    ) -> dict[int, Told | None]:
        """Begin as many workers as have room, and wait until the first is ready: the others do as it does.

        Args:
            job: what they are told.
            share: what each takes.
            count: of pictures, as far as known.
            earlier: what has run each model in earlier parts of the job.
            stop: checked while it waits.
            warn: receives sentences for the user.

        Returns:
            The workers, as :class:`restore.jobs.spread.Spread` takes them.

        Raises:
            PlanError: none fits into this machine, or pictures are in the memory of this process.
            RestoreError: the first cannot open the network.
            KeyboardInterrupt: Ctrl-C.
        """
        for end in (*job.request.sources, job.request.target):
            if isinstance(end, Address) and end.protocol == "memory":
                raise PlanError(f"{end} is in the memory of this process, which no worker sees: use --engine local")
        self._job, self._share = job, share
        room = sum(map(share.fits, self.machines))
        if self._local and not room:
            raise PlanError(
                f"--engine ray: this machine has no room for a worker of {share}: lower --cpus-per-worker and "
                "--gpus-per-worker, or name a cluster by --address"
            )
        first, *others = self._start(int(max(1, min(room, self._most, count))))
        self._earlier = earlier
        self._open(first)
        told = self._first(first, stop, warn)
        if told.network.versions["restore"] != __version__:
            raise RestoreError(
                f"--engine ray: {told.host} has restore {told.network.versions['restore']}, but this is {__version__}: "
                "install the same version on all machines of the cluster"
            )
        self._network_key = told.network.key
        self._earlier = {entry.model: entry for entry in told.network.entries}
        for number in others:
            self._open(number)
        return {first: told, **dict.fromkeys(others)}

    def grow(self, waiting: int) -> list[int]:
        now = time.monotonic()
        if self._local or now < self._look_again:
            return []
        self._look_again = now + _LOOK_SECONDS
        pending = len(self._actors) - len(self._told)
        # Those that wait for room are what lets an autoscaling cluster grow.
        wanted = max(1, len(self._told) // 4) - pending
        room = max(sum(map(self._share.fits, self.machines)) - len(self._actors), wanted)
        numbers = self._start(int(max(0, min(room, self._most - len(self._actors), waiting // LEAST))))
        for number in numbers:
            self._open(number)
        return numbers

    def send(self, worker: int, batch: Batch) -> None:
        self._refs[self._actors[worker].run.remote(batch)] = worker, _RUN

    def wait(self, seconds: float) -> list[Event]:
        for worker in [worker for worker, when in self._ask_again.items() if when <= time.monotonic()]:
            del self._ask_again[worker]
            self._open(worker)
        if not self._refs:
            time.sleep(seconds)
            return []
        refs = list(self._refs)
        ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        if not ready:
            ready, _ = self._ray.wait(refs, num_returns=1, timeout=seconds)
        events = []
        for ref in ready:
            if ref in self._refs:  # otherwise its worker has just been lost
                worker, what = self._refs.pop(ref)
                if event := self._event(ref, worker, what):
                    events.append((worker, event))
        return events

    def stop(self) -> None:
        for number in self._told:
            self._actors[number].stop.options(concurrency_group="control").remote()

    def close(self) -> None:
        """End all workers, those that are ready in order."""
        closing = [self._actors[number].close.remote() for number in self._told]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_SECONDS)
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors, self._told, self._refs, self._ask_again = {}, {}, {}, {}

    def _event(self, ref: object, worker: int, what: str) -> Any:
        try:
            event = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError:
            raise  # a mistake in the program
        except self._ray.exceptions.RayError as error:
            why = _first_line(error)
            if what == _OPEN:
                now = time.monotonic()
                unavailable = isinstance(error, self._ray.exceptions.ActorUnavailableError)
                if unavailable and now < self._restarting.setdefault(worker, now + _RESTART_SECONDS):
                    self._ask_again[worker] = now + _ASK_SECONDS
                    return None
                self._forget(worker)
                return Refused(f"its process died while it opened the model ({why})")
            self._told.pop(worker, None)
            self._refs = {ref: of for ref, of in self._refs.items() if of[0] != worker}
            self._open(worker)  # Ray restarts it, where there is room
            return Lost(why)
        if isinstance(event, Told):
            if self._network_key not in ("", event.network.key):
                self._forget(worker)
                return Refused(
                    f"{event.host} runs {event.network.name} as {event.network.precision} on {event.network.device}, "
                    "with other results than the job's: name --device and --precision, and use the same files of models"
                )
            self._told[worker] = event
            self._restarting.pop(worker, None)
            self.hosts[worker] = event.identity
        elif isinstance(event, Refused):
            self._forget(worker)
        return event

    def _first(self, number: int, stop: Stop, warn: Callable[[str], None]) -> Told:
        patient = time.monotonic() + _PATIENT_SECONDS
        begun = self._actors[number].__ray_ready__.options(concurrency_group="control").remote()
        while True:
            stop.check()
            for _, event in self.wait(0.2):
                if isinstance(event, Told):
                    return event
                if isinstance(event, Refused):
                    error = RestoreError(f"--engine ray: {event.text}")
                    error.exit_code = event.exit_code
                    raise error
            if time.monotonic() > patient and not self._ray.wait([begun], timeout=0)[0]:
                warn(f"Waiting for room: a worker takes {self._share}, and no machine of the cluster has that free")
                patient = math.inf

    def _start(self, count: int) -> list[int]:
        actor = self._ray.remote(
            num_cpus=self._share.cpus,
            num_gpus=self._share.gpus,
            max_restarts=-1,
            max_task_retries=0,  # a batch that was lost is told so when it is sent again
            concurrency_groups={"control": 1},
        )(BatchWorker)
        numbers = [next(self._numbers) for _ in range(count)]
        for number in numbers:
            self._actors[number] = actor.remote(self._job)
        return numbers

    def _open(self, number: int) -> None:
        self._refs[self._actors[number].open.remote(self._earlier)] = number, _OPEN

    def _forget(self, number: int) -> None:
        self._ray.kill(self._actors.pop(number))
        self._told.pop(number, None)


@contextmanager
def _same_signals() -> Iterator[None]:
    """Keep the handlers of signals, of which Ray replaces one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _first_line(error: Exception) -> str:
    """What an error of Ray says, without its advice."""
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__).rstrip(".")
