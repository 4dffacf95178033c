"""What ran the model of a job, as journals note it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BackendEntry:
    """A line about what ran the model.

    Attributes:
        model: :func:`restore.jobs.journal.model_digest` of its float32 file, whichever file was run.
        device: ``cpu``, ``openvino``, ``cuda:0``, ...
        precision: that it computed in.
    """

    model: str
    device: str
    precision: str
