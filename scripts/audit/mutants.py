"""Damaged pictures through a job: each gives a result or a refusal, in bounded time and memory; losses are told."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .findings import Audit
from .mutations import Mutant, damaged
from .whole_files import WholeFile, whole_files
from .worker import Answer, Limits, Task, Worker

PART = "mutants"
_PIXELS = 1_000_000
_LOST = re.compile(r"(^|; )\w+ cannot hold: .*", re.DOTALL)
# How strict decoders call data that end early.
_ENDS_EARLY = re.compile(
    r"truncat|broken data stream|not enough (image )?data|unexpected end|end of file", re.IGNORECASE
)
# What no message may contain: words of Python and of libraries.
_THEIRS = re.compile(r"Traceback|<_io|0x[0-9a-f]{6}|\w+\.cpp:|cannot identify image")


def enhanced(job: tuple[str, str, str]) -> Answer:
    """Put a picture through a job with a network that repeats each pixel, and look at what comes out.

    Args:
        job: the picture, the result without suffix, and which frames: ``first`` or ``all``.

    Returns:
        ``status``, ``note`` and ``pixels``, a digest of what the network was given, in any order; ``fault`` if a
        promise is broken.
    """
    from restore.jobs.naming import Naming
    from restore.jobs.options import PictureOptions
    from restore.jobs.outcome import Outcome
    from restore.jobs.pipeline import run_job
    from restore.jobs.plan import make_plan
    from restore.jobs.settings import Settings

    source, target, frames = Path(job[0]), Path(job[1]), job[2]
    digest = hashlib.sha256()

    def stream(pictures: Iterable[Any]) -> Iterator[Any]:
        for one in pictures:
            if one.dtype not in (np.uint8, np.uint16) or one.ndim != 3 or one.shape[2] != 3 or not one.size:
                raise AssertionError(f"the network is given {one.dtype} {one.shape}")
            # Sorted: a picture that is not turned any more, since its orientation is lost, has all its pixels.
            digest.update(repr((one.size, one.dtype)).encode() + np.sort(one, axis=None).tobytes())
            yield one.repeat(2, axis=0).repeat(2, axis=1)

    options = PictureOptions(pixel_limit=_PIXELS, frames="all" if frames == "all" else "first")
    naming = Naming(all_frames=frames == "all")
    target = target.with_suffix(naming.result_suffix(source))
    told: list[Outcome] = []
    run_job(make_plan(source, target, naming, "overwrite"), stream, told.append, Settings(options, 2, overwrite=True))
    (outcome,) = told
    note = _LOST.sub("", outcome.note)
    answer = {"status": outcome.status, "note": note, "pixels": digest.hexdigest()}
    fault = _fault(outcome, source)
    target.unlink(missing_ok=True)
    return {**answer, "fault": fault} if fault else answer


def _fault(outcome: Any, source: Path) -> str:
    target: Path = outcome.item.target
    said = outcome.error + outcome.note
    if _THEIRS.search(said) or any(not sign.isprintable() for sign in said):
        return f"it says: {said!r}"
    if outcome.status != "enhanced":
        if "memory" in outcome.error:
            return f"too much memory for {_PIXELS / 1e6:g} megapixels: {outcome.error}"
        if target.exists():
            return "failed, but left a result"
        return "" if outcome.error else "failed without a message"
    width, height = _size(target)
    wanted = tuple(2 * side for side in outcome.size_in) if outcome.size_in else None
    if (width, height) != outcome.size_out or outcome.size_out != wanted:
        return f"the result has {width} x {height} pixels, the source {outcome.size_in}"
    return ""


def _size(path: Path) -> tuple[int, int]:
    """Width and height by another library, which decodes everything."""
    if path.suffix in (".tif", ".tiff"):  # Pillow knows no gray TIFF of 16 bits with alpha
        import tifffile

        with tifffile.TiffFile(path) as file:  # not its imread, which believes a description of the source's
            height, width = file.pages[0].asarray().shape[:2]  # restore writes no planes
            return width, height
    with Image.open(path) as image:
        image.load()
        return image.size


def strict_refusal(path: str) -> Answer:
    """What other decoders say where they call a file incomplete: ``says``, empty if they do not."""
    said = []
    try:
        with Image.open(path) as image:
            image.load()
    except Exception as error:
        said.append(str(error))
    if Path(path).read_bytes()[:2] in (b"II", b"MM"):
        import tifffile

        try:
            with tifffile.TiffFile(path) as file:
                file.pages[0].asarray()
        except Exception as error:
            said.append(str(error))
    return {"says": "; ".join(one for one in said if _ENDS_EARLY.search(one))}


def audit_mutants(
    audit: Audit,
    folder: Path,
    more: Callable[[], bool],
    task: Task = enhanced,
    limits: Limits | None = None,
    whole: list[WholeFile] | None = None,
) -> None:
    """Damage files as long as there is time.

    Args:
        audit: receives counts and findings.
        folder: for temporary files.
        more: whether there is time for another one.
        task: reads and writes a picture; see :func:`enhanced`.
        limits: of one picture.
        whole: the files to damage.
    """
    whole = whole_files() if whole is None else whole
    contents = [one.data for one in whole]
    with Worker(task, limits) as worker, Worker(strict_refusal) as strict:

        def put_through(data: bytes, suffix: str, frames: str) -> Answer:
            path = folder / f"picture{suffix}"
            path.write_bytes(data)
            return worker.ask((str(path), str(folder / "result"), frames))

        right: list[set[str]] = []
        for one in whole:
            right.append(set())
            for frames in ("first", "all"):
                answer = put_through(one.data, one.suffix, frames)
                if answer.get("fault") or answer.get("status") != "enhanced":
                    audit.found(PART, one.kind, f"a whole file: {answer}", (f"whole{one.suffix}", one.data))
                right[-1].add(answer.get("pixels", ""))
        number = 0
        while more():
            mutant = damaged(number, contents, audit.seed)
            one = whole[mutant.which]
            frames = "all" if number // len(whole) % 3 == 2 else "first"
            suffix = one.suffix if number % 5 else mutant.suffix
            suffix = ".png" if suffix == ".txt" else suffix
            answer = put_through(mutant.data, suffix, frames)
            fault = answer.get("fault", "")
            if not fault and _looks_whole(answer, right[mutant.which], mutant.cut):
                fault = _lost(mutant, strict, folder / f"picture{suffix}")
            if fault:
                what = f"{mutant.how}, frames {frames}: {fault}"
                audit.found(PART, one.kind, what, (f"mutant-{number}{suffix}", mutant.data))
            elif answer["status"] == "enhanced":
                audit.count(PART, one.kind, "decoded with notes" if answer["note"] else "decoded")
            else:
                audit.count(PART, one.kind, "refused")
            number += 1


def _looks_whole(answer: Answer, right: set[str], cut: bool) -> bool:
    """Whether a result has other pixels than the whole file's, and no note; of a cut file, no note on damage."""
    told = "damaged" in answer["note"] if cut else answer["note"]
    return answer["status"] == "enhanced" and not told and answer["pixels"] not in right


def _lost(mutant: Mutant, strict: Worker, path: Path) -> str:
    """What is lost for certain of a picture that looks whole; empty if that is not known."""
    if mutant.cut:
        return "its end is missing and the picture differs, but no note says so"
    if " and " in mutant.how or mutant.how in ("flipped", "header_changed"):
        return ""  # another decoder may complain of one change, and the picture differ by another
    says = strict.ask(str(path)).get("says")
    return f"no note, but another decoder says: {says}" if says else ""
