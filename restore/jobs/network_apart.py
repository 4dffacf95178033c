"""Run a network on a picture in a process of its own: ``python -m restore.jobs.network_apart FILE TRIAL``.

See :mod:`restore.jobs.network_record`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from restore.errors import RestoreError
from restore.imaging.picture import Picture, Samples
from restore.jobs import codec
from restore.jobs.chain import Chain, Streams
from restore.jobs.network_record import Trial
from restore.jobs.options import PictureOptions
from restore.runtime.devices import TilePlan
from restore.runtime.stream import StreamOptions
from restore.utils.isolated_process import end_with
from restore.zoo.open import open_named
from restore.zoo.precision import Precision


def main(path: str, text: str) -> None:
    """Print a JSON object if the process survives; that a picture or network fails is for the job to report."""
    trial = Trial(**json.loads(text))
    with suppress(RestoreError, MemoryError):
        plan = TilePlan(tile=trial.tile) if trial.tile else None
        network = Chain(
            tuple(
                open_named(file, device, cast("Precision", precision), trial.threads, trial.spec, plan)
                for file, device, precision in (*trial.before, (trial.model, trial.device, trial.precision))
            )
        )
        picture = codec.decode(Path(path), PictureOptions(pixel_limit=trial.pixel_limit, frames=trial.frames))
        network.tell(codec.to_arrays(picture, 1)[0], trial.strength)
        streams = network.streams(StreamOptions(trial.tile, strength=trial.strength), lambda _: None)
        for _ in streams.last(_arrays(picture, network, streams)):
            pass
    sys.stdout.write("{}\n")


def _arrays(picture: Picture, network: Chain, streams: Streams) -> Iterator[Samples]:
    if picture.animation is None:
        yield from _taken(picture, network, streams)
        return
    for frame in picture.animation.frames():
        if not frame.repeats:
            one = replace(picture, pixels=frame.pixels, alpha=frame.alpha, animation=None)
            yield from _taken(codec.filled(one), network, streams)


def _taken(picture: Picture, network: Chain, streams: Streams) -> list[Samples]:
    """What the last model takes."""
    return codec.to_arrays(streams.before.run(picture) if streams.before else picture, network.last_scale)


if __name__ == "__main__":
    end_with(os.getppid())
    main(*sys.argv[1:])
