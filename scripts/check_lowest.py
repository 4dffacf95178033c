"""Check with pip's resolver that the lower bounds in pyproject.toml can be met together. Installs nothing.

    python scripts/check_lowest.py [--extra NAME]... [--python 3.11]...
    python scripts/check_lowest.py --pins lowest.txt --extra train --extra dev

For the oldest Python, every dependency is pinned to its lower bound, for the package alone and with each extra. For
every later Python in the classifiers, some versions must fit. Only wheels count, as on the machine of somebody without
a compiler. Takes minutes: pip reads the metadata of each candidate. ``--pins`` writes constraints for pip instead, with
which it installs the lowest versions of the package and these extras; CI runs the tests on them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
# Published without wheels.
_SOURCES_ONLY = {"basicsr"}
_LOWER = (">=", "==", "~=")


def main() -> int:
    """Print a line for each Python and extra; returns the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text) for text in project["classifiers"])
    pythons = sorted((match[1] for match in found if match), key=lambda text: int(text.partition(".")[2]))
    extras = project["optional-dependencies"]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--extra", action="append", choices=["", *extras], help="of the package; '' is none")
    parser.add_argument("--python", action="append", choices=pythons)
    parser.add_argument("--pins", type=Path, metavar="FILE", help="write the lower bounds, and check nothing")
    given = parser.parse_args()
    if given.pins:
        given.pins.write_text("".join(f"{line}\n" for line in pins(project, given.extra or [""])), "utf-8")
        return 0
    failed = 0
    for python in given.python or pythons:
        for extra in given.extra or ["", *extras]:
            wanted = [Requirement(text) for text in (*project["dependencies"], *extras.get(extra, ()))]
            needed = [one for one in wanted if _applies(one, python) and one.name not in _SOURCES_ONLY]
            if python == pythons[0]:
                failed += not _resolves(python, extra, "at their lower bounds", list(map(_lowest, needed)))
            else:
                failed += not _resolves(python, extra, "at any version", [_plain(one) for one in needed])
    return 1 if failed else 0


def pins(project: dict[str, Any], extras: list[str]) -> list[str]:
    """Constraints for pip on this Python: the lower bound of each direct dependency; of several, the highest."""
    texts = [
        *project["dependencies"],
        *(text for extra in extras for text in project["optional-dependencies"].get(extra, ())),
    ]
    found: dict[str, Version] = {}
    for one in map(Requirement, texts):
        bounds = [Version(bound.version) for bound in one.specifier if bound.operator in _LOWER]
        if bounds and (one.marker is None or one.marker.evaluate()):
            name = canonicalize_name(one.name)
            found[name] = max(found.get(name, bounds[0]), *bounds)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _applies(requirement: Requirement, python: str) -> bool:
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def _lowest(requirement: Requirement) -> str:
    """The requirement, pinned to its lower bound."""
    bounds = [one.version for one in requirement.specifier if one.operator in _LOWER]
    return f"{_named(requirement)}=={bounds[0]}" if bounds else _plain(requirement)


def _plain(requirement: Requirement) -> str:
    return f"{_named(requirement)}{requirement.specifier}"


def _named(requirement: Requirement) -> str:
    return requirement.name + (f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else "")


def _resolves(python: str, extra: str, how: str, pins: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as nowhere:
        options = ["--dry-run", "--ignore-installed", "--only-binary=:all:", "--target", nowhere]
        command = [sys.executable, "-m", "pip", "install", *options, "--python-version", python, *pins]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    fits = done.returncode == 0
    print(f"{'ok  ' if fits else 'FAIL'} Python {python}, {f'[{extra}]' if extra else 'no extra'}: {how}", flush=True)
    if not fits:
        print("\n".join(f"     {line}" for line in _reason(done.stderr)))
    return fits


def _reason(text: str) -> Iterator[str]:
    """The lines in which pip explains what does not fit."""
    for line in text.splitlines():
        if line.startswith(("ERROR", "The conflict", "    ")) and "ResolutionImpossible" not in line:
            yield line.strip()


if __name__ == "__main__":
    sys.exit(main())
