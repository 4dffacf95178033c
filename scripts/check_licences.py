"""List the licence of every installed dependency; fail on one that is unknown or that forbids some use.

    python scripts/check_licences.py [--extra NAME]...

Follows the requirements of the installed package ``restore``, with the given extras (default: all), through
importlib.metadata. Packages that are not installed are named and skipped.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# What a licence is called by its classifier, its SPDX expression or its own words, and what we call it. All of them
# permit any use of this program; those below "weak copyleft" ask for changes to the package itself to be shared.
_KNOWN = {
    r"\bapache\b": "Apache-2.0",
    r"\bmit\b|expat": "MIT",
    r"\b0?bsd\b|bsd-[0-9]": "BSD",
    r"\bisc\b|iscl": "ISC",
    r"python software foundation|\bpsf|cnri": "PSF-2.0",
    r"hpnd|historical permission": "HPND",
    r"\bzlib\b": "Zlib",
    r"unlicense|public domain|cc0": "public domain",
    r"boost|bsl-1\.0": "BSL-1.0",
    # weak copyleft
    r"mozilla|\bmpl\b": "MPL-2.0",
    r"lgpl|lesser general": "LGPL",
    r"eclipse|\bepl\b": "EPL",
    # proprietary, free to use and to redistribute with an application
    r"nvidia": "NVIDIA",
    r"oldap": "OLDAP",
}
# Licences that would bind this program, or forbid some use of it.
_UNFIT = r"(?<!l)gpl|affero|(?<!lesser )general public|non-?commercial|-nc-|\bsspl|busl"
# The metadata of NVIDIA's packages say "proprietary" or nothing; all are under its license for the CUDA Toolkit.
_OF_NVIDIA = ("nvidia-", "cuda-")


def main() -> int:
    """Print a line for each package; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--extra", action="append")
    extras = parser.parse_args().extra
    root = distribution("restore")
    unknown, missing = [], []
    found = _closure(root, extras if extras is not None else root.metadata.get_all("Provides-Extra") or [])
    for name, package in sorted(found.items()):
        if package is None:
            missing.append(name)
            continue
        licences, said = _licences(package), _said(package)
        if not licences:
            unknown.append(name)
        print(f"{name} {package.version}: {', '.join(licences) or f'UNKNOWN ({said[:80]!r})'}")
    if missing:
        print(f"not installed, not checked: {', '.join(missing)}", file=sys.stderr)
    if unknown:
        print(f"unknown licence: {', '.join(unknown)}", file=sys.stderr)
    return 1 if unknown else 0


def _closure(root: Distribution, extras: list[str]) -> dict[str, Distribution | None]:
    """Everything that a package requires, directly or not, by name; None where it is not installed."""
    found: dict[str, Distribution | None] = {}
    waiting = list(_required(root, extras))
    done: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = name, tuple(sorted(requirement.extras))
        if key in done:
            continue
        done.add(key)
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            found.setdefault(name, None)
            continue
        waiting += _required(distribution(name), list(requirement.extras))
    return found


def _required(package: Distribution, extras: list[str]) -> Iterator[Requirement]:
    for text in package.requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ["", *extras]):
            yield requirement


def _said(package: Distribution) -> str:
    """What a package says of its licence: an SPDX expression, else classifiers, else free text."""
    facts = package.metadata
    if expression := facts.get("License-Expression"):
        return expression
    classifiers = [one for one in facts.get_all("Classifier") or [] if one.startswith("License ::")]
    named = " / ".join(
        one.rpartition(" :: ")[2] for one in classifiers if "OSI Approved" not in one.rpartition(" :: ")[2]
    )
    said = named or (facts.get("License") or "").strip()
    return said if said not in ("", "UNKNOWN") else _license_file(package)


def _license_file(package: Distribution) -> str:
    """The beginning of the file LICENSE that came with the package."""
    files = (file for file in package.files or [] if re.match(r"licen[cs]e|copying", file.name, re.IGNORECASE))
    return next((file.read_text()[:400] for file in files), "")


def _licences(package: Distribution) -> list[str]:
    if canonicalize_name(package.metadata["Name"]).startswith(_OF_NVIDIA):
        return ["NVIDIA"]
    said = _said(package)[:400].lower()
    if re.search(_UNFIT, said):
        return []
    return [licence for pattern, licence in _KNOWN.items() if re.search(pattern, said)]


if __name__ == "__main__":
    sys.exit(main())
