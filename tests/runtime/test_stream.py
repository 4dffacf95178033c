"""Order, one result each, no picture disturbed by another, and never a wrong pixel when memory runs out."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restore.errors import ModelError
from restore.runtime import stream as stream_module
from restore.runtime.memory import SMALLEST_TILE
from restore.runtime.model import Model, open_model
from restore.runtime.pixels import FloatNetwork
from restore.runtime.stream import StreamOptions, enhance_stream
from restore.spec import ModelSpec
from tests.conftest import picture

SIZES = st.lists(st.tuples(st.integers(1, 70), st.integers(1, 70)), min_size=1, max_size=6)


def double(batch: np.ndarray) -> np.ndarray:
    return batch.repeat(2, axis=2).repeat(2, axis=3)


def doubled(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def network(function: Callable[[np.ndarray], np.ndarray] = double, parallel: int = 1, **spec: int) -> FloatNetwork:
    return FloatNetwork(function, ModelSpec(**{"scale": 2, "halo": 2, **spec}), parallel)


class Aligned(FloatNetwork):
    """Prefers widths of a multiple of 16."""

    @property
    def width_align(self) -> int:
        return 16


@pytest.fixture(scope="module")
def model(small_model: Path) -> Model:
    return open_model(small_model, "cpu", threads=1)


@settings(max_examples=40, deadline=None)
@given(
    SIZES,
    st.integers(1, 80),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([(1, 1), (4, 1), (1, 24), (8, 20)]),
    st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from([(FloatNetwork, 1), (FloatNetwork, 3), (Aligned, 2)]),
)
def test_tiled_and_batched_equals_whole(
    model: Model,
    sizes: list,
    tile: int,
    batch: int,
    fixed: bool,
    needs: tuple[int, int],
    dtype: type,
    how: tuple[type[FloatNetwork], int],
) -> None:
    """To one level: where the float rounding, which differs with the shape, falls on a half. A real network."""
    spec = model.spec.model_copy(update={"multiple": needs[0], "minimum": needs[1]})
    seen: list[tuple[int, ...]] = []
    runner = how[0](lambda b: (seen.append(b.shape), model(b))[1], spec, how[1])
    depth = 1 if dtype is np.uint8 else 257
    pixels = [picture(*size, seed=i).astype(dtype) * dtype(depth) for i, size in enumerate(sizes)]
    found = list(enhance_stream(pixels, runner, StreamOptions(tile, batch, fixed)))
    assert all(n <= batch and not h % needs[0] and not w % needs[0] and min(h, w) >= needs[1] for n, _, h, w in seen)
    for one, result in zip(pixels, found, strict=True):
        (whole,) = enhance_stream([one], runner, StreamOptions(10_000, 1, False))
        assert result.dtype == dtype
        # 16 bits show float32's own rounding: a few parts in a million of the range.
        assert np.abs(whole.astype(int) - result).max() <= 1 if dtype is np.uint8 else 4


def test_pictures_share_batches() -> None:
    counts: list[int] = []
    runner = network(lambda b: (counts.append(len(b)), double(b))[1])
    pixels = [picture(9, 9, seed=i) for i in range(10)]
    found = list(enhance_stream(pixels, runner, StreamOptions(batch=4, in_hand=100)))
    assert counts == [4, 4, 2]
    for one, result in zip(pixels, found, strict=True):
        np.testing.assert_array_equal(result, doubled(one))


def test_order_is_kept_whatever_waits() -> None:
    """The second shape fills its batch long before the first has company."""
    pixels = [picture(9, 9), *(picture(12, 7, seed=i) for i in range(5)), picture(9, 9, seed=8)]
    found = list(enhance_stream(pixels, network(), StreamOptions(batch=2)))
    for one, result in zip(pixels, found, strict=True):
        np.testing.assert_array_equal(result, doubled(one))


@pytest.mark.parametrize(("batch", "in_hand", "most"), [(1, 8, 1), (4, 3, 3), (4, 8, 8)])
def test_no_more_than_stated_are_in_hand(batch: int, in_hand: int, most: int) -> None:
    taken = given_back = 0
    beside = []

    def pictures() -> Iterator[np.ndarray]:
        nonlocal taken
        for i in range(20):
            taken += 1
            beside.append(taken - given_back)
            yield picture(5 + i, 6)  # no two alike: none ever finds company

    for _ in enhance_stream(pictures(), network(), StreamOptions(tile=64, batch=batch, in_hand=in_hand)):
        given_back += 1
    assert taken == given_back == 20
    assert max(beside) == most


def test_a_picture_is_released_when_it_is_done() -> None:
    alive: list[weakref.ref] = []
    most = 0

    def pictures() -> Iterator[np.ndarray]:
        nonlocal most
        for _ in range(6):
            pixels = picture(20, 20)
            alive.append(weakref.ref(pixels))
            yield pixels
            del pixels
            gc.collect()
            most = max(most, sum(ref() is not None for ref in alive))

    gc.freeze()  # what other tests left need not be searched each time
    results = enhance_stream(pictures(), network(), StreamOptions(batch=1))
    assert [next(results).shape for _ in range(6)] == [(40, 40, 3)] * 6
    assert list(results) == []
    gc.unfreeze()
    assert most == 0


def test_tiles_run_side_by_side() -> None:
    """Also the last one of a picture and the first one of the next, in order, and no more than stated."""
    together = threading.Barrier(2, timeout=30)
    running, most = 0, 0

    def run(batch: np.ndarray) -> np.ndarray:
        nonlocal running, most
        running += 1
        most = max(most, running)
        together.wait()  # nobody gets past alone
        running -= 1
        return double(batch)

    pixels = [picture(9, 9, seed=i) for i in range(3)] + [picture(80, 9)] + [picture(9, 9, seed=5)]
    found = list(enhance_stream(pixels, network(run, parallel=2), StreamOptions(tile=64)))
    assert most == 2
    for one, result in zip(pixels, found, strict=True):
        np.testing.assert_array_equal(result, doubled(one))


def test_inexact_tiles_do_not_depend_on_the_machine() -> None:
    """Attention sees where it is cut: as many and as large tiles as where they run one after another."""
    spec = ModelSpec(scale=1, halo=2, exact_tiles=False)
    shapes: list[list[tuple[int, ...]]] = []
    for runner in (FloatNetwork, Aligned):
        seen: list[tuple[int, ...]] = []
        network = runner(lambda b, seen=seen: (seen.append(b.shape), b)[1], spec, 2 if runner is Aligned else 1)
        list(enhance_stream([picture(200, 200)], network, StreamOptions(tile=70)))
        shapes.append(sorted(seen))
    assert shapes[0] == shapes[1]


def test_one_failure_beside_others_halves_the_tile_once() -> None:
    """Those that ran beside it fail for the same reason."""
    told: list[str] = []
    device = SmallDevice(3 * 150 * 150)
    list(enhance_stream([picture(600, 600)], network(device, parallel=3, halo=0), StreamOptions(300), told.append))
    assert told == ["not enough memory on cpu: continuing with tiles of 150 pixels, 1 at a time"]


def test_a_large_picture_is_alone() -> None:
    """Those that wait are done and given back before it begins."""
    order: list[str] = []

    def run(batch: np.ndarray) -> np.ndarray:
        order.append(f"{len(batch)} of {batch.shape[2]}")
        return double(batch)

    pixels = [picture(9, 9), picture(9, 9), picture(64, 64), picture(9, 9)]
    for result in enhance_stream(pixels, network(run, halo=0), StreamOptions(tile=32, batch=4, fixed=True)):
        order.append(f"got {result.shape[0]}")
    assert order == ["2 of 9", "got 18", "got 18", "4 of 32", "got 128", "1 of 9", "got 18"]


@pytest.mark.parametrize(("batch", "parallel"), [(1, 1), (2, 1), (4, 1), (1, 2), (2, 3)])
def test_one_failure_is_its_own(batch: int, parallel: int) -> None:
    """A picture whose values break the network, between others in the same batch."""

    def run(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values[values.min(axis=(1, 2, 3)) == 1.0] = np.nan
        if (values == 0).all(axis=(1, 2, 3)).any():
            raise ModelError("the network cannot do black")
        return double(values)

    pixels = [picture(8, 8, seed=i) for i in range(6)]
    pixels[1], pixels[4] = np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)
    found = list(enhance_stream(pixels, network(run, parallel), StreamOptions(batch=batch)))
    assert "NaN or infinite" in str(found.pop(1))
    assert "cannot do black" in str(found.pop(3))
    for i, result in zip((0, 2, 3, 5), found, strict=True):
        np.testing.assert_array_equal(result, doubled(pixels[i]))


def test_no_room_for_a_result_is_that_picture_s(monkeypatch: pytest.MonkeyPatch) -> None:
    class Numpy:
        def __getattr__(self, name: str) -> object:
            return getattr(np, name)

        def empty(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
            if shape[0] > 100:
                raise MemoryError
            return np.empty(shape, dtype)

    monkeypatch.setattr(stream_module, "np", Numpy())
    pixels = [picture(20, 20), picture(60, 20), picture(20, 20)]
    first, second, third = enhance_stream(pixels, network(), StreamOptions(batch=2))
    assert isinstance(second, MemoryError)
    np.testing.assert_array_equal(first, third)


class SmallDevice:
    """Refuses batches above a number of values, in onnxruntime's words, after having left rubbish behind."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.runs: list[tuple[int, ...]] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        if batch.size > self.most:
            batch[:] = 0.5
            raise ModelError("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 9")
        self.runs.append(batch.shape)
        return double(batch)


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(1, 6), st.booleans(), st.integers(3 * 64 * 64, 3 * 200 * 200), st.integers(1, 3))
def test_less_memory_changes_no_pixel(sizes: list, batch: int, fixed: bool, most: int, parallel: int) -> None:
    """Whatever the device holds, as long as it holds the smallest tile with its halo."""
    device = SmallDevice(most)
    pixels = [picture(3 * h, 3 * w, seed=i) for i, (h, w) in enumerate(sizes)]
    told: list[str] = []
    options = StreamOptions(512, batch, fixed)
    found = list(enhance_stream(pixels, network(device, parallel, halo=0), options, told.append))
    for one, result in zip(pixels, found, strict=True):
        np.testing.assert_array_equal(result, doubled(one))
    assert len(told) <= 1 + int(np.log2(512 / SMALLEST_TILE)) + int(np.log2(batch))


def test_what_was_learned_stays_and_is_told_once() -> None:
    device = SmallDevice(3 * 100 * 100)
    told: list[str] = []
    pixels = [picture(300, 300, seed=i) for i in range(4)]
    found = list(enhance_stream(pixels, network(device, halo=4), StreamOptions(512, 1), told.append))
    for one, result in zip(pixels, found, strict=True):
        np.testing.assert_array_equal(result, doubled(one))
    assert told == ["not enough memory on cpu: continuing with tiles of 75 pixels, 1 at a time"]


def test_the_batch_is_halved_before_the_tile() -> None:
    device = SmallDevice(2 * 3 * 50 * 50)
    told: list[str] = []
    list(enhance_stream([picture(50, 50)] * 8, network(device), StreamOptions(512, 8), told.append))
    assert told == ["not enough memory on cpu: continuing with tiles of 512 pixels, 2 at a time"]
    assert [shape[0] for shape in device.runs] == [2, 2, 2, 2]


def test_a_sliver_of_a_fixed_window_gives_no_picture_up() -> None:
    """The batch is halved until a border window comes first, which keeps 3 pixels of the 66 it runs."""
    pixels = [picture(69, 132), picture(69, 69)]
    found = list(enhance_stream(pixels, network(SmallDevice(3 * 64 * 64), halo=0), StreamOptions(512, 5, True)))
    for one, result in zip(pixels, found, strict=True):
        np.testing.assert_array_equal(result, doubled(one))


def test_tiles_of_an_earlier_cut_are_void() -> None:
    """While a failed batch is retried one by one, the first tile runs out of memory, and all pictures are cut again."""
    device = SmallDevice(3 * 64 * 64)

    def run(batch: np.ndarray) -> np.ndarray:
        if len(batch) > 1 and batch.shape[2] == 100:
            raise ModelError("not two of this size")
        return device(batch)

    pixels = [picture(100, 100, seed=i) for i in range(2)]
    found = list(enhance_stream(pixels, network(run, halo=0), StreamOptions(512, 2)))
    for one, result in zip(pixels, found, strict=True):
        np.testing.assert_array_equal(result, doubled(one))


def test_a_device_too_small_fails_the_picture_clearly() -> None:
    device = SmallDevice(3 * 40 * 40)
    large, small = enhance_stream([picture(300, 300), picture(30, 30)], network(device), StreamOptions(512, 1))
    assert isinstance(large, ModelError)
    assert "not enough memory on cpu, even for one tile of" in str(large)
    assert "choose another --device" in str(large)
    np.testing.assert_array_equal(small, doubled(picture(30, 30)))


def test_what_is_not_a_picture_is_a_mistake_of_the_caller() -> None:
    for wrong in (np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected uint8 or uint16"):
            list(enhance_stream([wrong], network()))


def test_a_bug_is_not_hidden() -> None:
    def bug(_: np.ndarray) -> np.ndarray:
        raise AttributeError("a bug")

    with pytest.raises(AttributeError, match="a bug"):
        list(enhance_stream([picture(8, 8)], network(bug)))
