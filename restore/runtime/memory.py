"""Memory: how much is free, what tile size fits, and how to recognize out-of-memory errors."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from restore.spec import ModelSpec

# Default tile side without halo, memory permitting. Larger tiles are no faster on a CPU, and hardly so on a GPU.
DEFAULT_TILE = 512
# Smaller tiles would be nearly all halo; a device that cannot hold this one cannot run the model.
SMALLEST_TILE = 64
_LARGEST_TILE = 2048

# A generous estimate in float32 values per input pixel: three layers of 64 channels are alive at once, unless the model
# holds more; the result, its copy as pixels and the device's workspace count three times the output.
_LAYERS, _RESULTS = 3 * 64, 3 * 3

# Messages of onnxruntime, torch, CUDA, cuBLAS, cuDNN, OpenCV and C++. onnxruntime has no exception type for this.
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
    """Whether an error, or one of its causes, means that the device or the machine ran out of memory."""
    while error is not None:
        if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _SIGNS):
            return True
        error = error.__cause__
    return False


def auto_tile(spec: ModelSpec, free: int | None, batch: int = 1) -> int:
    """The side of a tile without its halo, in input pixels.

    This is the default size, or more if the halo would be most of the work, or less if half of the free memory would
    not hold ``batch`` windows; never below the smallest size worth trying.

    Args:
        spec: gives scale, halo and the values held for each pixel.
        free: free bytes on the device; None if unknown.
        batch: windows per run.
    """
    wanted = min(max(DEFAULT_TILE, 4 * spec.halo), _LARGEST_TILE)
    if free is None:
        return wanted
    each = 4 * (max(_LAYERS, spec.held) + _RESULTS * spec.scale**2)
    side = math.isqrt(free // 2 // (batch * each)) - 2 * spec.halo
    return max(SMALLEST_TILE, min(wanted, side - side % 32))


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process can still allocate without swapping, within its container's limit. None if unknown.

    Args:
        root: folder that contains ``proc`` and ``sys``.
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
    """Bytes left under the tightest memory limit of this process's control groups, version 2 or 1."""
    free = []
    for folder in _cgroups(root):
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            # In version 1, a number near 2**63 means no limit.
            if limit is not None and used is not None and limit < 2**60:
                free.append(max(0, limit - used + _reclaimable(folder)))
    return min(free, default=None)


def _cgroups(root: Path) -> list[Path]:
    """The folders of this process's groups and their parents, as far as they are visible."""
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
    """File cache that counts as used but is reclaimed on demand."""
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
