"""What ran a model last, by the journals in an output folder."""

from __future__ import annotations

from pathlib import Path

from restore.jobs.backend_entry import BackendEntry
from restore.jobs.journal import journal_content
from restore.jobs.journal_name import STEM, is_worker_journal
from restore.utils.json_text import parse_json


def last_backend(folder: Path, model: str) -> BackendEntry | None:
    """What ran a model last, according to the journals in an output folder; None if they do not say.

    Args:
        folder: the output folder.
        model: see :class:`BackendEntry`.
    """
    return last_backends(folder).get(model)


def last_backends(folder: Path) -> dict[str, BackendEntry]:
    """What ran each model last, by its digest, according to the journals in an output folder."""
    found = {}
    # Workers' own journals say nothing about it, and go when their jobs end.
    paths = [path for path in folder.glob(f"{STEM}*.jsonl") if not is_worker_journal(path.name)]
    for path in sorted(paths, key=lambda path: path.stat().st_mtime):
        for line in journal_content(path).split(b"\n"):
            if line.startswith(b'{"backend"'):
                try:
                    entry = BackendEntry(**parse_json(line)["backend"])
                except (ValueError, TypeError):
                    continue  # cut off by a kill
                found[entry.model] = entry
    return found
