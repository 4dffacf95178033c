"""Open the trackers that the user asked for, and find the records of a run that is resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from restore.errors import MissingExtraError, RestoreError, TrackerError
from restore.runtime.session import first_line
from restore.training.trackers.base import TrackedRun, Tracker
from restore.training.trackers.in_background import InBackground
from restore.training.trackers.mlflow_tracker import MlflowTracker
from restore.training.trackers.tensorboard_tracker import TensorboardTracker
from restore.training.trackers.wandb_tracker import WandbTracker
from restore.utils.atomic_write import write_bytes
from restore.utils.json_text import parse_json

TRACKERS: dict[str, Callable[[TrackedRun, str], Tracker]] = {
    "tensorboard": TensorboardTracker,
    "wandb": WandbTracker,
    "mlflow": MlflowTracker,
}
# Written to without being asked for: it is a folder of the run.
ALWAYS = "tensorboard"
# In the run's folder: ids of its records, by tracker.
IDS = "trackers.json"
# What to try if one does not open.
_CURES = {
    "wandb": "log in with 'wandb login', or record offline with the environment variable WANDB_MODE=offline",
    "mlflow": "set the environment variable MLFLOW_TRACKING_URI to where the run is recorded",
}


def check_installed(names: Iterable[str]) -> None:
    """Check that the packages of trackers are installed, without importing them.

    Raises:
        MissingExtraError: one is not.
    """
    for name in names:
        found = find_spec(name)
        if found is None or found.origin is None:  # a mere folder of that name, as W&B makes one
            raise MissingExtraError(f"--tracker {name}", name, name)


def open_trackers(
    names: Sequence[str], run: TrackedRun, resume: bool, say: Callable[[str], None]
) -> list[InBackground]:
    """Open trackers.

    Args:
        names: of trackers, besides TensorBoard.
        run: what they record.
        resume: go on with the records that the run has.
        say: prints a line for the user.

    Raises:
        TrackerError: one cannot be opened.
    """
    known = _read_ids(run.folder / IDS) if resume else {}
    for name in known.keys() - {*names}:
        say(f"{name} recorded this run until now; add --tracker {name} to go on with it")
    opened: dict[str, Tracker] = {}
    try:
        for name in dict.fromkeys((*names, ALWAYS)):
            opened[name] = _open(name, run, known.get(name, ""))
    except RestoreError:
        for tracker in opened.values():
            with suppress(Exception):
                tracker.close("failed")
        raise
    ids = {**known, **{name: tracker.id for name, tracker in opened.items() if tracker.id}}
    if ids or (run.folder / IDS).exists():
        write_bytes(run.folder / IDS, (json.dumps(ids, indent=1) + "\n").encode(), overwrite=True)
    return [InBackground(name, tracker, say) for name, tracker in opened.items()]


def _open(name: str, run: TrackedRun, before: str) -> Tracker:
    try:
        return TRACKERS[name](run, before)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"--tracker {name}", "train" if name == ALWAYS else name, error.name) from error
    except Exception as error:  # each package has errors of its own
        again = f" (to go on with its record {before})" if before else ""
        cure = f": {_CURES[name]}, or leave out --tracker {name}" if name in _CURES else ""
        raise TrackerError(f"{name} cannot be opened{again}: {first_line(error)}{cure}") from error


def _read_ids(path: Path) -> Mapping[str, str]:
    """The ids of a run's records; empty if the file is missing.

    Raises:
        TrackerError: the file is damaged.
    """
    try:
        ids = parse_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TrackerError(f"{path}: cannot be read ({error}): delete it to begin new records") from error
    if not isinstance(ids, dict) or not all(isinstance(one, str) for one in ids.values()) or ids.keys() - TRACKERS:
        raise TrackerError(f"{path}: does not hold the ids of a run's records: delete it to begin new ones")
    return ids
