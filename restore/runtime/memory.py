"""How much memory there is, how large a tile fits, and what running out of it looks like."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from restore.spec import ModelSpec

# The kept side of a tile where memory allows: on a CPU larger ones are no faster, on a GPU hardly.
DEFAULT_TILE = 512
# Below this a tile is nearly all halo; a device that cannot hold it cannot do the work.
SMALLEST_TILE = 64
_LARGEST_TILE = 2048

# A guess on the large side, in float32 values for each input pixel: three layers of 64 channels are alive at once;
# the result, its copy as pixels and the device's own working space are counted three times.
_LAYERS, _RESULTS = 3 * 64, 3 * 3

# How onnxruntime, torch, CUDA, cuBLAS, cuDNN, OpenCV and C++ say it. onnxruntime has no exception of its own for this.
_SIGNS = (
    "failed to allocate memory",
    "available memory of",
    "bfcarena",
    "bfc_arena",
    "bad allocation",
    "bad_alloc",
    "cuda_error_out_of_memory",
    "cuda failure 2:",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "out of memory",
    "can't allocate memory",
    "outofmemory",
    "insufficient memory",
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, means that a device or the machine had no memory left."""
    while error is not None:
        if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _SIGNS):
            return True
        error = error.__cause__
    return False


def auto_tile(spec: ModelSpec, free: int | None, batch: int = 1) -> int:
    """The side of a tile before its halo, in input pixels.

    The default, more for a network whose halo would be most of the work, less where half of the free memory would not
    hold ``batch`` windows; never below the smallest worth trying.

    Args:
        spec: says scale and halo.
        free: bytes on the device; None when not known.
        batch: windows at once.
    """
    wanted = min(max(DEFAULT_TILE, 4 * spec.halo), _LARGEST_TILE)
    if free is None:
        return wanted
    each = 4 * (_LAYERS + _RESULTS * spec.scale**2)
    side = math.isqrt(free // 2 // (batch * each)) - 2 * spec.halo
    return max(SMALLEST_TILE, min(wanted, side - side % 32))


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process can still take without swapping; a container's limit counts. None when not known.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    if sys.platform == "win32":
        return _windows_free()
    known = [n for n in (_available(root), _cgroup_free(root)) if n is not None]
    return min(known, default=None)


def _available(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else None


def _cgroup_free(root: Path) -> int | None:
    """What is left under the tightest memory limit of this process's control groups, version 2 or 1."""
    free = []
    for folder in _cgroups(root):
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            # Version 1 says "no limit" as a number near 2**63.
            if limit is not None and used is not None and limit < 2**60:
                free.append(max(0, limit - used + _reclaimable(folder)))
    return min(free, default=None)


def _cgroups(root: Path) -> list[Path]:
    """The folders of this process's groups and of all above them, as far as they can be seen."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, kinds, path = line.split(":", 2)
        top = root / "sys/fs/cgroup" / ("memory" if kinds else "")
        if not kinds or "memory" in kinds.split(","):
            folder = top / path.lstrip("/")
            folders += [folder, *(p for p in folder.parents if p.is_relative_to(top))]
    return folders


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # no such group here, or the word "max"
        return None


def _reclaimable(folder: Path) -> int:
    """File cache that counts as used but is given up on demand."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))


def _windows_free() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("free", ctypes.c_ulonglong),
            ("others", ctypes.c_ulonglong * 5),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel = ctypes.CDLL("kernel32")
    return int(status.free) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
