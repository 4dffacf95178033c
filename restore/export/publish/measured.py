"""What a run measured of the weights that are published, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restore.errors import DataError
from restore.training.plot import read_log
from restore.training.validation_metric import ValidationMetric, find_metric


@dataclass(frozen=True)
class Measured:
    """A validation of the published weights.

    Attributes:
        metric: what was measured.
        value: of the network.
        unchanged: of the inputs, or of bicubic enlargement; None if the log does not say.
    """

    metric: ValidationMetric
    value: float
    unchanged: float | None


def measured_at(run: Path, step: int) -> Measured | None:
    """The validation of a run at a step; None if there was none, or no log.

    Raises:
        DataError: the log is damaged.
    """
    if not (run / "log.jsonl").is_file():
        return None
    log = read_log(run)
    value = dict(log.validations).get(step)
    if log.metric is None or value is None:
        return None
    try:
        return Measured(find_metric(log.metric), value, log.unchanged)
    except ValueError as error:
        raise DataError(f"{run / 'log.jsonl'}: {error}") from error
