"""What to do about a result that is already there."""

from __future__ import annotations

import os

from restore.jobs.journal import JournalIndex, file_digest
from restore.jobs.outcome import Outcome
from restore.jobs.plan import Item

CURE = "move it away, or add --overwrite"


def earlier(item: Item, digest: str, key: str, index: JournalIndex, overwrite: bool) -> Outcome | None:
    """The outcome of a picture that is already done or whose target is taken; None if it must be enhanced.

    Args:
        item: the picture.
        digest: SHA-256 of the source's bytes.
        key: of the current job.
        index: journal entries of the output folder.
        overwrite: whether files that restore did not write may be replaced.
    """
    if index.is_done(item.source_name, digest, key, item.target_name):
        return Outcome(item, "done")
    if os.path.lexists(item.target) and not overwrite and not index.is_ours(item.target_name):
        return taken(item, index)
    return None


def taken(item: Item, index: JournalIndex | None) -> Outcome:
    """The failure of a picture whose target exists and may not be replaced: says why it may not.

    Args:
        item: the picture.
        index: journal entries of the output folder; None if it has no journal.
    """
    return Outcome(item, "failed", f"{item.target} {_why(item, index)}")


def _why(item: Item, index: JournalIndex | None) -> str:
    if item.target.is_dir():
        return "is a folder: move it away"
    try:
        file_digest(item.target)
    except OSError as error:
        return f"exists, and cannot be read to find out what it is ({error.strerror or error}): {CURE}"
    if index is None:
        return f"has appeared since the job began: {CURE}"
    if index.read_again().is_ours(item.target_name):
        return "has just been written by another job of restore, whose result is kept: continue with --resume"
    if index.knows(item.target_name):
        return f"was changed since restore wrote it: {CURE}"
    return f"is not a result of restore, as far as the journal in the output folder knows: {CURE}"
