"""Query this machine's NVIDIA GPUs through the driver; needs no packages."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import Protocol, cast


@dataclass(frozen=True)
class Gpu:
    """A GPU, in the driver's order (respects CUDA_VISIBLE_DEVICES).

    Attributes:
        name: such as ``NVIDIA GeForce RTX 4090``.
        memory: total bytes.
    """

    name: str
    memory: int


class Driver(Protocol):
    """The functions of CUDA's driver library used here.

    Each returns 0 on success. A parameter of type ``object`` is an output, passed with ``ctypes.byref``.
    """

    def cuInit(self, flags: int, /) -> int: ...
    def cuDeviceGetCount(self, count: object, /) -> int: ...
    def cuDeviceGet(self, device: object, index: int, /) -> int: ...
    def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], length: int, device: ctypes.c_int, /) -> int: ...
    def cuDeviceTotalMem_v2(self, memory: object, device: ctypes.c_int, /) -> int: ...
    def cuDriverGetVersion(self, version: object, /) -> int: ...
    def cuDevicePrimaryCtxRetain(self, context: object, device: ctypes.c_int, /) -> int: ...
    def cuDevicePrimaryCtxRelease_v2(self, device: ctypes.c_int, /) -> int: ...
    def cuCtxPushCurrent_v2(self, context: ctypes.c_void_p, /) -> int: ...
    def cuCtxPopCurrent_v2(self, context: object, /) -> int: ...
    def cuMemGetInfo_v2(self, free: object, total: object, /) -> int: ...


def load_driver() -> Driver | None:
    """Load and initialize the driver's library; None if it is missing or fails to initialize."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    driver = cast("Driver", library)
    return driver if driver.cuInit(0) == 0 else None


def gpus(driver: Driver | None = None) -> list[Gpu]:
    """The GPUs; empty without a driver."""
    driver = driver or load_driver()
    if driver is None:
        return []
    count = ctypes.c_int(0)
    if driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    return [_describe(driver, index) for index in range(count.value)]


def _describe(driver: Driver, index: int) -> Gpu:
    device, name, memory = ctypes.c_int(0), ctypes.create_string_buffer(128), ctypes.c_size_t(0)
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    return Gpu(name.value.decode(errors="replace"), memory.value)


def cuda_of_driver(driver: Driver | None = None) -> str | None:
    """The newest CUDA that the driver supports, such as ``12.8``; None without a driver."""
    driver = driver or load_driver()
    version = ctypes.c_int(0)
    if driver is None or driver.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def free_gpu_memory(index: int, driver: Driver | None = None) -> int | None:
    """Free bytes on a GPU; None if unknown."""
    driver = driver or load_driver()
    if driver is None:
        return None
    device, context = ctypes.c_int(0), ctypes.c_void_p()
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    if driver.cuDeviceGet(ctypes.byref(device), index) != 0:
        return None
    # onnxruntime uses the primary context; querying in another one would itself take memory.
    if driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) != 0:
        return None
    try:
        if driver.cuCtxPushCurrent_v2(context) != 0:
            return None
        known = driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0
        driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
        return free.value if known else None
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)
