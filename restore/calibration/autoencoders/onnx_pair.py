"""Autoencoders that are two ONNX files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx.compose
import onnx.inliner
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from restore.calibration.autoencoders.autoencoder import Autoencoder, Batch, CodeChange, find_needs
from restore.calibration.opsets import at_opset, opset_of
from restore.errors import ModelError
from restore.runtime.session import cpu_session, first_line
from restore.verify.graphs import count_weights, inputs_of, nodes_of
from restore.verify.pictures import scene

# Where the two files are in a folder: the plain names, and those of optimum's exports.
LAYOUTS = (("encoder.onnx", "decoder.onnx"), ("vae_encoder/model.onnx", "vae_decoder/model.onnx"))
_RANGES = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
_RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}


class OnnxAutoencoder(Autoencoder):
    """An encoder and a decoder in two files, each from one float32 tensor to another, with free axes.

    What an encoder draws from a normal distribution is replaced by the distribution's mean. If it gives twice as many
    values as the decoder takes, these are means and variances, and the means are the code. The values of black and
    white are those by which a picture is given back best: -1 and 1, 0 and 1, or 0 and 255.

    Args:
        encoder: the file.
        decoder: the file.

    Raises:
        ModelError: a file cannot be read or run, or they are not an encoder and a decoder of pictures.
    """

    def __init__(self, encoder: Path, decoder: Path) -> None:
        self.name = encoder.parent.name if encoder.name == LAYOUTS[0][0] else encoder.parent.parent.name
        self._models = _read(encoder), _read(decoder)
        for path, model in zip((encoder, decoder), self._models, strict=True):
            _settle(model, path)
        self._sessions = [
            cpu_session(model.SerializeToString(), path)
            for path, model in zip((encoder, decoder), self._models, strict=True)
        ]
        self._paths = encoder, decoder
        self._kept: int | None = None
        self._low, self._high = 0.0, 1.0
        self._kept = self._means()
        self._low, self._high = self._range()
        self.parameters = sum(map(count_weights, self._models))
        self.opset = max(map(opset_of, self._models))
        self.needs = find_needs(self.encode, self.decode, str(encoder.parent))

    def encode(self, pictures: Batch) -> Batch:
        return self._encoded(self._low + (self._high - self._low) * pictures)

    def decode(self, codes: Batch) -> Batch:
        return ((self._run(1, codes) - self._low) / (self._high - self._low)).astype(np.float32)

    def exported(self, change: CodeChange, opset: int) -> onnx.ModelProto:
        graph = _Graph(opset)
        span, low = self._high - self._low, self._low
        inside = graph.node("Clip", "input", graph.constant("zero", 0.0), graph.constant("one", 1.0))
        wide = graph.node("Add", graph.node("Mul", inside, graph.constant("span", span)), graph.constant("low", low))
        codes = graph.model("encoder", self._models[0], wide)
        if self._kept is not None:
            ends = (graph.integers("first", [0]), graph.integers("kept", [self._kept]), graph.integers("axis", [1]))
            codes = graph.node("Slice", codes, *ends)
        edges = graph.integers("edges", [0, 0, change.reach, change.reach] * 2)
        around = graph.node("Pad", codes, edges, mode="edge")
        moved = graph.node("Conv", around, graph.held("weights", change.weights), graph.held("bias", change.bias))
        decoded = graph.model("decoder", self._models[1], moved if change.rebuilt else graph.together(moved, codes))
        if change.rebuilt:
            low_again = graph.node("Sub", decoded, graph.constant("low_again", low))
            picture = graph.node("Div", low_again, graph.constant("span_again", span))
            return graph.finished(graph.node("Sub", picture, "input"))
        first, second = graph.apart(decoded)
        return graph.finished(graph.node("Div", graph.node("Sub", first, second), graph.constant("span_again", span)))

    def _means(self) -> int | None:
        """How many of the encoder's values are the code; None for all."""
        taken = inputs_of(self._models[1])[0].type.tensor_type.shape.dim[1].dim_value
        given = self._encoded(np.zeros((1, 3, 64, 64), np.float32)).shape[1]
        if taken and given not in (taken, 2 * taken):
            raise ModelError(
                f"{self._paths[0]} gives codes of {given} values, but {self._paths[1]} takes {taken}: they do not "
                "belong together"
            )
        return taken if given == 2 * taken else None

    def _range(self) -> tuple[float, float]:
        picture = np.ascontiguousarray(scene(64, 64).transpose(2, 0, 1)[None] / np.float32(255), np.float32)
        errors = {}
        for low, high in _RANGES:
            self._low, self._high = low, high
            given = self.decode(self.encode(picture))
            if given.shape != picture.shape:
                raise ModelError(
                    f"{self._paths[1]}: gives {' x '.join(map(str, given.shape))} values for a code of a picture of "
                    "64 x 64 pixels: they are not an encoder and a decoder of pictures"
                )
            errors[low, high] = float(np.abs(given - picture).mean())
        return min(errors, key=lambda ends: errors[ends])

    def _encoded(self, values: Batch) -> Batch:
        codes = self._run(0, values.astype(np.float32))
        return codes if self._kept is None else np.ascontiguousarray(codes[:, : self._kept])

    def _run(self, which: int, values: Batch) -> Batch:
        session: ort.InferenceSession = self._sessions[which]
        try:
            result: Batch = session.run(None, {inputs_of(self._models[which])[0].name: values})[0]
        except Exception as error:  # onnxruntime raises a different class for every cause
            shape = " x ".join(map(str, values.shape))
            raise ModelError(f"{self._paths[which]}: fails on {shape}: {first_line(error)}") from error
        return result


def _read(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf and onnx raise many kinds of errors on files that are not models
        raise ModelError(f"{path}: not a readable ONNX file: {first_line(error)}") from error
    model = onnx.inliner.inline_local_functions(model)
    ends = (*inputs_of(model), *model.graph.output)
    if len(inputs_of(model)) != 1 or len(model.graph.output) != 1:
        raise ModelError(
            f"{path}: has {len(inputs_of(model))} inputs and {len(model.graph.output)} outputs; an encoder or a "
            "decoder has one of each"
        )
    for end in ends:
        kind = end.type.tensor_type
        if kind.elem_type != TensorProto.FLOAT or len(kind.shape.dim) != 4:
            raise ModelError(f"{path}: '{end.name}' is not float32 (N, C, H, W): export it like that")
    return model


def _settle(model: onnx.ModelProto, path: Path) -> None:
    """Replace normal noise by its mean, so that equal pictures have equal codes."""
    for node in model.graph.node:
        if node.op_type == "RandomNormalLike" and not any(a.name == "mean" and a.f for a in node.attribute):
            kept = node.input[0]
            node.CopyFrom(helper.make_node("Sub", [kept, kept], list(node.output), name=node.name))
    drawn = sorted({node.op_type for node in nodes_of(model)} & _RANDOM)
    if drawn:
        raise ModelError(
            f"{path}: draws its result at random ({', '.join(drawn)}), so that equal pictures would have different "
            "results: export the mean of the code"
        )


class _Graph:
    """A graph that grows node by node."""

    def __init__(self, opset: int) -> None:
        self._opset = opset
        self._nodes: list[onnx.NodeProto] = []
        self._held: list[TensorProto] = []
        self._domains: dict[str, int] = {"": opset}
        self._ir = 8

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        (output,) = self._add(kind, inputs, 1, attributes)
        return output

    def together(self, *codes: str) -> str:
        """Batches, one after the other."""
        return self.node("Concat", *codes, axis=0)

    def apart(self, batch: str) -> Iterator[str]:
        """Both halves of a batch."""
        count = {"num_outputs": 2} if self._opset >= 18 else {}
        yield from self._add("Split", (batch,), 2, {"axis": 0, **count})

    def model(self, name: str, model: onnx.ModelProto, given: str) -> str:
        """The nodes of a model with one input and one output, which is returned."""
        inner = onnx.compose.add_prefix(at_opset(model, self._opset, f"the {name}"), f"{name}/")
        (taken,) = inputs_of(inner)
        self._nodes.append(helper.make_node("Identity", [given], [taken.name], name=f"{name}/given"))
        self._nodes.extend(inner.graph.node)
        self._held.extend(inner.graph.initializer)
        self._domains |= {entry.domain: entry.version for entry in inner.opset_import if entry.domain != "ai.onnx"}
        self._ir = max(self._ir, inner.ir_version)
        result: str = inner.graph.output[0].name
        return result

    def constant(self, name: str, value: float) -> str:
        return self.held(name, np.array(value, np.float32))

    def integers(self, name: str, values: list[int]) -> str:
        return self.held(name, np.array(values, np.int64))

    def held(self, name: str, value: np.ndarray) -> str:
        self._held.append(numpy_helper.from_array(value, name))
        return name

    def finished(self, output: str) -> onnx.ModelProto:
        self._nodes.append(helper.make_node("Identity", [output], ["output"], name="result"))
        axes: list[str | int | None] = ["batch", 3, "height", "width"]
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, axes) for name in ("input", "output")]
        graph = helper.make_graph(self._nodes, "autoencoder", ends[:1], ends[1:], self._held)
        opsets = [helper.make_opsetid(domain, version) for domain, version in self._domains.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self._ir)

    def _add(self, kind: str, inputs: tuple[str, ...], count: int, attributes: dict[str, object]) -> list[str]:
        number = len(self._nodes)
        outputs = [f"made_{number}_{place}" for place in range(count)]
        node = helper.make_node(kind, list(inputs), outputs, name=f"{kind}_{number}")
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return outputs
