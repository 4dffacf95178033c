"""What an earlier run settles about a picture."""

from __future__ import annotations

import os

from restore.jobs.journal import Promises
from restore.jobs.outcome import Outcome
from restore.jobs.plan import Item


def earlier(item: Item, digest: str, key: str, promises: Promises, overwrite: bool) -> Outcome | None:
    """That a picture is done, or that its output's place is taken; None when it is to be enhanced.

    Args:
        item: the picture.
        digest: SHA-256 of the source's bytes.
        key: of the job that is run now.
        promises: of the output folder.
        overwrite: whether somebody else's file may be replaced.
    """
    if promises.is_done(item.source_name, digest, key, item.target_name):
        return Outcome(item, "done")
    if os.path.lexists(item.target) and not overwrite and not promises.is_ours(item.target_name):
        return foreign(item)
    return None


def foreign(item: Item) -> Outcome:
    """The failure of a picture whose output's place is taken."""
    return Outcome(
        item,
        "failed",
        f"{item.target} is there, and is not what restore wrote (made or changed by somebody else): "
        "move it away, or add --overwrite",
    )
