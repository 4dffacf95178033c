"""What an audit found: promises that were broken, with the files that show it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# Of findings that differ by numbers alone, so many are kept; the others are only counted.
_ALIKE = 3


@dataclass(frozen=True)
class Finding:
    """A broken promise.

    Attributes:
        part: of the audit.
        what: what happened, for people.
        kept: the file or folder that shows it.
    """

    part: str
    what: str
    kept: Path


@dataclass
class Audit:
    """What is common to all parts of one run.

    Attributes:
        seed: of everything random in it.
        keep: where files of findings go; None for a new temporary folder, made with the first finding.
        findings: so far.
        counts: of each part, by kind of case and by how it ended.
    """

    seed: int
    keep: Path | None = None
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    _alike: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def count(self, part: str, case: str, ended: str) -> None:
        """Count a case of a part."""
        self.counts.setdefault(part, Counter())[case, ended] += 1

    def found(self, part: str, case: str, what: str, *evidence: Path | tuple[str, bytes]) -> None:
        """Count a finding and keep what shows it.

        Args:
            part: of the audit.
            case: kind of case.
            what: what happened.
            evidence: files and folders, which are copied, or names with contents.
        """
        self.count(part, case, "findings")
        alike = (part, case, re.sub(r"\d+|/\S+", "", what))
        self._alike[alike] += 1
        if self._alike[alike] > _ALIKE:
            return
        if self.keep is None:
            self.keep = Path(tempfile.mkdtemp(prefix="restore-torture-"))
        folder = self.keep / f"{len(self.findings) + 1:03}-{part}"
        folder.mkdir(parents=True, exist_ok=True)
        for one in evidence:
            if isinstance(one, tuple):
                (folder / one[0]).write_bytes(one[1])
            elif one.is_dir():
                shutil.copytree(one, folder / one.name, symlinks=True, dirs_exist_ok=True)
            elif one.exists():
                shutil.copy(one, folder / one.name)
        (folder / "finding.txt").write_text(f"{case}: {what}\n--seed {self.seed} --only {part}\n", "utf-8", "replace")
        self.findings.append(Finding(part, f"{case}: {what}", folder))
