"""Jobs inside masks: which file is whose mask, and that nothing changes outside of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import restore
from restore.errors import ImageError
from restore.jobs.contradictions import refuse_contradictions
from restore.jobs.journal import Journal
from restore.jobs.masks import Masks
from restore.jobs.naming import Naming, PlanError
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Outcome
from restore.jobs.pipeline import run_job
from restore.jobs.plan import Item, make_plan
from restore.jobs.settings import Settings
from restore.jobs.sizing import TargetSize
from tests.cli.test_enhance import inside
from tests.conftest import picture, save
from tests.imaging.animation_files import saved, scene
from tests.jobs.streams import one_by_one


def negative(pixels: np.ndarray) -> np.ndarray:
    return np.iinfo(pixels.dtype).max - pixels


def soft(height: int, width: int) -> np.ndarray:
    """Black on the left, white on the right, with all levels between."""
    ramp = np.linspace(-100, 355, width).clip(0, 255).round().astype(np.uint8)
    return np.repeat(ramp[None], height, axis=0)


def expected(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    share = mask[..., None] / 255
    return share * negative(pixels) + (1 - share) * pixels


def work(source: Path, out: Path, masks: Masks, key: str = "key", **settings: object) -> dict[str, Outcome]:
    """One run of a job; what was told, by stem."""
    told: list[Outcome] = []
    options = PictureOptions(masks=masks, frames=settings.pop("frames", "first"))
    plan = make_plan(source, out, Naming(all_frames=options.frames == "all"), existing="overwrite")
    with Journal(out, key) as journal:
        run_job(plan, one_by_one(negative), told.append, Settings(options, **settings), journal)
    return {outcome.item.source.stem: outcome for outcome in told}


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def frames_of(path: Path) -> list[np.ndarray]:
    return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(path))]


def test_each_picture_changes_inside_the_mask_of_its_name(photos: Path, tmp_path: Path) -> None:
    masks, out = tmp_path / "masks", tmp_path / "out"
    wanted = {}
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        pixels = read(path)
        mask = soft(*pixels.shape[:2])[:, :: 1 if number % 2 else -1]
        name = path.relative_to(photos).with_suffix(".tif" if number % 2 else ".png")
        save(masks / name, mask[..., None])
        wanted[path.relative_to(photos)] = expected(pixels, mask)
    told = work(photos, out, Masks(masks))
    assert {outcome.status for outcome in told.values()} == {"enhanced"}
    assert len(wanted) == 5
    for name, values in wanted.items():
        assert np.abs(read(out / name) - values).max() <= 0.5 + 1e-9


def test_a_file_is_the_mask_of_all(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path / "in" / name, picture(40, 60, 1, seed=ord(name[0])))
    mask = save(tmp_path / "mask.png", soft(40, 60)[..., None])
    work(tmp_path / "in", tmp_path / "out", Masks(mask))
    for name in ("a.png", "b.png"):
        before, after = read(tmp_path / "in" / name)[..., None], read(tmp_path / "out" / name)
        assert after.shape == (40, 60), "gray stays gray"
        assert np.abs(after[..., None] - expected(before, soft(40, 60))).max() <= 0.5 + 1e-9


def test_alpha_is_the_mask_and_the_color_under_it_stays(tmp_path: Path) -> None:
    pixels = picture(40, 60)
    save(tmp_path / "in/a.png", np.dstack([pixels, soft(40, 60)]))
    save(tmp_path / "in/b.png", pixels)
    told = work(tmp_path / "in", tmp_path / "out", Masks())
    made = read(tmp_path / "out/a.png")
    assert np.array_equal(made[..., 3], soft(40, 60))
    assert np.abs(made[..., :3] - expected(pixels, soft(40, 60))).max() <= 0.5 + 1e-9
    assert np.array_equal(made[:, :5, :3], pixels[:, :5]), "what is clear is not filled"
    assert told["b"].error == "it has no alpha channel to take as its mask: give a folder with --mask"


def test_every_frame_changes_inside_the_mask(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x.png").write_bytes(saved(scene(), "PNG"))
    frames = frames_of(tmp_path / "in/x.png")
    height, width = frames[0].shape[:2]
    save(tmp_path / "masks/x.png", soft(height, width)[..., None])
    told = work(tmp_path / "in", tmp_path / "out", Masks(tmp_path / "masks"), frames="all")
    assert told["x"].status == "enhanced", told["x"].error
    made = frames_of(tmp_path / "out/x.png")
    assert len(made) == len(frames) > 1
    for before, after in zip(frames, made, strict=True):
        assert np.abs(after - expected(before, soft(height, width))).max() <= 0.5 + 1e-9


def test_a_smaller_result_is_made_of_the_masked_one(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", np.full((40, 60, 3), 200, np.uint8))
    mask = save(
        tmp_path / "mask.png", np.where(np.arange(60) < 30, 0, 255).astype(np.uint8)[None, :, None].repeat(40, 0)
    )
    work(tmp_path / "in", tmp_path / "out", Masks(mask), size=TargetSize(width=30))
    made = read(tmp_path / "out/a.png")
    assert made.shape == (20, 30, 3)
    assert (made[:, :10] == 200).all()
    assert (made[:, 20:] == 55).all()


def test_what_is_wrong_with_a_mask_fails_its_picture_alone(tmp_path: Path) -> None:
    for name in "abcdef":
        save(tmp_path / f"in/sub/{name}.png", picture(20, 30))
    masks = tmp_path / "masks/sub"
    save(masks / "a.png", soft(20, 30)[..., None])
    save(masks / "c.png", soft(20, 31)[..., None])
    save(masks / "d.png", picture(20, 30))
    for suffix in (".tif", ".bmp"):
        save(masks / f"e{suffix}", soft(20, 30)[..., None])
    (masks / "f.png").write_bytes(b"no picture")
    save(tmp_path / "in/sub/g.png", picture(20, 30))
    (masks / "g.png").mkdir()
    told = work(tmp_path / "in", tmp_path / "out", Masks(tmp_path / "masks"))
    assert {stem: outcome.status for stem, outcome in told.items() if outcome.status != "failed"} == {"a": "enhanced"}
    assert told["b"].error == f"it has no mask: there is no {masks / 'b'} with the suffix of a picture"
    assert told["c"].error.startswith(f"{masks / 'c.png'}: the mask has 31 x 20 pixels, and its picture 30 x 20")
    assert told["d"].error.startswith(f"{masks / 'd.png'}: a mask is a gray picture")
    assert told["e"].error == f"{masks / 'e.bmp'} and {masks / 'e.tif'} could both be its mask: keep one of them"
    assert str(masks / "f.png") in told["f"].error
    assert told["g"].error.startswith(f"{masks / 'g.png'}: cannot be read: ")
    assert [path.name for path in (tmp_path / "out/sub").iterdir()] == ["a.png"]


def test_a_dot_in_a_name_is_no_suffix(tmp_path: Path) -> None:
    save(tmp_path / "v1.png", soft(4, 4)[..., None])
    save(tmp_path / "v1.2.PNG", soft(4, 4)[..., None], format="PNG")
    item = Item(Path("in/v1.2.jpg"), Path("out/v1.2.jpg"), "v1.2.jpg", "v1.2.jpg")
    assert Masks(tmp_path).file(item) == tmp_path / "v1.2.PNG"
    with pytest.raises(ImageError, match="no mask"):
        Masks(tmp_path).file(Item(Path("in/v1.2.3.jpg"), Path("x"), "v1.2.3.jpg", "x"))


def test_resuming_does_what_has_another_mask_again(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / f"in/{name}.png", picture(20, 30, seed=ord(name)))
        save(tmp_path / f"masks/{name}.png", soft(20, 30)[..., None])
    ends = tmp_path / "in", tmp_path / "out", Masks(tmp_path / "masks")
    work(*ends)
    assert {stem: one.status for stem, one in work(*ends, resume=True).items()} == {"a": "done", "b": "done"}
    save(tmp_path / "masks/b.png", soft(20, 30)[:, ::-1, None])
    assert {stem: one.status for stem, one in work(*ends, resume=True).items()} == {"a": "done", "b": "enhanced"}
    b = read(tmp_path / "in/b.png")
    assert np.abs(read(tmp_path / "out/b.png") - expected(b, soft(20, 30)[:, ::-1])).max() <= 0.5 + 1e-9


def test_the_command(tmp_path: Path) -> None:
    """In tiles and whole, by the program and from Python; with a report, a plan, and what it refuses."""
    mask = soft(90, 120)
    save(tmp_path / "in/a.png", picture(90, 120) // 4)  # dark, so that there is something to do
    save(tmp_path / "in/b.png", picture(90, 120, seed=1) // 4)
    save(tmp_path / "masks/a.jpg", mask[..., None], quality=100)
    plain = ("--model", "backlit", "--device", "cpu", "--precision", "fp32", "--threads", 1)
    masked = (*plain, "--mask", tmp_path / "masks")
    code, said, _ = inside(tmp_path / "in", tmp_path / "out", *masked, "--dry-run", "--json")
    rows = [json.loads(line) for line in said.splitlines()]
    assert [row["status"] for row in rows if row["type"] == "picture"] == ["planned", "failed"]
    assert code == 1
    assert not (tmp_path / "out").exists()
    save(tmp_path / "masks/b.png", mask[..., None])
    report = tmp_path / "r.json"
    code, _, told = inside(tmp_path / "in", tmp_path / "out", *masked, "--report", report, "--history")
    assert code == 0, told
    assert json.loads(report.read_text())["summary"]["mask"] == str(tmp_path / "masks")
    made = read(tmp_path / "out/b.png")
    assert np.array_equal(made[:, :20], read(tmp_path / "in/b.png")[:, :20])
    assert b"inside a mask" in (tmp_path / "out/b.png").read_bytes()
    code, _, _ = inside(tmp_path / "in/b.png", tmp_path / "tiled.png", *masked, "--tile", 32)
    assert code == 0
    assert np.abs(read(tmp_path / "tiled.png").astype(int) - made).max() <= 1
    code, _, _ = inside(tmp_path / "in/b.png", tmp_path / "whole.png", *plain)
    whole = read(tmp_path / "whole.png")
    assert code == 0
    assert np.array_equal(made[:, 100:], whole[:, 100:])
    assert (made[:, :20] != whole[:, :20]).any()
    model = restore.load("backlit", device="cpu", precision="fp32", threads=1)
    assert np.array_equal(model(read(tmp_path / "in/b.png"), mask=mask), made)
    restore.enhance(
        tmp_path / "in/b.png", tmp_path / "c.png", "backlit", mask=tmp_path / "masks", device="cpu", precision="fp32"
    )
    assert np.array_equal(read(tmp_path / "c.png"), made)
    code, _, told = inside(tmp_path / "in", tmp_path / "again", "--mask", tmp_path / "masks", "--device", "cpu")
    assert code == 2
    assert "--mask: sr-x2 enlarges, and only what keeps its size can change inside a mask" in " ".join(told.split())


def test_places_that_are_none() -> None:
    assert Masks.parse("alpha") == Masks()
    assert str(Masks()) == "alpha"
    with pytest.raises(PlanError, match=r"--mask \./alpha: no such file or folder; alpha takes the alpha channel"):
        Masks.parse("./alpha")
    with pytest.raises(PlanError, match=r"--mask s3://bucket/masks: masks are files on this machine"):
        Masks.parse("s3://bucket/masks")


def test_masks_in_folders_are_not_for_stores(tmp_path: Path) -> None:
    from dataclasses import replace

    from restore.jobs.request import Request
    from restore.stores.address import parse

    fields = dict.fromkeys(Request.__dataclass_fields__)
    request = Request(
        **{
            **fields,
            "sources": (parse("s3://bucket/in"),),
            "target": parse("s3://bucket/out"),
            "size": TargetSize(),
            "engine": "local",
            "frames": "first",
            "model": "backlit",
            "masks": Masks(tmp_path),
        }
    )
    with pytest.raises(PlanError, match="works with folders, and s3://bucket/in is in a store: use --mask alpha"):
        refuse_contradictions(request)
    refuse_contradictions(replace(request, masks=Masks()))


def test_masks_are_neither_enhanced_nor_overwritten(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(20, 30))
    save(tmp_path / "in/masks/a.png", soft(20, 30)[..., None])
    masks = ("--model", "backlit", "--mask", tmp_path / "in/masks")
    code, _, told = inside(tmp_path / "in", tmp_path / "out", *masks)
    assert code == 2
    assert "so that masks would be enhanced like pictures: move them elsewhere" in " ".join(told.split())
    for target in (tmp_path / "in/masks", tmp_path / "in/masks/made", tmp_path / "in/masks/a.png"):
        code, _, told = inside(tmp_path / "in/a.png", target, *masks, "--overwrite")
        assert code == 2
        assert "results would be mixed with masks" in " ".join(told.split())
    assert not (tmp_path / "out").exists()


def test_arrays_that_are_no_masks() -> None:
    model, pixels = restore.load("backlit", device="cpu", threads=1), picture(20, 30)
    for mask in (np.zeros((20, 31), np.uint8), np.zeros((20, 30), np.float32), np.zeros((20, 30, 1), np.uint8)):
        with pytest.raises(ValueError, match="it must be uint8 or uint16, of the picture's shape"):
            model(pixels, mask=mask)
    enlarging = restore.load("sr-x2", device="cpu", threads=1)
    with pytest.raises(ValueError, match="mask: sr-x2 enlarges"):
        enlarging(pixels, mask=np.zeros((20, 30), np.uint8))
