"""Jobs with all frames: each frame is what it would be as a picture of its own."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from restore.errors import ModelError
from restore.imaging.resize import resize
from restore.jobs.chain import Stream
from restore.jobs.journal import Journal
from restore.jobs.naming import Naming, PlanError
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Outcome
from restore.jobs.pipeline import run_job
from restore.jobs.plan import make_plan
from restore.jobs.settings import Settings
from restore.jobs.sizing import TargetSize
from tests.conftest import picture, save
from tests.imaging.animation_files import apng, assert_alike, by_pillow, joined, png_frame, saved, scene
from tests.imaging.gif_files import control, frame, gif
from tests.imaging.samples import SRGB
from tests.jobs.streams import one_by_one

ALL = PictureOptions(quality=100, frames="all")
SUFFIXES = {"GIF": ".gif", "PNG": ".png", "WEBP": ".webp"}


def double(pixels: np.ndarray) -> np.ndarray:
    """A network that rings at edges, as real ones do."""
    return resize(pixels, 2)


def work(
    source: Path,
    target: Path,
    enhance: Callable[[np.ndarray], np.ndarray] = double,
    options: PictureOptions = ALL,
    stream: Stream | None = None,
    **settings: object,
) -> list[Outcome]:
    stream = stream or one_by_one(enhance)
    told: list[Outcome] = []
    plan = make_plan(source, target, Naming(all_frames=options.frames == "all"))
    run_job(plan, stream, told.append, Settings(options, scale=2, **settings))
    return told


def moving(kind: str, folder: Path, clear: bool = False, name: str = "x", **options: object) -> Path:
    path = folder / f"{name}{SUFFIXES[kind]}"
    path.write_bytes(saved(scene(clear=clear), kind, **options))
    return path


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("kind", list(SUFFIXES))
@pytest.mark.parametrize("size", [None, TargetSize(longest=45), TargetSize(longest=20), TargetSize(scale=3)])
def test_each_frame_is_what_it_would_be_as_a_still_picture(
    tmp_path: Path, kind: str, clear: bool, size: TargetSize | None
) -> None:
    source = moving(kind, tmp_path, clear, disposal=2) if kind == "GIF" else moving(kind, tmp_path, clear)
    (outcome,) = work(source, tmp_path / "out.png", size=size)
    assert outcome.status == "enhanced", outcome.error
    found = by_pillow((tmp_path / "out.png").read_bytes())
    wanted = []
    for number, still in enumerate(by_pillow(source.read_bytes())):
        Image.fromarray(still).save(tmp_path / f"{number}.png")
        work(tmp_path / f"{number}.png", tmp_path / f"{number}-out.png", size=size)
        wanted.append(np.asarray(Image.open(tmp_path / f"{number}-out.png").convert("RGBA")))
    assert_alike(found, wanted, tolerance=1)
    assert outcome.size_in == (30, 24)
    assert outcome.size_out == found[0].shape[1::-1]
    assert outcome.note.startswith("5 frames")


@pytest.mark.parametrize("kind", list(SUFFIXES))
def test_formats_stay_and_timing_too(tmp_path: Path, kind: str) -> None:
    source = moving(kind, tmp_path, duration=[40, 0, 250, 10, 100], loop=4)
    (outcome,) = work(source, tmp_path / "out")
    assert outcome.item.target == tmp_path / "out" / source.name
    with Image.open(source) as before, Image.open(outcome.item.target) as after:
        assert (after.format, after.n_frames, after.size) == (kind, 5, (60, 48))
        assert after.info["loop"] == before.info["loop"]
        for number in range(5):
            before.seek(number)
            after.seek(number)
            before.load()
            after.load()
            assert after.info["duration"] == before.info["duration"]


def test_without_the_option_only_the_first_frame_is_used(tmp_path: Path) -> None:
    source = moving("GIF", tmp_path)
    (outcome,) = work(source, tmp_path / "out", options=PictureOptions())
    assert outcome.item.target == tmp_path / "out" / "x.png"
    assert getattr(Image.open(outcome.item.target), "n_frames", 1) == 1
    assert outcome.note == "the file contains several pictures; only the first is used"


def test_a_gif_of_one_frame_becomes_png_as_ever(tmp_path: Path) -> None:
    (tmp_path / "x.gif").write_bytes(gif(frame([0] * 24, (0, 0, 4, 6))))
    (outcome,) = work(tmp_path / "x.gif", tmp_path / "out")
    assert (outcome.item.target.name, outcome.note) == ("x.png", "")


def test_a_target_that_holds_no_frames_gets_the_first_with_a_note(tmp_path: Path) -> None:
    (outcome,) = work(moving("PNG", tmp_path), tmp_path / "out.jpg")
    assert outcome.status == "enhanced"
    assert outcome.note == "the file contains several pictures; only the first is used"


def test_a_gif_is_no_target_without_all_frames(tmp_path: Path) -> None:
    source = moving("GIF", tmp_path)
    with pytest.raises(PlanError, match=r"cannot write '\.gif' \(animated, with --frames all\)"):
        make_plan(source, tmp_path / "out.gif", Naming())
    (outcome,) = work(save(tmp_path / "still.png", scene(1)[0][..., :3]), tmp_path / "still.gif")
    assert outcome.status == "enhanced"
    assert Image.open(tmp_path / "still.gif").size == (60, 48)


def test_repeated_frames_pass_the_network_once(tmp_path: Path) -> None:
    one, other = scene(2)
    data = apng((24, 30), [png_frame(f) for f in (one, one, other, other, other, one)])
    (tmp_path / "x.png").write_bytes(joined(data))
    seen = []

    def counted(pixels: np.ndarray) -> np.ndarray:
        seen.append(1)
        return double(pixels)

    (outcome,) = work(tmp_path / "x.png", tmp_path / "out.png", counted)
    assert len(seen) == 3
    found = by_pillow((tmp_path / "out.png").read_bytes())
    assert len(found) == 6
    np.testing.assert_array_equal(found[0], found[5])
    assert outcome.note == "6 frames"


def test_the_default_image_of_an_apng_is_enhanced_too(tmp_path: Path) -> None:
    red = np.full((24, 30, 4), (255, 0, 0, 255), np.uint8)
    (tmp_path / "x.png").write_bytes(joined(apng((24, 30), [png_frame(f) for f in scene(3)], still=png_frame(red)[1])))
    (outcome,) = work(tmp_path / "x.png", tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.info["default_image"]
        assert image.n_frames == 4
        assert image.convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert outcome.note == "3 frames"
    (outcome,) = work(tmp_path / "x.png", tmp_path / "out.webp")
    assert outcome.note == "3 frames; webp cannot hold: the picture for programs that show no animations"
    assert Image.open(tmp_path / "out.webp").n_frames == 3


def test_damage_is_in_the_note(tmp_path: Path) -> None:
    whole = gif(*(control(delay=4) + frame([n] * 24, (0, 0, 4, 6)) for n in range(4)))
    (tmp_path / "x.gif").write_bytes(whole[:-20])
    (outcome,) = work(tmp_path / "x.gif", tmp_path / "out.gif")
    assert outcome.note == "3 frames; damaged: the file breaks off; only its first 3 frames are used"
    assert Image.open(tmp_path / "out.gif").n_frames == 3


def test_too_many_pixels_are_refused_with_the_cure(tmp_path: Path) -> None:
    source = moving("WEBP", tmp_path)
    (outcome,) = work(source, tmp_path / "out.webp", options=replace(ALL, pixel_limit=5 * 4096 - 1))
    assert outcome.status == "failed"
    assert outcome.error.startswith("its 5 frames have 0.0205 million pixels together, more than")
    assert work(source, tmp_path / "out.webp", options=replace(ALL, pixel_limit=5 * 4096))[0].status == "enhanced"


def test_what_is_large_enough_is_copied(tmp_path: Path) -> None:
    source = moving("GIF", tmp_path)
    (outcome,) = work(source, tmp_path / "out.gif", size=TargetSize(min_side=10))
    assert (tmp_path / "out.gif").read_bytes() == source.read_bytes()
    assert outcome.note == "5 frames; large enough already"
    (outcome,) = work(source, tmp_path / "out.png", size=TargetSize(min_side=10))
    assert_alike(by_pillow((tmp_path / "out.png").read_bytes()), by_pillow(source.read_bytes()))


def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "in"
    inside.mkdir()
    for number, kind in enumerate(SUFFIXES):
        moving(kind, inside, name=f"{2 * number + 1}")
    for number in (0, 2, 4, 6):
        save(inside / f"{number}.jpg", picture(20, 30, seed=number))
    return inside


@pytest.mark.parametrize("ahead", [0, 1, 8])
@pytest.mark.parametrize("memory", [1, 1 << 30])
def test_stills_and_animations_together(tmp_path: Path, ahead: int, memory: int) -> None:
    """The network may take several inputs before it returns the first result."""

    def stream(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray | Exception]:
        waiting: list[np.ndarray] = []
        for one in pictures:
            waiting.append(one)
            if len(waiting) > ahead:
                yield double(waiting.pop(0))
        yield from map(double, waiting)

    told = work(folder(tmp_path), tmp_path / "out", stream=stream, memory=memory)
    assert [outcome.item.source.stem for outcome in told] == list("0123456")
    assert {outcome.status for outcome in told} == {"enhanced"}
    shutil.rmtree(tmp_path / "once", ignore_errors=True)
    alone = work(tmp_path / "in", tmp_path / "once")
    for one, other in zip(told, alone, strict=True):
        assert one.item.target.read_bytes() == other.item.target.read_bytes()
        assert all(seconds >= 0 for seconds in one.seconds.rounded().values())


def test_a_network_that_fails_at_a_frame_fails_that_file_only(tmp_path: Path) -> None:
    seen = []

    def failing(pixels: np.ndarray) -> np.ndarray:
        seen.append(1)
        if len(seen) == 4:
            raise ModelError("it failed")
        return double(pixels)

    told = work(folder(tmp_path), tmp_path / "out", failing)
    assert [outcome.status for outcome in told] == ["enhanced", "failed", *["enhanced"] * 5]
    assert told[1].error == "it failed"
    assert not told[1].item.target.exists()


def test_ctrl_c_in_an_animation_writes_nothing_of_it(tmp_path: Path) -> None:
    seen = []

    def stopped(pixels: np.ndarray) -> np.ndarray:
        seen.append(1)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return double(pixels)

    with pytest.raises(KeyboardInterrupt):
        work(folder(tmp_path), tmp_path / "out", stopped)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["0.jpg"]


def test_few_frames_are_in_memory_at_once(tmp_path: Path) -> None:
    """Frames are decoded as the network takes them."""
    buffer = io.BytesIO()
    images = [Image.fromarray(picture(16, 16, seed=n)) for n in range(60)]
    images[0].save(buffer, "WEBP", save_all=True, append_images=images[1:], lossless=True)
    (tmp_path / "x.webp").write_bytes(buffer.getvalue())
    import restore.imaging.animation.frames as frames

    taken, decoded, most = [0], [0], [0]
    original = frames.Canvas.draw

    def draw(self: frames.Canvas, *arguments: object) -> None:
        decoded[0] += 1
        most[0] = max(most[0], decoded[0] - taken[0])
        original(self, *arguments)

    def counted(pixels: np.ndarray) -> np.ndarray:
        taken[0] += 1
        return double(pixels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames.Canvas, "draw", draw)
        (outcome,) = work(tmp_path / "x.webp", tmp_path / "out.webp", counted)
    assert outcome.note == "60 frames"
    assert most[0] <= 3


def test_metadata_options_hold_for_animations(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    source = moving("WEBP", tmp_path, icc_profile=SRGB, exif=exif.tobytes())
    for metadata, maker in (("keep", "Maker"), ("none", None)):
        options = replace(ALL, metadata=metadata)
        work(source, tmp_path / f"{metadata}.webp", options=options)
        with Image.open(tmp_path / f"{metadata}.webp") as image:
            assert image.info["icc_profile"] == SRGB
            assert image.getexif().get(0x010F) == maker


def test_a_finished_animation_is_not_done_again(tmp_path: Path) -> None:
    inside, out = folder(tmp_path), tmp_path / "out"
    told: list[Outcome] = []
    for _ in range(2):
        plan = make_plan(inside, out, Naming(all_frames=True), existing="overwrite")
        with Journal(out, "key") as journal:
            run_job(plan, one_by_one(double), told.append, Settings(ALL, scale=2, resume=True), journal)
    assert [outcome.status for outcome in told] == ["enhanced"] * 7 + ["done"] * 7
    targets = [json.loads(line).get("target") for line in (out / ".restore-journal.jsonl").read_text().splitlines()]
    assert {"1.gif", "3.png", "5.webp"} <= set(targets)


def test_the_option_counts_in_a_jobs_key_only_where_it_is_used() -> None:
    assert PictureOptions().changing_files() == {"quality": 95, "png_level": 1, "metadata": "keep"}
    assert PictureOptions(frames="all").changing_files()["frames"] == "all"


def test_durations_that_gif_cannot_hold_are_said(tmp_path: Path) -> None:
    data = apng((24, 30), [png_frame(f, delay=(1, 30)) for f in scene(3)])
    (tmp_path / "x.png").write_bytes(joined(data))
    (outcome,) = work(tmp_path / "x.png", tmp_path / "out.gif")
    assert "the exact timing (rounded to hundredths of a second)" in outcome.note


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_becomes_an_animated_png(tmp_path: Path) -> None:
    source, frames = tmp_path / "x.avif", [Image.fromarray(one[..., :3]) for one in scene()]
    settings = {"quality": 100, "subsampling": "4:4:4", "speed": 10, "duration": [40, 80, 250, 10, 1000]}
    frames[0].save(source, save_all=True, append_images=frames[1:], **settings)
    (outcome,) = work(source, tmp_path / "out")
    assert (outcome.item.target.name, outcome.note) == ("x.png", "5 frames")
    with Image.open(outcome.item.target) as after:
        assert (after.n_frames, after.size, after.info["loop"]) == (5, (60, 48), 0)
        for number, duration in enumerate(settings["duration"]):
            after.seek(number)
            after.load()
            assert after.info["duration"] == duration
    found = by_pillow(outcome.item.target.read_bytes())
    assert_alike(found, [double(frame) for frame in by_pillow(source.read_bytes())], tolerance=1)
