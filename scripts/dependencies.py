"""What the installed package requires, directly or not, and under which licenses, through importlib.metadata."""

from __future__ import annotations

import re
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


def closure(root: Distribution, extras: list[str]) -> dict[str, Distribution | None]:
    """Everything that a package requires, directly or not, by name; None where it is not installed."""
    return {name: _installed(name) for needed in requirements(root, extras).values() for name in needed}


def requirements(root: Distribution, extras: list[str]) -> dict[str, set[str]]:
    """The names that each package requires here, by its name: the root, and all that it requires, directly or not."""
    found: dict[str, set[str]] = {}
    waiting = [(root, canonicalize_name(root.metadata["Name"]), tuple(extras))]
    done: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        package, name, chosen = waiting.pop()
        if (name, chosen) in done:
            continue
        done.add((name, chosen))
        for requirement in required(package, list(chosen)):
            other = canonicalize_name(requirement.name)
            found.setdefault(name, set()).add(other)
            if (installed := _installed(other)) is not None:
                waiting.append((installed, other, tuple(sorted(requirement.extras))))
    return found


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def required(package: Distribution, extras: list[str]) -> Iterator[Requirement]:
    """What a package requires here, with these extras."""
    for text in package.requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ["", *extras]):
            yield requirement


def said(package: Distribution) -> str:
    """What a package says of its licence: an SPDX expression, else classifiers, else free text."""
    facts = package.metadata
    if expression := facts.get("License-Expression"):
        return expression
    classifiers = [one for one in facts.get_all("Classifier") or [] if one.startswith("License ::")]
    named = " / ".join(
        one.rpartition(" :: ")[2] for one in classifiers if "OSI Approved" not in one.rpartition(" :: ")[2]
    )
    text = named or (facts.get("License") or "").strip()
    return text if text not in ("", "UNKNOWN") else _license_file(package)


def _license_file(package: Distribution) -> str:
    """The beginning of the file LICENSE that came with the package."""
    files = (file for file in package.files or [] if re.match(r"licen[cs]e|copying", file.name, re.IGNORECASE))
    return next((file.read_text()[:400] for file in files), "")


def licences(package: Distribution) -> list[str]:
    """The licenses of a package, by our names; empty if one of them is unknown or forbids some use."""
    if canonicalize_name(package.metadata["Name"]).startswith(_OF_NVIDIA):
        return ["NVIDIA"]
    text = said(package)[:400].lower()
    if re.search(_UNFIT, text):
        return []
    return [licence for pattern, licence in _KNOWN.items() if re.search(pattern, text)]
