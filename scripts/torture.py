"""Try to make restore break its promises: damaged pictures, hostile models and recipes, kills, full disks.

    python scripts/torture.py
    python scripts/torture.py --minutes 30 --only mutants kills
    python scripts/torture.py --seed 1234

Each part goes on for its share of the time. ``mutants`` damages small pictures of every format and puts them through a
job: in bounded time and memory, each gives a result or a message, and no loss goes without a note. ``kills``,
``signals``, ``full-disk`` and ``vanishing`` disturb jobs that enhance a folder: what is written is complete, nothing is
claimed that is not there, and ``--resume`` does the rest. ``models`` and ``recipes`` are files that must be refused in
our words. The exit code is 1 if a promise was broken; the files that show it are kept. The same seed gives the same
damage, but not the same moments: those depend on the machine.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from audit.accidents import ONE_ROUND, audit_accidents
from audit.findings import Audit
from audit.models import audit_models
from audit.mutants import audit_mutants
from audit.recipes import audit_recipes

_Part = Callable[[Audit, Path, Callable[[], bool]], None]
PARTS: dict[str, _Part] = {
    "mutants": audit_mutants,
    **{name: functools.partial(audit_accidents, part=name) for name in ONE_ROUND},
    "models": audit_models,
    "recipes": audit_recipes,
}
# Shares of the time.
_SHARES = {"mutants": 8, "kills": 3, "signals": 3, "full-disk": 2, "vanishing": 3, "models": 3, "recipes": 2}
_EVERY = 30.0  # seconds between lines on how far a part is


def main() -> None:
    """Run the parts, print what they count, and exit with 1 if there are findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="time for all parts together (default: 10)")
    parser.add_argument("--seed", type=int, help="of a run to repeat (default: a new one, which is printed)")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="NAME", help=f"parts: {', '.join(PARTS)}")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder for files of findings (default: a new one)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    chosen = [name for name in PARTS if options.only is None or name in options.only]
    audit = Audit(seed, options.keep)
    print(f"seed {seed}", flush=True)
    ends = time.monotonic() + 60 * options.minutes
    for place, name in enumerate(chosen):
        left = max(0.0, ends - time.monotonic())
        share = left * _SHARES[name] / sum(_SHARES[later] for later in chosen[place:])
        with tempfile.TemporaryDirectory(prefix="restore-torture-") as folder:
            PARTS[name](audit, Path(folder), _Clock(audit, name, share))
        print(f"{name}: {_summary(audit, name)}", flush=True)
    print(f"\n{_table(audit)}")
    for finding in audit.findings:
        print(f"\n{finding.part}: {finding.what[:600]}\n  kept in {finding.kept}")
    total = sum(count for counts in audit.counts.values() for (_, how), count in counts.items() if how == "findings")
    print(f"\nseed {seed}: {total} findings")
    sys.exit(1 if audit.findings else 0)


class _Clock:
    """Says whether a part has time left, and from time to time prints how far it is."""

    def __init__(self, audit: Audit, part: str, seconds: float) -> None:
        self._audit, self._part = audit, part
        self._ends, self._next = time.monotonic() + seconds, time.monotonic() + _EVERY

    def __call__(self) -> bool:
        now = time.monotonic()
        if now > self._next:
            self._next = now + _EVERY
            print(f"  {self._part} so far: {_summary(self._audit, self._part)}", flush=True)
        return now < self._ends


def _summary(audit: Audit, part: str) -> str:
    ended: Counter[str] = Counter()
    for (_, how), count in audit.counts.get(part, {}).items():
        ended[how] += count
    return f"{sum(ended.values())} cases: " + ", ".join(f"{count} {how}" for how, count in ended.most_common())


def _table(audit: Audit) -> str:
    """Cases of each part and kind, and how they ended."""
    lines = []
    for part, counts in audit.counts.items():
        ends = sorted({how for _, how in counts} | {"findings"})
        cases = sorted({case for case, _ in counts})
        width = max(map(len, [part, *cases]))
        lines += ["  ".join([part.ljust(width), "cases".rjust(8), *(how.rjust(max(8, len(how))) for how in ends)])]
        for case in cases:
            numbers = [counts[case, how] for how in ends]
            cells = [str(n).rjust(max(8, len(how))) for n, how in zip(numbers, ends, strict=True)]
            lines.append("  ".join([case.ljust(width), str(sum(numbers)).rjust(8), *cells]))
        lines.append("")
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    main()
