"""Names of journals in an output folder."""

from __future__ import annotations

from restore.utils.atomic_write import TEMPORARY_PREFIX

STEM = f"{TEMPORARY_PREFIX}journal"
_WORKER = ".worker-"


def journal_name(shard: tuple[int, int] = (1, 1)) -> str:
    """The journal of a job, or of shard i of n."""
    return f"{STEM}{part_name(shard)}.jsonl"


def worker_journal_name(shard: tuple[int, int], token: str) -> str:
    """The journal of one worker of a job, or ``*`` for all of them."""
    return f"{STEM}{part_name(shard)}{_WORKER}{token}.jsonl"


def is_worker_journal(name: str) -> bool:
    """Whether a journal's name is that of one worker."""
    return _WORKER in name


def part_name(shard: tuple[int, int]) -> str:
    """What distinguishes the hidden files of a shard; empty for a whole job."""
    index, count = shard
    return "" if count == 1 else f"-{index}-of-{count}"
