"""A long job says how long it takes; a short one says nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.errors import ModelError
from restore.jobs import pace as module
from restore.jobs.pace import Pace, duration
from restore.runtime.conditioning import NOTHING, Aside
from restore.runtime.pixels import PixelNetwork
from restore.spec import ModelSpec
from tests.conftest import picture, save


class Slow(PixelNetwork):
    """A network that takes a given time for each pixel."""

    def __init__(self, scale: int, each: float, clock: list[float]) -> None:
        self.spec, self._each, self._clock = ModelSpec(scale=scale, halo=1), each, clock

    def free_memory(self) -> int:
        return 1 << 34

    def enlarge(self, batch: np.ndarray, aside: Aside = NOTHING) -> np.ndarray:
        self._clock[0] += self._each * batch.size / 3
        return batch


class Now:
    """A thread that is done before it has begun."""

    def __init__(self, target: Callable[..., None], args: tuple[object, ...], daemon: bool) -> None:
        self.start = lambda: target(*args)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "threading", SimpleNamespace(Thread=Now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, at_once: None) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return now


def test_it_is_said_once_and_near_the_truth(tmp_path: Path, clock: list[float]) -> None:
    items = [SimpleNamespace(source=save(tmp_path / f"{i}.png", picture(100, 200))) for i in range(9)]
    items.append(SimpleNamespace(source=tmp_path / "none.png"))
    said: list[str] = []
    # 20,000 pixels in 10 pictures, of 1 ms each, then four times as many of 2 ms: 200,000 * 9 ms are 30 minutes.
    networks = Pace([Slow(2, 1e-3, clock), Slow(4, 2e-3, clock)], items, 60, said.append).watched()
    networks[0].enlarge(np.zeros((1, 40, 50, 3), np.uint8))
    assert clock == [2.0]
    assert said == [], "the second model has not run"
    networks[1].enlarge(np.zeros((1, 40, 50, 3), np.uint8))
    networks[1].enlarge(np.zeros((1, 40, 50, 3), np.uint8))
    assert said == ["About 30 minutes for 10 pictures"]


def test_what_tiles_see_twice_counts(tmp_path: Path, clock: list[float]) -> None:
    """Nine tiles of 100 pixels with a halo of 100: the corners see 200, the others 300 in one or both directions."""
    item = SimpleNamespace(source=save(tmp_path / "a.png", picture(300, 300)))
    said: list[str] = []
    model = Slow(2, 1e-3, clock)
    model.spec = model.spec.but(halo=100)
    (network,) = Pace([model], [item], 60, said.append, tile=100).watched()
    network.enlarge(np.zeros((1, 200, 200, 3), np.uint8))
    # (200 + 300 + 200)^2 pixels of 1 ms, less the first tile: 450 s. The picture alone would be 90 s.
    assert said == ["About 8 minutes for 1 picture"]


def test_short_jobs_say_nothing(tmp_path: Path, clock: list[float]) -> None:
    item = SimpleNamespace(source=save(tmp_path / "a.png", picture(100, 200)))
    for items, each in (([item], 1e-3), ([], 9.0)):
        said: list[str] = []
        (network,) = Pace([Slow(2, each, clock)], items, 60, said.append).watched()
        for _ in range(5):
            network.enlarge(np.zeros((1, 50, 50, 3), np.uint8))
        assert said == []


def test_a_slow_network_says_it_before_its_first_tile(tmp_path: Path, clock: list[float]) -> None:
    """Attention networks take minutes for one."""
    item = SimpleNamespace(source=save(tmp_path / "a.png", picture(600, 1000)))
    said: list[tuple[str, float]] = []
    model = Slow(2, 1e-3, clock)
    (network,) = Pace([model], [item], 60, lambda text: said.append((text, clock[0]))).watched()
    network.enlarge(np.zeros((1, 300, 500, 3), np.uint8))
    assert said == [("About 10 minutes for 1 picture", 64 * 64 * 1e-3)]
    network.enlarge(np.zeros((1, 300, 500, 3), np.uint8))
    assert clock[0] == pytest.approx(300 + 64 * 64 * 1e-3), "one piece, once"
    assert len(said) == 1


@pytest.mark.parametrize(("side", "each", "shape"), [(500, 1e-5, None), (200, 1e-3, None), (500, 1e-3, (1, 500, 500))])
def test_a_piece_is_tried_only_of_large_slow_tiles(
    side: int, each: float, shape: tuple[int, int, int] | None, clock: list[float]
) -> None:
    model, said = Slow(2, each, clock), list[str]()
    model.spec = model.spec.but(shape=shape)
    (network,) = Pace([model], [], 60, said.append).watched()
    network.enlarge(np.zeros((1, side, side, 3), np.uint8))
    piece = 64 * 64 if side == 500 and shape is None else 0
    assert clock[0] == pytest.approx(each * (side * side + piece))


def test_a_piece_is_of_the_same_place(clock: list[float]) -> None:
    """Networks that know where a tile lies, and those with a strength, are told of the piece."""
    seen: list[dict[str, np.ndarray]] = []

    class Told(Slow):
        def enlarge(self, batch: np.ndarray, aside: dict[str, np.ndarray]) -> np.ndarray:
            seen.append(aside)
            return super().enlarge(batch, aside)

    (network,) = Pace([Told(1, 1e-3, clock)], [], 60, lambda _: None).watched()
    places = np.linspace(0, 1, 500, dtype=np.float32)[None].repeat(2, 0)
    aside = {"thumbnail": np.zeros((2, 3, 9, 9)), "rows": places, "columns": places / 2, "strength": np.ones(2)}
    network.enlarge(np.zeros((2, 500, 500, 3), np.uint8), aside)
    assert len(seen) == 2
    assert {name: values.shape for name, values in seen[0].items()} == {
        "thumbnail": (1, 3, 9, 9),
        "rows": (1, 64),
        "columns": (1, 64),
        "strength": (1,),
    }
    np.testing.assert_array_equal(seen[0]["columns"], places[:1, :64] / 2)


def test_a_piece_that_fails_leaves_the_tile_to_tell(clock: list[float]) -> None:
    class Failing(Slow):
        def enlarge(self, batch: np.ndarray, aside: object) -> np.ndarray:
            if batch.shape[1] == 64:
                raise ModelError("too small")
            return super().enlarge(batch, aside)

    (network,) = Pace([Failing(2, 1e-3, clock)], [], 60, lambda _: None).watched()
    tile = np.zeros((1, 500, 500, 3), np.uint8)
    assert network.enlarge(tile) is tile


def test_a_job_says_it(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: None) -> None:
    monkeypatch.setattr(module, "_KNOWN_AFTER", 0.0)
    monkeypatch.setattr(module, "_WORTH_SAYING", -1e9)
    monkeypatch.setattr(module, "duration", lambda _: "about an hour")
    done = CliRunner().invoke(main, ["enhance", str(photos), str(tmp_path / "out"), "--threads", "1"])
    assert done.exit_code == 0, done.output
    assert done.output.count("About an hour for 5 pictures") == 1
    again = CliRunner().invoke(main, ["enhance", str(photos), str(tmp_path / "out"), "--threads", "1", "--resume"])
    assert "About an hour" not in again.output


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (61, "about 1 minute"),
        (400, "about 7 minutes"),
        (2380, "about 40 minutes"),
        (5700, "about 1.5 hours"),
        (7300, "about 2 hours"),
        (30_000, "about 8 hours"),
        (200_000, "about 2 days"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
