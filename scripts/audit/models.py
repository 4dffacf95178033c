"""Hostile model files: ``restore verify`` and ``restore enhance`` end in time, with a message of ours."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from .commands import command, refused
from .findings import Audit
from .mutations import damaged
from .rounds import rounds
from .small_model import SPEC, endless, model, resize
from .worker import Answer, Limits, Worker

PART = "models"
# A verification runs the model several times, each within this limit.
_RUN_SECONDS = 2
_LIMITS = Limits(cpu=60, wall=180, memory=2**31)


class _Hostile(NamedTuple):
    kind: str
    data: bytes
    # Whether the commands must refuse it; otherwise they may also succeed.
    verify_refuses: bool = True
    enhance_refuses: bool = True
    ends: bool = True  # nothing ends a job whose model does not


def hostile_models(draw: random.Random) -> Iterator[_Hostile]:
    """One of each kind, with random parts."""
    from onnx import TensorProto, helper

    good = model()
    yield _Hostile("right", good, False, False)
    yield _Hostile("empty", b"")
    yield _Hostile("not protobuf", draw.randbytes(draw.randrange(1, 5000)))
    yield _Hostile("truncated", good[: draw.randrange(1, len(good) - 1)], False, False)
    huge = draw.choice([2**31 - 1, 2**40, 2**62, -1])
    yield _Hostile("huge input", model(shape=(1, 3, huge, huge)), True, False)
    empty = TensorProto(name="huge", data_type=TensorProto.FLOAT, dims=[huge])
    add = helper.make_node("Add", ["doubled", "huge"], ["output"])
    yield _Hostile("huge constant", model([resize("input", "doubled"), add], [empty]))
    size = helper.make_tensor("size", TensorProto.INT64, [4], [1, 3, 2**20, 2**20])
    fill = helper.make_node("ConstantOfShape", ["size"], ["output"])
    use = helper.make_node("Identity", ["input"], ["unused"])
    yield _Hostile("huge output", model([use, fill], [size]))
    scale = draw.choice([1, 3, 4])
    yield _Hostile("wrong scale", model(spec=json.dumps({**SPEC, "scale": scale})))
    zero = helper.make_tensor("zero", 1, [], [0.0])
    nodes = [
        resize("input", "doubled"),
        helper.make_node("Mul", ["doubled", "zero"], ["black"]),
        helper.make_node("Div", ["black", "zero"], ["output"]),
    ]
    yield _Hostile("not numbers", model(nodes, [zero]), True, False)
    yield _Hostile("endless", endless(), ends=False)
    yield _Hostile("bytes as input", model(kind=TensorProto.UINT8))
    yield _Hostile("flat input", model(shape=("n", "k")))
    yield _Hostile("no such operator", model([helper.make_node("Evil", ["input"], ["output"])]))
    for kind, spec in _hostile_specs(draw):
        yield _Hostile(f"metadata: {kind}", model(spec=spec))
    for _ in range(20):
        mutant = damaged(draw.randrange(2**31), [good])
        yield _Hostile("mutant", mutant.data, False, False)


def _hostile_specs(draw: random.Random) -> Iterator[tuple[str, str]]:
    depth = draw.randrange(1000, 300_000)
    yield "empty", ""
    yield "no JSON", draw.choice(["{", "scale: 2", "\x00", "NaN", "{]", "'"])
    yield "no object", draw.choice(["[]", "2", "null", '"scale"'])
    yield "deep list", "[" * depth
    yield "deep object", '{"a":' * depth
    yield "deep field", json.dumps(SPEC)[:-1] + ', "notes": ' + "[" * depth + "]" * depth + "}"
    bad: dict[str, list[Any]] = {
        "scale": [0, -1, 2.5, 10**100, "two", None, [2], True, 1e308],
        "halo": [-1, 10**30, "much", {}, None, 0.5],
        "name": ["", 3, None, "x" * 10**6, ["a"]],
        "multiple": [0, -4, 10**20, "x"],
        "kinds": ["photo", [1, 2], {"a": 1}, [[]]],
    }
    for field, values in bad.items():
        yield f"{field} of a wrong kind", json.dumps({**SPEC, field: draw.choice(values)})
    yield "digits", f'{{"name": "a", "halo": 0, "scale": {"9" * 5000}}}'
    control = {**SPEC, "name": "\x1b[2J\x9b31m\u202e\n" + draw.choice(["", "=1+1", "\x00"])}
    yield "control characters", json.dumps({**control, "scale": "\x1b[31m"})


def audit_models(
    audit: Audit,
    folder: Path,
    more: Callable[[], bool],
    kinds: tuple[str, ...] = (),
    task: Callable[[list[str]], Answer] = command,
    limits: Limits = _LIMITS,
) -> None:
    """Verify hostile models, and enhance a picture with them.

    Args:
        audit: receives counts and findings.
        folder: for temporary files.
        more: whether there is time for another one.
        kinds: these alone; empty for all.
        task: runs a command.
        limits: of one command.
    """
    draw = random.Random(f"{audit.seed} {PART}")
    picture, path, out = folder / "picture.png", folder / "model.onnx", folder / "result.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(picture)
    with Worker(task, limits) as worker:
        for one in rounds(lambda: hostile_models(draw), more, lambda one: not kinds or one.kind in kinds):
            path.write_bytes(one.data)
            commands = [(["verify", str(path), "--time-limit", str(_RUN_SECONDS)], one.verify_refuses)]
            if one.ends:
                options = ["--model", str(path), "--device", "cpu", "--overwrite"]
                commands.append((["enhance", str(picture), str(out), *options], one.enhance_refuses))
            for arguments, must_refuse in commands:
                answer = worker.ask(arguments)
                if fault := _fault(answer, must_refuse, one.kind, arguments[0]):
                    what = f"{arguments[0]}: {fault}"
                    audit.found(PART, one.kind, what, ("model.onnx", one.data))
                else:
                    audit.count(PART, one.kind, "accepted" if answer["code"] == 0 else "refused")


def _fault(answer: Answer, must_refuse: bool, kind: str, name: str) -> str:
    if answer.get("fault"):
        return str(answer["fault"])
    if answer["code"] == 0:
        return f"accepted: {answer['said']}" if must_refuse else ""
    if kind == "right":
        return f"refused: {answer['said']}"
    if name == "verify" and answer["code"] == 1 and "failed" in answer["said"].lower():
        return ""  # checks of its own, with what they found
    return refused(answer)
