"""What runs the pictures of a job: this process, or the workers of a cluster."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from restore import __version__
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.journal import Journal
from restore.jobs.outcome import Outcome, Summary
from restore.jobs.plan import Plan
from restore.jobs.request import Request, job_key_of
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_plan import StorePlan
from restore.runtime.plugin_providers import plugin_version

if TYPE_CHECKING:
    from restore.jobs.chain import Chain
    from restore.jobs.open_network import OpenedNetwork


@dataclass(frozen=True)
class JobNetwork:
    """What the journal and the summary of a job say about its network.

    Attributes:
        key: of the job, see :func:`restore.jobs.journal.job_key`.
        name: of the model, or of all models of a chain.
        digest: of their files.
        precision: that they compute in.
        device: where they run.
        text: why they run there, a sentence; empty if nothing was measured.
        entries: what runs each model, for the journal.
        warnings: sentences for the user.
        versions: of everything that the pixels depend on.
    """

    key: str
    name: str
    digest: str
    precision: str
    device: str
    text: str = ""
    entries: tuple[BackendEntry, ...] = ()
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """Runs planned pictures."""

    @property
    def network(self) -> JobNetwork:
        """What runs them."""
        ...

    @property
    def note(self) -> str:
        """What else the last lines of a job say, a sentence; empty for nothing."""
        ...

    def run(
        self,
        plan: Plan | StorePlan,
        journal: Journal | StoreJournal | None,
        on_outcome: Callable[[Outcome], None],
        summary: Summary,
        watched: bool,
    ) -> None:
        """Enhance every picture of a plan, as :func:`restore.jobs.pipeline.run_job` does.

        Args:
            plan: the pictures.
            journal: where results are noted.
            on_outcome: called in the calling thread after every picture.
            summary: updated in place, also when the job ends early.
            watched: whether the journal decides what to do about existing results, as with ``--resume``.

        Raises:
            HopelessError: every later picture would fail too.
            KeyboardInterrupt: Ctrl-C.
        """
        ...


def job_network(request: Request, opened: OpenedNetwork) -> JobNetwork:
    """What a job says about a network that was opened for it."""
    network = opened.network
    return JobNetwork(
        job_key_of(request, network),
        network.name,
        network.digest,  # now, because the file may have changed by the end
        network.precision,
        network.device,
        opened.text,
        opened.entries,
        (*network.notes, *opened.warnings),
        _versions(network),
    )


def _versions(network: Chain) -> dict[str, str]:
    import cv2
    import numpy
    import onnxruntime
    import PIL

    modules = {"numpy": numpy, "onnxruntime": onnxruntime, "opencv": cv2, "pillow": PIL}
    versions = {name: str(module.__version__) for name, module in modules.items()}
    for kind in network.plugins:
        versions[f"plug-in {kind}"] = plugin_version(kind)
    return {"restore": __version__, "python": platform.python_version(), **versions}
