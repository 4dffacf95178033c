"""How much memory there is, and what running out of it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restore.errors import ModelError
from restore.runtime.memory import SMALLEST_TILE, auto_tile, free_memory, is_out_of_memory
from restore.spec import ModelSpec

GIGABYTE = 2**30


@pytest.mark.parametrize(
    "text",
    [
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Status Message: bfc_arena.cc:376 void* "
        "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 42",
        "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
        "bad allocation",
        "std::bad_alloc",
        "Available memory of 5 is smaller than requested bytes of 6",
    ],
)
def test_signs(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    wrapped = ModelError("sr-x2 failed")
    wrapped.__cause__ = RuntimeError(text)
    assert is_out_of_memory(wrapped)


def test_no_sign() -> None:
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(ModelError("sr-x2 returned NaN or infinite values for this picture"))
    assert not is_out_of_memory(None)


def test_auto_tile() -> None:
    spec = ModelSpec(scale=2, halo=8)
    assert auto_tile(spec, None) == auto_tile(spec, 64 * GIGABYTE) == 512
    assert auto_tile(ModelSpec(scale=2, halo=200), None) == 800
    assert auto_tile(spec, GIGABYTE // 8) < 512
    assert auto_tile(spec, 0) == SMALLEST_TILE


def test_tiles_are_smaller_if_the_network_holds_more() -> None:
    """Attention networks hold thousands of values for a pixel, Real-ESRGAN 2,048."""
    sides = [auto_tile(ModelSpec(scale=4, halo=16, held=held), GIGABYTE) for held in (0, 100, 2048, 8192)]
    assert sides[0] == sides[1] > sides[2] > sides[3]
    for side, held in zip(sides[2:], (2048, 8192), strict=True):
        assert 0.5 < (side + 2 * 16 + 32) ** 2 * 4 * held / (GIGABYTE / 2) < 1.1, "half of what is free"


@given(st.integers(0, 2**36), st.integers(1, 16), st.integers(0, 100), st.integers(1, 4))
def test_auto_tile_shrinks_with_what_it_must_hold(free: int, batch: int, halo: int, scale: int) -> None:
    spec = ModelSpec(scale=scale, halo=halo)
    tile = auto_tile(spec, free, batch)
    assert tile >= SMALLEST_TILE
    assert tile >= auto_tile(spec, free // 2, batch)
    assert tile >= auto_tile(spec, free, batch * 2)


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:    4194304 kB\n"}


def test_without_a_container(tmp_path: Path) -> None:
    root = system(tmp_path, {**MEMINFO, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"})
    assert free_memory(root) == 4 * GIGABYTE


def test_a_container_s_limit_counts(tmp_path: Path) -> None:
    """The tightest of the groups above, and file cache is free on demand."""
    root = system(
        tmp_path,
        {
            **MEMINFO,
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/memory.max": str(GIGABYTE),
            "sys/fs/cgroup/a/memory.current": str(GIGABYTE // 2),
            "sys/fs/cgroup/a/memory.stat": f"anon 5\ninactive_file {GIGABYTE // 4}\n",
            "sys/fs/cgroup/a/b/memory.max": "max",
            "sys/fs/cgroup/a/b/memory.current": "17",
        },
    )
    assert free_memory(root) == GIGABYTE * 3 // 4


def test_version_1_groups(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/memory/x"
    files = {
        **MEMINFO,
        "proc/self/cgroup": "5:cpu:/y\n4:memory:/x\n",
        f"{folder}/memory.limit_in_bytes": str(GIGABYTE),
        f"{folder}/memory.usage_in_bytes": str(GIGABYTE // 4),
    }
    assert free_memory(system(tmp_path, files)) == GIGABYTE * 3 // 4
    (tmp_path / folder / "memory.limit_in_bytes").write_text(str(2**63 - 4096))
    assert free_memory(tmp_path) == 4 * GIGABYTE


def test_unknown(tmp_path: Path) -> None:
    assert free_memory(tmp_path) is None
