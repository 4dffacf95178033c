"""Trackers: where a run's numbers and pictures are recorded besides its own ``log.jsonl`` and ``validation.jpg``."""
