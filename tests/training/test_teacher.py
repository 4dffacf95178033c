"""Distillation: a teacher's results stand in for photographs, live or from a cache, and it learns nothing itself."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from restore.cli.main import main
from restore.errors import ModelError, RecipeError
from restore.export.load_source import load_source
from restore.export.run import export
from restore.networks.basicsr_adapter import basicsr_arch
from restore.training import teacher_cache
from restore.training.checkpoint import LAST
from restore.training.recipe_file import parse_recipe
from restore.training.state import new_run
from restore.training.step import update
from restore.training.teacher import FrozenTeacher, eight_bits
from restore.training.teacher_cache import RESULTS, SUMS, TeacherCache
from restore.training.trained_network import load_trained
from tests.conftest import picture
from tests.training.test_loop import RECIPE, assert_same, go, stopping_at

CPU = torch.device("cpu")
BY_TEACHER = "losses: [{{kind: l1, teacher: true}}]\nteacher: {{file: {file}}}\n"


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same kinds of file that a user may have: a run, its exported model, and somebody else's checkpoint."""
    folder = tmp_path_factory.mktemp("teachers")
    untrained(RECIPE.replace("depth: 1", "depth: 2"), folder / "run")
    export(load_source(folder / "run"), folder / "model.onnx")
    torch.manual_seed(1)
    save_file(
        basicsr_arch("srvgg_arch", "SRVGGNetCompact")(3, 3, 8, 2, upscale=2).state_dict(), folder / "theirs.safetensors"
    )
    return {"run": folder / "run", "onnx": folder / "model.onnx", "published": folder / "theirs.safetensors"}


def untrained(text: str, folder: Path) -> Path:
    """A run that has only begun."""
    folder.mkdir()
    new_run(parse_recipe(text, "teacher"), folder, CPU).save(LAST)
    return folder


def recipe_with(teacher: Path) -> str:
    return RECIPE + BY_TEACHER.format(file=teacher)


def directly(kind: str, file: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    """What the file's network gives, without any code of teachers."""
    if kind == "published":
        network = basicsr_arch("srvgg_arch", "SRVGGNetCompact")(3, 3, 8, 2, upscale=2).eval()
        network.load_state_dict(load_file(file))
        return network
    return load_trained(file if kind == "run" else file.parent / "run")[1]


@pytest.mark.parametrize("kind", ["run", "onnx", "published"])
def test_each_kind_of_file_teaches_what_its_network_gives(teachers: dict[str, Path], tmp_path: Path, kind: str) -> None:
    run = new_run(parse_recipe(recipe_with(teachers[kind]), "r"), tmp_path, CPU)
    assert run.teacher is not None
    low = torch.randint(0, 256, (4, 3, 12, 12), generator=torch.Generator().manual_seed(0)) / 255
    high = torch.rand(4, 3, 24, 24)
    with torch.no_grad():
        wanted = directly(kind, teachers[kind])(low)
    run.recipe = run.recipe.model_copy(update={"train": run.recipe.train.model_copy(update={"precision": "fp32"})})
    taught = run.taught(low, high)
    torch.testing.assert_close(taught * 255, (taught * 255).round())  # 8 bits, also without a cache
    inside = slice(8, -8)  # a model file mirrors the border of a picture first, where bare networks see zeros
    assert float((taught - wanted.clamp(0, 1))[..., inside, inside].abs().max()) * 255 <= 1.01


def test_the_loss_is_that_to_the_teachers_result_and_trains_the_student_alone(
    teachers: dict[str, Path], tmp_path: Path
) -> None:
    """Whatever the photograph is. The same losses without `teacher` still compare with the photograph."""
    both = "losses: [{kind: l1, teacher: true}, {kind: l2}]\n" + f"teacher: {{file: {teachers['run']}}}\n"
    run = new_run(parse_recipe(RECIPE.replace("24", "2", 1) + both, "r", ["train.precision=fp32"]), tmp_path, CPU)
    assert run.teacher is not None
    low, high = torch.rand(4, 3, 12, 12), torch.rand(4, 3, 24, 24)
    teacher = directly("run", teachers["run"])
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    with torch.no_grad():
        output, taught = run.network(low), run.teacher(low, range(4))
    parts = update(run, low, high).parts
    torch.testing.assert_close(parts["l1"], (output - taught).abs().mean())
    torch.testing.assert_close(parts["l2"], (output - high).square().mean())
    torch.testing.assert_close(run.teacher(low, range(4)), taught, rtol=0, atol=0)
    assert all(
        torch.equal(value, before[name]) for name, value in directly("run", teachers["run"]).state_dict().items()
    )


def test_pieces_of_a_batch_are_taught_their_own(teachers: dict[str, Path], tmp_path: Path) -> None:
    low, high, losses = torch.rand(4, 3, 12, 12), torch.rand(4, 3, 24, 24), []
    for pieces in (1, 2):
        changes = [f"train.accumulate={pieces}", "train.precision=fp32"]
        losses.append(
            update(new_run(parse_recipe(recipe_with(teachers["run"]), "r", changes), tmp_path, CPU), low, high).loss
        )
    torch.testing.assert_close(*losses)


def test_a_cached_teacher_trains_the_same_network_and_is_asked_once_a_sample(
    teachers: dict[str, Path], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten samples in batches of four come round again and again; also when the run is stopped and resumed."""
    text, asked = recipe_with(teachers["run"]), list[int]()
    original = FrozenTeacher.__call__

    def counting(self: FrozenTeacher, low: torch.Tensor, numbers: list[int]) -> torch.Tensor:
        compute = self.compute
        self.compute = lambda low: (asked.append(len(low)), compute(low))[1]
        try:
            return original(self, low, numbers)
        finally:
            self.compute = compute

    monkeypatch.setattr(FrozenTeacher, "__call__", counting)
    data, live, cached = photos.parent, "teacher.samples=10", f"teacher.cache={tmp_path / 'cache'}"
    assert go(data, tmp_path / "live", live, text=text)
    assert sum(asked) == 24 * 4
    asked.clear()
    with stopping_at(2):
        assert not go(data, tmp_path / "cached", live, cached, text=text)
    assert go(data, tmp_path / "cached", resume=True)
    assert len(asked) == 3  # the third batch holds two samples of the first
    assert_same(tmp_path / "live" / LAST, tmp_path / "cached" / LAST)
    assert load_source(tmp_path / "cached").spec.teacher.startswith("test, a run of 0 steps")


def test_distill_fills_the_cache_and_training_asks_no_more(
    teachers: dict[str, Path], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    recipe = tmp_path / "student.yaml"
    recipe.write_text(recipe_with(teachers["onnx"]))
    options = [
        str(recipe),
        "--data",
        str(photos.parent),
        "--set",
        "teacher.samples=6",
        "--set",
        f"teacher.cache={cache}",
    ]
    first = CliRunner().invoke(main, ["distill", *options])
    assert first.exit_code == 0, first.output
    assert f"6 samples, 0 MB in {cache}; 6 to compute by test, plain" in first.output.replace("\n", " ")
    again = CliRunner().invoke(main, ["distill", *options])
    assert "; 0 to compute" in again.output.replace("\n", " ")

    def fails(*_: object) -> torch.Tensor:
        raise AssertionError("the teacher was asked")

    monkeypatch.setattr("restore.runtime.stream.enhance_pixels", fails)
    changes = ("teacher.samples=6", f"teacher.cache={cache}", "train.steps=3", "train.schedule.warmup=1")
    assert go(photos.parent, tmp_path / "run", *changes, text=recipe_with(teachers["onnx"]))


def test_distill_says_what_a_recipe_lacks(photos: Path, teachers: dict[str, Path], tmp_path: Path) -> None:
    recipe = tmp_path / "student.yaml"
    recipe.write_text(recipe_with(teachers["run"]))
    result = CliRunner().invoke(main, ["distill", str(recipe), "--data", str(photos.parent)])
    assert result.exit_code == 2
    assert "no teacher.cache to fill" in result.output


FACTS = {"teacher": "a", "seed": 0}


def test_what_was_cut_off_counts_as_missing(tmp_path: Path) -> None:
    """A crash between two writes, or in one, must not teach black squares."""
    results = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 4), np.uint8)
    results[2] = 0  # all black is a result like any other
    inputs = np.arange(12, dtype=np.uint8).reshape(3, 1, 2, 2)
    with TeacherCache(tmp_path, FACTS, 5, 4) as cache:
        assert cache.read([0], inputs[:1]) is None
        cache.write([0, 2, 4], inputs, results)
        assert np.array_equal(cache.read([4, 0, 2], inputs[[2, 0, 1]]), results[[2, 0, 1]])
        assert cache.read([0, 1], inputs[:2]) is None
    data = bytearray((tmp_path / RESULTS).read_bytes())
    data[50] ^= 1  # of sample 1, which nobody wrote
    data[2 * 48] ^= 1
    (tmp_path / RESULTS).write_bytes(data[: 4 * 48 + 5])
    with TeacherCache(tmp_path, FACTS, 5, 4) as cache:
        assert [cache.holds(number) for number in range(5)] == [True, False, False, False, False]
    (tmp_path / SUMS).write_bytes(b"")
    with TeacherCache(tmp_path, FACTS, 5, 4) as cache:
        assert not cache.holds(0)


def test_a_result_of_another_input_counts_as_missing(tmp_path: Path) -> None:
    """Another version of restore may make other samples of the same recipe."""
    inputs = np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2)
    with TeacherCache(tmp_path, FACTS, 2, 4) as cache:
        cache.write([0, 1], inputs, np.ones((2, 3, 4, 4), np.uint8))
        assert cache.read([0, 1], inputs) is not None
        assert cache.read([0, 1], inputs[::-1]) is None


def test_a_cache_of_other_samples_is_refused(tmp_path: Path) -> None:
    TeacherCache(tmp_path, FACTS, 5, 4).close()
    with pytest.raises(RecipeError, match=r"holds results for other samples \(other: seed, side\)"):
        TeacherCache(tmp_path, {**FACTS, "seed": 1}, 5, 8)
    (tmp_path / "teacher.json").write_text("{")
    with pytest.raises(RecipeError, match="is damaged"):
        TeacherCache(tmp_path, FACTS, 5, 4)


def test_too_little_space_is_said_first(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"needs another [\d,]+ MB for 1,000,000,000 samples, and [\d,]+ MB are free"):
        TeacherCache(tmp_path, FACTS, 10**9, 512)


def test_a_full_disk_names_file_and_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with TeacherCache(tmp_path, FACTS, 5, 4) as cache:
        monkeypatch.setattr(teacher_cache, "_write_at", full)
        with pytest.raises(RecipeError, match="No space left on device; free some space and resume"):
            cache.write([0], np.zeros((1, 3, 2, 2), np.uint8), np.zeros((1, 3, 4, 4), np.uint8))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecipeError, match=r"teacher.cache: .*file/cache: Not a directory"):
        TeacherCache(tmp_path / "file" / "cache", FACTS, 5, 4)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("losses: [{kind: l1, teacher: true}]", "l1 has teacher: true, and there is none"),
        ("teacher: {file: x}", "no loss uses the teacher"),
        (
            "losses: [{kind: l1}, {kind: total-variation, teacher: true}]\nteacher: {file: x}",
            "total-variation compares the output with no photograph",
        ),
        ("losses: [{kind: l1, teacher: true}]\nteacher: {file: x, cache: y}", "add a number of samples"),
    ],
)
def test_recipes_that_contradict_themselves(recipe: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(RECIPE + recipe, "r")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing.onnx", "no such file; give a run's folder, a checkpoint or a model"),
        ("text.txt", "not a checkpoint .* and not a model"),
        ("broken.safetensors", "not a readable checkpoint"),
        ("broken.pth", "teacher.file: .*broken.pth"),
        ("x4", "enlarges by 4, and this recipe's network by 2"),
    ],
)
def test_files_that_cannot_teach(tmp_path: Path, change: str, message: str) -> None:
    for name in ("text.txt", "broken.safetensors", "broken.pth"):
        (tmp_path / name).write_text("nothing")
    if change == "x4":
        untrained(RECIPE.replace("scale: 2", "scale: 4"), tmp_path / "x4")
    with pytest.raises((ModelError, RecipeError), match=message):
        new_run(parse_recipe(recipe_with(tmp_path / change), "r"), tmp_path / "run", CPU)


def test_a_resumed_run_keeps_its_teacher(teachers: dict[str, Path], photos: Path, tmp_path: Path) -> None:
    text = recipe_with(teachers["run"])
    with stopping_at(2):
        assert not go(photos.parent, tmp_path / "run", text=text)
    with pytest.raises(RecipeError, match="is not the teacher that .* began with, test, a run of 0 steps"):
        go(photos.parent, tmp_path / "run", f"teacher.file={teachers['published']}", resume=True)


FROM_START = "losses: [{kind: l1, teacher: true}, {kind: l2}]\nteacher: {start: true}\n"


def test_a_run_can_be_taught_by_its_own_start(photos: Path, tmp_path: Path) -> None:
    """At its first step there is nothing to learn of it; it stays as it was, and the run names and exports it."""
    data, first = photos.parent, tmp_path / "first"
    assert go(data, first)
    text = RECIPE + FROM_START
    run = new_run(parse_recipe(text, "r", ["train.precision=fp32"]), tmp_path / "new", CPU, start_from=first)
    low, high = torch.rand(4, 3, 12, 12), torch.rand(4, 3, 24, 24)
    with torch.no_grad():
        before = load_trained(first)[1](low)
    torch.testing.assert_close(run.taught(low, high), eight_bits(before) / 255)
    assert float(update(run, low, high).parts["l1"]) <= 0.5 / 255 + 1e-6  # but for the teacher's 8 bits
    torch.testing.assert_close(run.taught(low, high), eight_bits(before) / 255)

    assert go(data, tmp_path / "whole", text=text, start_from=first)
    with stopping_at(13):
        assert not go(data, tmp_path / "broken", text=text, start_from=first)
    (first / LAST).unlink()  # the run has kept it
    assert go(data, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "broken" / LAST)
    assert load_source(tmp_path / "whole").spec.teacher.startswith("a run of 24 steps")


def test_a_start_that_teaches_must_be_given(teachers: dict[str, Path], photos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"teacher.start: true learns from .* starts from none: add --start RUN"):
        go(photos.parent, tmp_path / "run", text=RECIPE + FROM_START)
    with stopping_at(2):
        assert not go(photos.parent, tmp_path / "run", text=recipe_with(teachers["run"]))
    change = "teacher={start: true}"
    with pytest.raises(RecipeError, match="learns from the weights that .*run started from, and they are not kept"):
        go(photos.parent, tmp_path / "run", change, resume=True)
    for teacher in ("{}", "{start: true, file: run}", "{samples: 4}"):
        with pytest.raises(RecipeError, match="a teacher is a file, or start: true"):
            parse_recipe(RECIPE + "losses: [{kind: l1, teacher: true}]\nteacher: " + teacher + "\n", "r")
    with pytest.raises(RecipeError, match="teacher.cache keeps the results of a file"):
        parse_recipe(RECIPE + FROM_START.replace("true}\n", "true, samples: 4, cache: here}\n"), "r")


def test_blurred_pictures_keep_the_photograph_as_target(teachers: dict[str, Path], tmp_path: Path) -> None:
    """Noisy ones do not: what the teacher makes of those is worth keeping."""
    photo = torch.from_numpy(picture(128, 96, seed=1)).permute(2, 0, 1)[None].float().div(255)
    wide = F.avg_pool2d(F.pad(photo, (2, 2, 2, 2), mode="reflect"), 5, 1)
    noisy = (photo + 0.1 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    inputs, photos = torch.cat([wide, noisy, wide]), torch.cat([photo, photo, photo])
    teacher = untrained(RECIPE.replace("scale: 2", "scale: 1"), tmp_path / "teacher")
    text = recipe_with(teacher).replace("scale: 2", "scale: 1").replace("file:", "unless_blurred: 0.35, file:")
    run = new_run(parse_recipe(text, "r", ["train.precision=fp32"]), tmp_path / "new", CPU)
    assert run.teacher is not None
    made = run.teacher(inputs, range(3))
    taught = run.taught(inputs, photos)
    for one, wanted in zip(taught, (photo[0], made[1], photo[0]), strict=True):
        torch.testing.assert_close(one, wanted, rtol=0, atol=0)
    assert not torch.equal(made[0], photo[0])


def test_unpaired_data_can_be_taught(folders: Path, tmp_path: Path) -> None:
    """The teacher's result is the pair that is missing."""
    teacher = untrained(RECIPE.replace("scale: 2", "scale: 1"), tmp_path / "teacher")
    text = (
        recipe_with(teacher)
        .replace("scale: 2", "scale: 1")
        .replace(
            "data: {train: [photos], patch: 12, holdout: 2}",
            "data: {unpaired: {input: [dark], target: [light]}, patch: 12}",
        )
    )
    assert go(folders, tmp_path / "run", "train.steps=2", "train.schedule.warmup=1", text=text)
    with pytest.raises(RecipeError, match="unless_blurred needs photographs to keep as targets"):
        parse_recipe(text, "r", ["teacher.unless_blurred=0.2"])


def test_eight_bits() -> None:
    results = torch.tensor([-1.0, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 7.0], requires_grad=True)
    assert eight_bits(results).tolist() == [0, 0, 0, 1, 255, 255]
