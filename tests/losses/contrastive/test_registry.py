"""Names and options, as a recipe gives them."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from restore.losses.contrastive.image import ContrastiveLossOptions
from restore.losses.contrastive.objectives.isogclr import IndividualTemperatures
from restore.losses.contrastive.objectives.l1_ratio import L1Ratio
from restore.losses.contrastive.objectives.registry import OBJECTIVES, AnyObjective
from restore.losses.contrastive.patch_nce import PatchNceLossOptions
from restore.losses.contrastive.samples import SAMPLES, AnySample
from restore.losses.registry import LOSSES
from tests.losses.contrastive.conftest import SmallEncoder, pictures, seeded


@pytest.mark.parametrize(
    ("table", "union"), [(OBJECTIVES, AnyObjective), (SAMPLES, AnySample)], ids=["objectives", "samples"]
)
def test_table_and_union_agree(table: dict[str, type], union: object) -> None:
    adapter = TypeAdapter(union)
    for kind, options in table.items():
        assert type(adapter.validate_python({"kind": kind})) is options
    by_models = {"history", "checkpoint", "teacher"} if table is SAMPLES else set()
    assert set(adapter.json_schema()["discriminator"]["mapping"]) == set(table) | by_models


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_defaults_are_those_of_the_objective(kind: str) -> None:
    """The options repeat them, so that a recipe can spell them out."""
    options = OBJECTIVES[kind]()
    built = options.build(7)
    plain = type(built)(7) if isinstance(built, IndividualTemperatures) else type(built)()
    own = {name: value for name, value in vars(built).items() if not name.startswith("_") and name != "training"}
    assert own == {name: vars(plain)[name] for name in own}
    assert all(torch.equal(a, b) for a, b in zip(built.buffers(), plain.buffers(), strict=True))


def test_every_option_arrives() -> None:
    """A value that no default has, for each option of each objective."""
    for options in OBJECTIVES.values():
        given = {name: 0.123 for name in options.model_fields if name not in ("kind", "bounds")}
        built = options(**given).build(3)
        for name in given:
            held = built.temperature if name == "initial" else getattr(built, name)
            assert torch.as_tensor(held).flatten()[0].item() == pytest.approx(0.123), (options, name)


def test_a_recipe_s_words() -> None:
    options = ContrastiveLossOptions.model_validate(
        {
            "kind": "contrastive",
            "weight": 3.0,
            "positives": [{"kind": "target"}, {"kind": "sharpen", "count": 3, "factor": [1.0, 3.0]}],
            "negatives": [{"kind": "input"}, {"kind": "blur", "count": 3, "kernel": [3, 11], "sigma": [0.1, 2.0]}],
            "objective": {"kind": "infonce", "temperature": 1.0},
        }
    )
    module = options.regularizer(SmallEncoder(), SmallEncoder.channels)
    assert module.weights == (0.5, 0.5)
    loss = module(pictures(2, seed=1), pictures(2), pictures(2, 6), seeded())
    assert loss.isfinite()
    assert ContrastiveLossOptions.model_validate(options.model_dump(mode="json")) == options


def test_taps() -> None:
    options = ContrastiveLossOptions(objective={"kind": "l1-ratio", "floor": 0.5}, taps=[0.25, 1.0])
    module = options.regularizer(SmallEncoder(), SmallEncoder.channels)
    assert module.weights == (0.25, 1.0)
    assert [type(o) for o in module.objectives] == [L1Ratio, L1Ratio]
    assert [o.floor for o in module.objectives] == [0.5, 0.5]
    with pytest.raises(ValueError, match=r"taps \[1.0\]: the encoder has 2 taps"):
        ContrastiveLossOptions(taps=[1.0]).regularizer(SmallEncoder(), SmallEncoder.channels)


def test_patch_nce() -> None:
    options = PatchNceLossOptions(
        key="input", positions=9, dim=5, queue=11, mixing={"hardest": 4}, objective={"kind": "debiased", "prior": 0.2}
    )
    module = options.regularizer(SmallEncoder(), SmallEncoder.channels, freeze=False)
    assert (module.key, module.freeze, module.contrast.positions) == ("input", False, 9)
    assert module.contrast.objective.prior == 0.2
    assert module.contrast.mixing.hardest == 4
    assert [queue.keys.shape for queue in module.contrast.queues] == [(11, 5), (11, 5)]
    assert module(pictures(2, seed=1), pictures(2), pictures(2, 6), seeded()).isfinite()
    assert PatchNceLossOptions().regularizer(SmallEncoder(), SmallEncoder.channels).contrast.queues is None


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("contrastive", {"objective": {"kind": "infonce", "temprature": 1}}, "Extra inputs"),
        ("contrastive", {"objective": {"kind": "infonce", "temperature": 0}}, "greater than 0"),
        ("contrastive", {"objective": {"kind": "amcl"}}, "does not match any of the expected tags"),
        ("contrastive", {"objective": {"kind": "debiased", "prior": 1.0}}, "less than 1"),
        ("contrastive", {"objective": {"kind": "isogclr", "initial": 2}}, r"initial \(2.0\) must lie within"),
        ("contrastive", {"objective": {"kind": "isogclr", "bounds": [1, 0.05]}}, "the smaller first"),
        ("contrastive", {"taps": []}, "at least 1 item"),
        ("contrastive", {"weight": 0}, "greater than 0"),
        ("patch-nce", {"objective": {"kind": "cacr"}}, "does not match any of the expected tags"),
        ("patch-nce", {"positions": 1}, "greater than or equal to 2"),
        ("patch-nce", {"mixing": {}}, "set queue, now 0, to 2 or more"),
    ],
)
def test_wrong_options(kind: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        LOSSES[kind].model_validate(options)
