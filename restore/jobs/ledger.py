"""What the processes of one job have reported: if one crashes, the next goes on with the same job.

The file has no name. It belongs to the process that watches over them, which hands it down; the journal is what lasts.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import cast

from restore.jobs.report import FileRecord
from restore.utils.json_text import parse_json

_CHUNK = 1 << 20


class Ledger:
    """The records of a job.

    Attributes:
        again: whether an earlier process of this job has crashed.
        journaled: length of the journal, in bytes, before the job began; None if it has not.
    """

    def __init__(self, descriptor: int, again: bool) -> None:
        """Read what earlier processes have written.

        Args:
            descriptor: of the open file.
            again: see above.
        """
        self.again = again
        self.journaled: int | None = None
        self._descriptor = descriptor
        self._records: dict[tuple[str, str], FileRecord] = {}
        content = b""
        while part := os.pread(descriptor, _CHUNK, len(content)):
            content += part
        self._end = content.rfind(b"\n") + 1  # the last line may have been cut off by the crash
        for line in content[: self._end].splitlines():
            with suppress(ValueError, TypeError, KeyError):
                values = parse_json(line)
                if "journaled" in values:
                    self.journaled = int(values["journaled"])
                else:
                    one = cast("FileRecord", values)
                    self._records[one["source"], one["target"]] = one

    def begin(self, journaled: int) -> None:
        """Note where the journal ends when the job begins."""
        if self.journaled is None:
            self.journaled = journaled
            self._write({"journaled": journaled})

    def add(self, one: FileRecord) -> bool:
        """Note what is reported; False if an earlier process has reported the same."""
        before = self._records.pop((one["source"], one["target"]), None)  # a watched folder may bring it again
        if before is not None and (before["status"], before["error"]) == (one["status"], one["error"]):
            return False
        self._write(one)
        return True

    def tick(self) -> None:
        """Note only that a picture is finished: the process gets on."""
        with suppress(OSError):
            self._end += os.pwrite(self._descriptor, b"\n", self._end)

    def of(self, source: Path, target: Path) -> FileRecord | None:
        """What an earlier process reported about a picture; None if it did not come to that."""
        return self._records.get((str(source), str(target)))

    def _write(self, values: object) -> None:
        line = json.dumps(values).encode() + b"\n"
        with suppress(OSError):  # a full disk: after a crash, it is reported twice
            self._end += os.pwrite(self._descriptor, line, self._end)
