"""Keep a teacher's results on disk, so that each sample is computed once, however often a run or its rivals see it."""

from __future__ import annotations

import io
import json
import os
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from restore.errors import RecipeError
from restore.utils.atomic_write import write_bytes
from restore.utils.json_text import parse_json
from restore.utils.json_types import JsonObject

FACTS, RESULTS, SUMS = "teacher.json", "results.bin", "sums.bin"
_SUM_BYTES = 4  # of the input; as many again of the result


class TeacherCache:
    """Results by the number of the sample, each with check sums: a result that was cut off, or belongs to another input
    because another version of restore makes other samples, counts as missing.

    Several runs can share a folder, also at the same time. Use it in a ``with`` statement, or call :meth:`close`.

    Args:
        folder: made if it does not exist.
        facts: what the results depend on; a folder that was filled for other facts is refused.
        samples: number of samples.
        side: of a result, pixels.

    Raises:
        RecipeError: the folder holds results for other facts, or too little space is left for all samples.
    """

    def __init__(self, folder: Path, facts: JsonObject, samples: int, side: int) -> None:
        self.folder, self.samples, self.shape = folder, samples, (3, side, side)
        self._size = 3 * side * side
        facts = {**facts, "samples": samples, "side": side}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._check(facts)
            self._results, self._sums = (_opened(folder / name) for name in (RESULTS, SUMS))
        except OSError as error:
            raise RecipeError(f"teacher.cache: {folder}: {error.strerror or error}") from error
        missing = self.bytes - os.fstat(self._results.fileno()).st_size
        if missing > (free := shutil.disk_usage(folder).free):
            self.close()
            raise RecipeError(
                f"teacher.cache: {folder} needs another {_megabytes(missing)} for {samples:,} samples, and "
                f"{_megabytes(free)} are free; free some, lower teacher.samples, or remove teacher.cache"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def bytes(self) -> int:
        """Size of the results of all samples."""
        return self.samples * self._size

    def read(self, numbers: Sequence[int], inputs: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """Results uint8 (N, 3, H, W) of samples, or None if one is missing.

        Args:
            numbers: of the samples.
            inputs: uint8, the inputs of these samples along the first axis.
        """
        found = [self._read(number, one) for number, one in zip(numbers, inputs, strict=True)]
        complete = [one for one in found if one is not None]
        return np.stack(complete) if len(complete) == len(found) else None

    def holds(self, number: int) -> bool:
        """Whether a result of a sample is there, whatever its input was."""
        return self._read(number) is not None

    def write(self, numbers: Sequence[int], inputs: NDArray[np.uint8], results: NDArray[np.uint8]) -> None:
        """Keep results (N, 3, H, W) of samples with these inputs; see :meth:`read`.

        Raises:
            RecipeError: they have another size, or cannot be written.
        """
        if results.shape[1:] != self.shape:
            raise RecipeError(f"the teacher's results are {results.shape[1:]}, and its cache is for {self.shape}")
        for number, given, result in zip(numbers, inputs, results, strict=True):
            data = result.tobytes()
            try:
                _write_at(self._results, number * self._size, data)
                _write_at(self._sums, 2 * number * _SUM_BYTES, _sum(given.tobytes()) + _sum(data))
            except OSError as error:
                raise RecipeError(
                    f"teacher.cache: {self.folder / RESULTS}: {error.strerror or error}; free some space and resume, "
                    "or remove teacher.cache"
                ) from error

    def close(self) -> None:
        """Close the files; the cache is of no use after that."""
        self._results.close()
        self._sums.close()

    def _read(self, number: int, given: NDArray[np.uint8] | None = None) -> NDArray[np.uint8] | None:
        sums = _read_at(self._sums, 2 * number * _SUM_BYTES, 2 * _SUM_BYTES)
        if given is not None and sums[:_SUM_BYTES] != _sum(given.tobytes()):
            return None
        data = _read_at(self._results, number * self._size, self._size)
        if len(data) < self._size or sums[_SUM_BYTES:] != _sum(data):
            return None
        return np.frombuffer(data, np.uint8).reshape(self.shape)

    def _check(self, facts: JsonObject) -> None:
        file = self.folder / FACTS
        if not file.exists():
            write_bytes(file, (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode())
            return
        try:
            before = parse_json(file.read_text("utf-8"))
        except ValueError as error:
            raise RecipeError(f"teacher.cache: {file} is damaged; delete {self.folder}, or name another") from error
        # Through JSON and back, as what was read has been.
        now = json.loads(json.dumps(facts))
        if before != now:
            what = ", ".join(key for key in now if not isinstance(before, dict) or before.get(key) != now[key])
            raise RecipeError(
                f"teacher.cache: {self.folder} holds results for other samples (other: {what or 'facts'}); "
                "name another folder, or delete this one"
            )


def _sum(data: bytes) -> bytes:
    """CRC-32, never 0, which means that nothing was written."""
    return (zlib.crc32(data) or 1).to_bytes(_SUM_BYTES, "little")


def _opened(path: Path) -> io.FileIO:
    """A file to read and write, made if it does not exist, without a buffer: other runs see what is written."""
    return io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+")


def _read_at(file: io.FileIO, position: int, size: int) -> bytes:
    file.seek(position)
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _write_at(file: io.FileIO, position: int, data: bytes) -> None:
    file.seek(position)
    while data:
        data = data[file.write(data) :]


def _megabytes(count: int) -> str:
    return f"{max(0, count) / 1e6:,.0f} MB"
