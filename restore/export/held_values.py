"""How much memory a network takes, as values for each pixel of its input."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx

from restore.errors import ModelError
from restore.runtime.session import cpu_session, first_line, quiet_options
from restore.spec import ModelSpec
from restore.verify.feed import aside

# Attention networks hold some thousand values for a pixel, and this computes all that they ever make.
_SIDE = 32
_BYTES = 4


def held_values(model: onnx.ModelProto, spec: ModelSpec, side: int = _SIDE) -> int:
    """The most float32 values that are alive at once while a network runs, for each pixel of its input.

    Each value is held from the operation that makes it to the last that takes it. onnxruntime needs somewhat less,
    because it joins operations and computes some in place.

    Args:
        model: maps float32 (N, 3, H, W), and the spec's other inputs, to a picture.
        spec: describes it.
        side: of the picture to run it on, if its shape is free.

    Raises:
        ModelError: onnxruntime cannot run it.
    """
    count, height, width = spec.shape or (1, spec.side(side), spec.side(side))
    size = _sizes(model, spec, (count, spec.channels, height, width))
    last = {name: number for number, node in enumerate(model.graph.node) for name in node.input}
    forever = {value.name for value in model.graph.output}
    alive = most = sum(size.get(value.name, 0) for value in model.graph.input)
    for number, node in enumerate(model.graph.node):
        alive += sum(size.get(name, 0) for name in node.output)
        most = max(most, alive)
        done = {name for name in (*node.input, *node.output) if last.get(name, number) == number} - forever
        alive -= sum(size.get(name, 0) for name in done)
    return math.ceil(most / (_BYTES * count * height * width))


def _sizes(model: onnx.ModelProto, spec: ModelSpec, shape: tuple[int, int, int, int]) -> Mapping[str, int]:
    """Bytes of everything that a network computes, by name, and of its inputs; not of its weights."""
    names = [name for node in model.graph.node for name in node.output if name]
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = cpu_session(shown.SerializeToString(), spec.name, quiet_options(optimized=False))
    draw = np.random.default_rng(0)
    feed = {"input": draw.random(shape, dtype=np.float32), **aside(spec, shape, draw)}
    feed = dict(zip((end.name for end in session.get_inputs()), feed.values(), strict=True))
    try:
        made = session.run(names, feed)
    except Exception as error:  # onnxruntime raises a different class for every cause
        raise ModelError(f"{spec.name} failed on an input of {shape}: {first_line(error)}") from error
    return {name: np.asarray(value).nbytes for name, value in (*feed.items(), *zip(names, made, strict=True))}
