"""List the licence of every installed dependency; fail on one that is unknown or that forbids some use.

    python scripts/check_licences.py [--extra NAME]...

Follows the requirements of the installed package ``restore``, with the given extras (default: all), through
importlib.metadata. Packages that are not installed are named and skipped.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import distribution

from dependencies import closure, licences, said


def main() -> int:
    """Print a line for each package; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--extra", action="append")
    extras = parser.parse_args().extra
    root = distribution("restore")
    unknown, missing = [], []
    found = closure(root, extras if extras is not None else root.metadata.get_all("Provides-Extra") or [])
    for name, package in sorted(found.items()):
        if package is None:
            missing.append(name)
            continue
        found_licences = licences(package)
        if not found_licences:
            unknown.append(name)
        print(f"{name} {package.version}: {', '.join(found_licences) or f'UNKNOWN ({said(package)[:80]!r})'}")
    if missing:
        print(f"not installed, not checked: {', '.join(missing)}", file=sys.stderr)
    if unknown:
        print(f"unknown licence: {', '.join(unknown)}", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
