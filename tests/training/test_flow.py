"""A rectified flow (PMRF): trained behind a network that stays, exported as one file, the same in tiles and again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from restore.cli.main import main
from restore.errors import ModelError, RecipeError
from restore.export.load_source import load_source
from restore.export.run import export
from restore.networks.rectified_flow import RectifiedFlow, way
from restore.networks.velocity import VelocityNet, VelocityOptions
from restore.runtime.model import open_model
from restore.runtime.noise import noise_field
from restore.runtime.stream import StreamOptions, enhance_pixels, enhance_stream
from restore.training.checkpoint import LAST
from restore.training.flow import WithNoise
from restore.training.recipe_file import parse_recipe
from restore.training.resume_notes import option_notes
from restore.training.state import new_run
from restore.training.step import update
from restore.training.trained_network import load_trained
from tests.conftest import picture
from tests.networks.learning import silent_weights
from tests.training.test_loop import RECIPE, assert_same, go, stopping_at

CPU = torch.device("cpu")
SMALL = "{kind: velocity, width: 8, blocks: 1, middle: 1}"
MEAN = "{kind: plain, width: 16, depth: 1}"
PUBLISHED = "{kind: spandrel, checkpoint: x.pth, found: {architecture: a, sha256: b, multiple: 1, minimum: 1}}"
FLOW = RECIPE.replace(MEAN, SMALL) + "losses: [{kind: l2}]\n"


def flow(mean: Path, steps: int = 3, text: str = FLOW) -> str:
    return f"{text}flow: {{mean: {mean}, network: {MEAN}, sigma: 0.1, steps: {steps}}}\n"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the network that the flow begins at."""
    folder = tmp_path_factory.mktemp("mean")
    new_run(parse_recipe(RECIPE, "mean"), folder, CPU).save(LAST)
    return folder


@pytest.fixture(scope="module")
def awake(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a flow whose every part has a visible effect, which ten steps do not give it."""
    folder = tmp_path_factory.mktemp("awake")
    run = new_run(parse_recipe(flow(start), "flow"), folder, CPU)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in run.average.module.parameters():
            parameter.add_(0.04 * torch.randn_like(parameter))
    run.save(LAST)
    return folder


@pytest.fixture(scope="module")
def file(awake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "flow.onnx"
    export(load_source(awake), path)
    return path


def test_halo_of_the_velocity_is_what_it_reaches() -> None:
    options = VelocityOptions(width=8, blocks=1, middle=1)
    torch.manual_seed(0)
    network = options.build(1).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    side = 2 * options.halo(1) + 12
    side += -side % options.multiple(1)
    reached = 0
    for place in range(side // 2, side // 2 + 4):
        x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        network(x, torch.rand(1, dtype=torch.float64))[..., place, place].sum().backward()
        rows = torch.nonzero((x.grad.abs().sum(dim=(0, 1)) > 0).any(dim=1)).flatten()
        reached = max(reached, place - int(rows.min()), int(rows.max()) - place)
    assert reached == options.halo(1)


def test_every_weight_of_the_velocity_learns_and_the_time_matters() -> None:
    torch.manual_seed(0)
    network, x = VelocityNet(8, 1, 1), torch.rand(2, 3, 16, 24)
    early, late = (network(x, torch.full((2,), time)).detach() for time in (0.0, 0.8))
    assert early.shape == x.shape
    assert float((early - late).abs().max()) > 1e-4
    torch.testing.assert_close(network(x, torch.tensor([0.8])).detach(), late)
    assert silent_weights(_At(network), x) == []


class _At(torch.nn.Module):
    """A velocity at one time."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.network(x, x.new_tensor([0.3]))
        return made


def test_a_way_is_straight_from_the_noisy_mean_to_the_target() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, target = torch.rand(8, 3, 5, 6), torch.rand(8, 3, 5, 6)
    points, velocities, times = way(mean, target, 0.1, generator)
    assert torch.equal((times * 8).floor(), torch.arange(8.0)), "one time in each eighth"
    left = (1 - times)[:, None, None, None]
    torch.testing.assert_close(points + left * velocities, target)
    noise = (target - velocities - mean) / 0.1
    assert abs(float(noise.std()) - 1) < 0.1
    assert abs(float(noise.mean())) < 0.1


def test_with_the_true_velocity_it_arrives_whatever_the_number_of_steps() -> None:
    """The velocity of the straight way to one target is constant along it."""
    target = torch.rand(2, 3, 4, 6)

    class Towards(torch.nn.Module):
        def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            return (target - x) / (1 - time)

    x, noise = torch.rand(2, 3, 4, 6), torch.randn(2, 3, 4, 6)
    for steps in (1, 2, 5):
        flow = RectifiedFlow(torch.nn.Identity(), Towards(), 1, 0.1, steps)
        torch.testing.assert_close(flow(x, torch.ones(2), noise), target)
        some = flow(x, torch.tensor([0.0, 0.5]), noise)
        torch.testing.assert_close(some[0], x[0], msg="strength 0 changes nothing")
        torch.testing.assert_close(some[1], (x[1] + target[1]) / 2)


def test_training_leaves_the_mean_alone(start: Path, tmp_path: Path) -> None:
    run = new_run(parse_recipe(flow(start), "r"), tmp_path, CPU)
    assert run.flow is not None
    assert "run of 0 steps" in run.started_from
    before = {name: value.clone() for name, value in run.flow.mean.state_dict().items()}
    theirs = load_file(start / LAST)
    assert all(torch.equal(value, theirs[f"average.{name}"]) for name, value in before.items())
    weights = [parameter.clone() for parameter in run.network.parameters()]
    result = update(run, torch.rand(4, 3, 12, 12), torch.rand(4, 3, 24, 24))
    assert set(result.parts) == {"l2"}
    assert all(torch.equal(value, before[name]) for name, value in run.flow.mean.state_dict().items())
    assert all(not torch.equal(a, b) for a, b in zip(weights, run.network.parameters(), strict=True))


def test_pieces_of_a_batch_give_the_same_step(start: Path, tmp_path: Path) -> None:
    made = []
    for accumulate in (1, 2):
        text = flow(start)
        run = new_run(
            parse_recipe(text, "r", [f"train.accumulate={accumulate}", "train.precision=fp32"]), tmp_path, CPU
        )
        torch.manual_seed(3)
        low, high = torch.rand(4, 3, 12, 12), torch.rand(4, 3, 24, 24)
        made.append(update(run, low, high))
    torch.testing.assert_close(made[0].loss, made[1].loss)
    torch.testing.assert_close(made[0].norm, made[1].norm)


def test_a_resumed_run_is_the_same_without_the_file_of_its_mean(start: Path, folders: Path) -> None:
    (folders / "light").rename(folders / "photos")
    mean = folders / "mean"
    shutil.copytree(start, mean)
    assert go(folders, folders / "whole", text=flow(mean))
    with stopping_at(11):
        assert not go(folders, folders / "parts", text=flow(mean))
    shutil.rmtree(mean)
    assert go(folders, folders / "parts", resume=True)
    assert_same(folders / "whole" / LAST, folders / "parts" / LAST)
    assert isinstance(load_trained(folders / "parts")[1], RectifiedFlow)


def test_the_file_is_the_network_and_says_what_it_takes(awake: Path, file: Path) -> None:
    model = open_model(file, "cpu", threads=1)
    assert model.spec.inputs == ("input", "strength", "noise")
    assert (model.spec.noise, model.spec.flow, model.spec.seed, model.spec.strength) == (True, 3, 0, True)
    network = load_trained(awake)[1]
    x = torch.rand(2, 3, 14, 20)
    strength, noise = torch.tensor([1.0, 0.3]), torch.randn(2, 3, 28, 40)
    with torch.no_grad():
        wanted = network(x, strength, noise).numpy()
    got = model(x.numpy(), strength=strength.numpy(), noise=noise.numpy())
    np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_it_is_not_the_mean_and_at_strength_0_it_is(start: Path, file: Path) -> None:
    model = open_model(file, "cpu", threads=1)
    x = np.random.default_rng(0).random((1, 3, 12, 16), np.float32)
    noise = noise_field(range(24), range(32))
    with torch.no_grad():
        mean = load_trained(start)[1](torch.from_numpy(x)).clamp(0, 1).numpy()
    none = model(x, strength=np.zeros(1, np.float32), noise=noise)
    np.testing.assert_allclose(none, mean, atol=1e-6)
    assert np.abs(model(x, strength=np.ones(1, np.float32), noise=noise) - mean).mean() > 0.02


def test_tiles_batches_and_runs_agree_with_the_whole(file: Path) -> None:
    pixels = picture(90, 121, seed=4)
    model = open_model(file, "cpu", threads=1)
    whole = enhance_pixels(pixels, model, model.spec, tile=512).astype(int)
    assert np.array_equal(enhance_pixels(pixels, open_model(file, "cpu", threads=1), model.spec, tile=512), whole)
    for tile in (16, 37):
        assert np.abs(enhance_pixels(pixels, model, model.spec, tile=tile) - whole).max() <= 1
    others = [picture(60, 50, seed=5), pixels]
    made = list(enhance_stream(others, model, StreamOptions(tile=24, batch=3, fixed=True)))
    assert np.abs(made[1].astype(int) - whole).max() <= 1


def test_a_seed_chooses_the_result(file: Path) -> None:
    pixels = picture(40, 40)
    made = []
    for seed in ("0", "0", "7"):
        model = open_model(file, "cpu", threads=1, given={"seed": seed})
        made.append(enhance_pixels(pixels, model, model.spec).astype(int))
    assert np.array_equal(made[0], made[1])
    assert np.abs(made[0] - made[2]).mean() > 2
    with pytest.raises(ModelError, match="'seed'"):
        open_model(file, "cpu", given={"seed": "-1"})


def test_python_and_the_file_give_the_same_pixels(awake: Path, file: Path) -> None:
    """Validation draws the noise that the runtime does, so that it measures what users get."""
    pixels = picture(48, 52)
    model = open_model(file, "cpu", threads=1)
    network = load_trained(awake)[1]
    assert isinstance(network, RectifiedFlow)
    x = torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    with torch.no_grad():
        wanted = WithNoise(network)(x)[0].permute(1, 2, 0).mul(255).numpy()
    got = enhance_pixels(pixels, model.__call__, model.spec.but(border=0))  # validation mirrors no border
    assert np.abs(np.clip(np.rint(wanted), 0, 255) - got).max() <= 1


@pytest.mark.slow
def test_steps_and_seed_are_chosen_at_export(awake: Path, start: Path, tmp_path: Path) -> None:
    def command(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(main, [str(one) for one in arguments])
        return result.exit_code, result.output

    made = tmp_path / "one.onnx"
    assert command("export", awake, made, "--flow-steps", 1, "--seed", 9)[0] == 0
    spec = open_model(made, "cpu").spec
    assert (spec.flow, spec.seed) == (1, 9)
    assert spec.halo < load_source(awake).spec.halo
    assert command("verify", made, "--against", awake)[0] == 0
    for option, says in (("--flow-steps", "has no flow"), ("--seed", "takes no noise")):
        code, said = command("export", start, tmp_path / "no.onnx", option, 2)
        assert code == 2
        assert f"{says}, so remove {option}" in " ".join(said.split())


def test_a_flow_can_teach(awake: Path, tmp_path: Path) -> None:
    teacher = f"losses: [{{kind: l1, teacher: true}}]\nteacher: {{file: {awake}}}\n"
    run = new_run(parse_recipe(RECIPE + teacher, "r"), tmp_path, CPU)
    low, high = torch.rand(4, 3, 12, 12), torch.rand(4, 3, 24, 24)
    taught = run.taught(low, high)
    assert taught.shape == (4, 3, 24, 24)
    assert torch.equal(taught, run.taught(low, high))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (SMALL, MEAN, "flow needs a network that takes a time, such as {kind: velocity}, not 'plain'"),
        ("kind: l2", "kind: l1", r"only l2 has: use losses: \[{kind: l2}\]"),
        ("patch: 12", "patch: 13", "data.patch: .* multiples of 2, not 13"),
        ("sigma: 0.1", "sigma: 0", "flow.sigma"),
        ("steps: 3", "steps: 101", "flow.steps"),
        (f"network: {MEAN}", f"network: {SMALL}", "'velocity' is a velocity itself"),
        (f"network: {MEAN}", "network: {kind: bilateral-grid}", "'bilateral-grid' takes a thumbnail"),
        (f"network: {MEAN}", f"network: {PUBLISHED}", "'spandrel' is built from another file"),
        ("sigma: 0.1", "noise: 0.1", "noise"),
    ],
)
def test_what_does_not_fit_is_refused(old: str, new: str, says: str) -> None:
    text = flow(Path("mean"))
    assert old in text
    with pytest.raises(RecipeError, match=says):
        parse_recipe(text.replace(old, new), "r")


def test_another_mean_is_of_no_effect_later() -> None:
    before = parse_recipe(flow(Path("mean")), "r")
    for change, says in (
        ("flow.mean=other", "(no effect: the run keeps the network that its flow began at)"),
        ("flow.steps=9", "changed from step 12 on: flow.steps: 3 -> 9"),
    ):
        (line,) = option_notes(before, parse_recipe(flow(Path("mean")), "r", [change]), [change], 12)
        assert line.endswith(says)


def test_a_flow_stands_alone(tmp_path: Path, start: Path) -> None:
    with pytest.raises(RecipeError, match="'velocity' is a velocity: add flow"):
        parse_recipe(FLOW, "r")
    with pytest.raises(RecipeError, match="flow cannot be combined with teacher"):
        parse_recipe(flow(start).replace("l2}", "l2, teacher: true}") + f"teacher: {{file: {start}}}\n", "r")
    with pytest.raises(ModelError, match=r"flow.network does not fit"):
        new_run(parse_recipe(flow(start).replace(MEAN, MEAN.replace("16", "8")), "r"), tmp_path, CPU)
    with pytest.raises(ModelError, match="nowhere"):
        new_run(parse_recipe(flow(Path("nowhere")), "r"), tmp_path, CPU)
