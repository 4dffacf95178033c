"""The CPU: available cores and instruction set extensions."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

# Needed for an 8-bit network to be faster than float: instructions that sum products of bytes. Linux's names:
# on x86 VNNI in its two encodings and AMX, on Arm the dot product and matrix product.
INT8_FEATURES = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})

# Needed for a bfloat16 network to be faster than float32: products of that type. Otherwise it is emulated, many times
# slower.
BF16_FEATURES = frozenset({"amx_bf16", "avx512_bf16", "bf16"})

_APPLE = {"hw.optional.arm.FEAT_DotProd": "asimddp", "hw.optional.arm.FEAT_I8MM": "i8mm"}


def usable_cores() -> int:
    """Cores available to this process, respecting limits by containers and taskset."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Instruction set extensions by Linux's names; empty if the system does not report them.

    Args:
        cpuinfo: Linux's description of the processors.
    """
    if sys.platform == "darwin":
        return _apple_features()
    for line in _lines(cpuinfo):
        name, _, value = line.partition(":")
        if name.strip().lower() in ("flags", "features"):  # x86 and Arm
            return frozenset(value.split())
    return frozenset()


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, or its architecture if the system does not report a name."""
    for line in _lines(cpuinfo):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def runs_openvino() -> bool:
    """Whether OpenVINO's plug-in has a package for this system, and lists this processor: it skips all but Intel's."""
    packaged = (sys.platform, platform.machine()) in (("linux", "x86_64"), ("win32", "AMD64"))
    return packaged and "intel" in cpu_name().lower()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _apple_features() -> frozenset[str]:
    found = subprocess.run(["/usr/sbin/sysctl", "-a"], capture_output=True, text=True, check=False).stdout
    pairs = dict(line.split(": ", 1) for line in found.splitlines() if ": " in line)
    return frozenset(name for key, name in _APPLE.items() if pairs.get(key) == "1")
