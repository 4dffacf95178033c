"""Write the lock files of the container images: every package, direct or not, with its version and SHA-256.

    python scripts/lock_images.py

pip resolves pyproject.toml for the Python of the images; nothing is installed. Run it before a release and after a
change of dependencies. The CPU image has onnxruntime in place of onnxruntime-gpu, which runs on a CPU too and is ten
times as large.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Image: the extras that it installs, and its machines.
IMAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cpu": (("cloud",), ("x86_64", "aarch64")),
    "cuda": (("cuda", "cloud"), ("x86_64",)),
}
# The newest glibc of wheels that are considered: that of Debian 13, on which the images are based.
_GLIBC = 41


def main() -> int:
    """Write the files; returns the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for image, (extras, machines) in IMAGES.items():
        python = _python(image)
        wanted = requirements(project, image, extras)
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for machine in machines:
            for name, version, digest in _resolved(wanted, python, machine):
                found[name][version].add(digest)
        if several := [name for name, versions in found.items() if len(versions) > 1]:
            print(f"{image}: versions differ between {' and '.join(machines)}: {', '.join(several)}", file=sys.stderr)
            return 1
        pinned = [(name, *versions.popitem()) for name, versions in sorted(found.items())]
        path = lock_file(image)
        path.write_text(_text(pinned, python, machines), "utf-8")
        print(f"{path.relative_to(ROOT)}: {len(pinned)} packages")
    return 0


def lock_file(image: str) -> Path:
    """The lock file of an image."""
    return ROOT / f"docker/{image}.lock.txt"


def requirements(project: Mapping[str, Any], image: str, extras: Iterable[str]) -> list[str]:
    """What an image installs, without markers: they are those of Linux on x86_64, where every image has to work."""
    optional = project["optional-dependencies"]
    texts = [*project["dependencies"], *(text for extra in extras for text in optional[extra])]
    linux = {"sys_platform": "linux", "platform_machine": "x86_64"}
    needed = [one for one in map(Requirement, texts) if one.marker is None or one.marker.evaluate(linux)]
    for one in needed:
        one.marker = None
        if image == "cpu" and one.name == "onnxruntime-gpu":
            one.name = "onnxruntime"
    return list(map(str, needed))


def _python(image: str) -> str:
    text = (ROOT / f"docker/{image}.Dockerfile").read_text("utf-8")
    found = re.search(r"^FROM python:([0-9.]+)-slim", text, re.MULTILINE)
    assert found is not None
    return found[1]


def _resolved(wanted: list[str], python: str, machine: str) -> list[tuple[str, str, str]]:
    """Name, version and SHA-256 of each package."""
    platforms = [f"manylinux2014_{machine}", *(f"manylinux_2_{minor}_{machine}" for minor in range(17, _GLIBC + 1))]
    options = ["--dry-run", "--ignore-installed", "--quiet", "--only-binary=:all:", "--python-version", python]
    for platform in platforms:
        options += ["--platform", platform]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", *options, "--target", folder, "--report", str(report)]
        subprocess.run([*command, *wanted], check=True)
        installs = json.loads(report.read_text("utf-8"))["install"]
    return [
        (
            canonicalize_name(one["metadata"]["name"]),
            one["metadata"]["version"],
            one["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for one in installs
    ]


def _text(pinned: list[tuple[str, str, set[str]]], python: str, machines: tuple[str, ...]) -> str:
    lines = [f"# By scripts/lock_images.py, for Python {python} on Linux ({', '.join(machines)}). Do not edit."]
    for name, version, digests in pinned:
        lines.append(" \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{one}" for one in sorted(digests))]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
