"""A picture from standard input, a result on standard output; both are written ``-``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from restore.imaging.formats import ANIMATED, FORMATS
from restore.jobs.naming import Naming, PlanError
from restore.jobs.request import Request
from restore.stores.address import Address

STREAM = Path("-")
# Suffixes by Pillow's name of the format; any other picture is named PNG.
_SUFFIXES = {name: suffix for suffix, name in reversed((FORMATS | ANIMATED).items())}


def uses_streams(request: Request) -> bool:
    """Whether a job reads standard input or writes standard output."""
    return STREAM in (*request.sources, request.target)


def run_streams(request: Request, run: Callable[[Request], int]) -> int:
    """Run a job on files of a temporary folder in place of the standard streams.

    Args:
        request: one source; it, the target or both are ``-``.
        run: runs a job and returns its exit code; prints nothing on standard output if the target is ``-``.

    Raises:
        PlanError: the job is not of one picture, or standard input is a terminal.
        OSError: standard output cannot be written.
    """
    source = request.sources[0]
    if len(request.sources) != 1 or (isinstance(source, Path) and source.is_dir()):
        raise PlanError("- stands for one picture, on standard input or output: give a folder for several")
    if request.resume or request.watch or request.dry_run:
        raise PlanError("--resume, --watch and --dry-run work with files, not with standard input or output")
    with TemporaryDirectory(prefix="restore-") as temporary:
        folder = Path(temporary)
        if source == STREAM:
            source = folder / f"standard-input{_received(folder / 'received')}"
            (folder / "received").rename(source)
        if request.target != STREAM:
            return run(replace(request, sources=(source,)))
        naming = Naming(suffix=f".{request.format_}" if request.format_ else None, all_frames=request.frames == "all")
        named = Path(source.name) if isinstance(source, Address) else source
        target = folder / "result" / f"result{naming.result_suffix(named)}"
        target.parent.mkdir()
        code = run(replace(request, sources=(source,), target=target))
        if target.exists():
            sys.stdout.buffer.write(target.read_bytes())
            sys.stdout.buffer.flush()
        return code


def _received(path: Path) -> str:
    """Copy standard input to a file; return the suffix of its format, or none if it is unknown."""
    from restore.errors import ImageError
    from restore.imaging.header import format_of

    if sys.stdin.isatty():
        raise PlanError("standard input is a terminal: pipe a picture into it, or give a file")
    with path.open("xb") as file:
        while block := sys.stdin.buffer.read(1 << 20):
            file.write(block)
    try:
        return _SUFFIXES.get(format_of(path), ".png")
    except ImageError:
        return ".png"  # decoding reports what is wrong
