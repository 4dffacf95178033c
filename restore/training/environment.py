"""Record of how a run was made: versions, hardware, command line, and the state of the code."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import restore
from restore.training.distributed import Team
from restore.utils.json_types import JsonObject

_PACKAGES = ("torch", "numpy", "opencv-python-headless", "kornia", "basicsr", "lpips")


def log_environment(folder: Path, device: torch.device, team: Team, step: int, precision: str) -> None:
    """Append the environment to ``environment.jsonl`` in the run's folder, one line each time it starts or resumes."""
    with (folder / "environment.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(environment(device, team, step, precision)) + "\n")


def environment(device: torch.device, team: Team, step: int, precision: str) -> JsonObject:
    """Everything that may make two runs of the same recipe differ."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "step": step,
        "command": sys.argv,
        "restore": restore.__version__,
        "git": git_state(Path(restore.__file__).parent),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": team.size,
        "precision": precision,
    }


def git_state(folder: Path) -> JsonObject | None:
    """The commit of the checkout that contains a folder, and whether files were changed; None outside a checkout."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None  # no git, or a package installed inside another repository
    return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
