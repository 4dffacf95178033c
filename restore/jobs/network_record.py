"""The pictures that are in the network now; see :mod:`restore.jobs.crash_record`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from restore.errors import ModelError
from restore.jobs.crash_record import CrashRecord
from restore.jobs.options import Frames
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.isolated_process import ApartError, ApartTimeoutError, run_apart

# A trial that lives that long did not crash as the job did: the picture is enhanced again.
_TRIAL_SECONDS = 600.0


@dataclass(frozen=True)
class Trial:
    """How to run the network of a job in another process.

    Attributes:
        model: the model's file; of a chain, the last one's.
        device: that it runs on.
        precision: that it computes in.
        threads: see :class:`restore.jobs.request.Request`, also for the other attributes.
        before: file, device and precision of each model that precedes it in a chain.
    """

    model: str
    device: str
    precision: str
    threads: int | None = None
    tile: int | None = None
    strength: float = 1.0
    pixel_limit: int = 0
    frames: Frames = "first"
    spec: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[Sequence[str]] = field(default_factory=list)


class NetworkRecord(CrashRecord):
    """The pictures that one job, or shard, has in the network now.

    Args:
        folder: the output folder.
        name: distinguishes shards.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        super().__init__(folder / f"{TEMPORARY_PREFIX}network{name}")

    def check(self, digest: str, path: Path, trial: Trial) -> None:
        """Run the network on a picture in a process of its own if an earlier job died while it was in the network.

        Raises:
            ModelError: that process died too.
        """
        if not self.suspects(digest):
            return
        try:
            run_apart("restore.jobs.network_apart", str(path), json.dumps(asdict(trial)), timeout=_TRIAL_SECONDS)
        except ApartTimeoutError:
            return
        except ApartError as error:
            self.convict(digest)
            raise ModelError(
                f"an earlier job died while {trial.model} ran on this picture, and so did a trial in a process of its "
                f"own ({error}): try a smaller --tile or another model, or update onnxruntime"
            ) from error
