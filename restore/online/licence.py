"""Which licenses of weights need the user's consent."""

from __future__ import annotations

import re

# Licenses that permit commercial use, by their SPDX ids in lower case.
_FREE = {
    "0bsd",
    "agpl-3.0",
    "apache-2.0",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "gpl-2.0",
    "gpl-3.0",
    "isc",
    "lgpl-2.1",
    "lgpl-3.0",
    "mit",
    "mpl-2.0",
    "unlicense",
    "wtfpl",
    "zlib",
}


def concern(license: str) -> str:
    """Why a license needs the user's consent, a clause; empty if it is known to permit commercial use.

    Args:
        license: an SPDX expression, such as ``MIT`` or ``MIT OR CC-BY-NC-4.0``.
    """
    if not license.strip():
        return "no license is named, so nobody but the author may be permitted to use it: ask the author"
    kinds = [_kind(one) for one in re.split(r"\s+OR\s+", license.strip(), flags=re.IGNORECASE)]
    if "free" in kinds:
        return ""
    if "non-commercial" in kinds:
        return f"{license} does not permit commercial use"
    return f"restore does not know the license {license}: read it"


def _kind(license: str) -> str:
    plain = license.strip().strip("()").lower()
    if re.search(r"\bnc\b|non-?commercial", plain):
        return "non-commercial"
    return "free" if re.sub(r"-(only|or-later)$|\+$", "", plain) in _FREE else "unknown"
