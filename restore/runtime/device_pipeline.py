"""Convert pixels on the device: a quarter of the bytes cross the bus, and the CPU converts nothing.

Three sessions are chained, and the values between them stay on the device: pixels to floats, any model, floats to
pixels. scripts/make_graphs.py makes the conversion graphs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from restore.errors import ModelError
from restore.imaging.arrays import AnyArray, AnyDtype
from restore.runtime.conditioning import NOTHING, Aside
from restore.runtime.devices import Provider
from restore.runtime.pixels import PixelNetwork, Pixels, check_finite, check_shape, from_range, to_range
from restore.runtime.running import run_options
from restore.spec import ModelSpec

GRAPHS = Path(__file__).parent / "graphs"


@dataclass(frozen=True)
class _Ends:
    """The conversion graphs for one pixel type, with the gain and offset of each."""

    entry: ort.InferenceSession
    entry_line: Mapping[str, ort.OrtValue]
    exit: ort.InferenceSession
    exit_line: Mapping[str, ort.OrtValue]


class DeviceChain(PixelNetwork):
    """A session with both conversions on its device; its results equal :class:`FloatNetwork`'s.

    Args:
        session: of a model with its spec's inputs.
        spec: of the model.
        kind: device of the values: ``cuda`` or ``cpu``.
        index: number of the device.
    """

    def __init__(self, session: ort.InferenceSession, spec: ModelSpec, kind: str, index: int = 0) -> None:
        self.spec = spec
        self.device = f"{kind}:{index}" if kind == "cuda" else kind
        self._session = session
        self._where = (kind, index)
        self._input, self._output = session.get_inputs()[0].name, session.get_outputs()[0].name
        self._ends: dict[AnyDtype, _Ends] = {}

    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        try:
            ends = self._ends.get(batch.dtype) or self._open_ends(batch.dtype)
            inputs = {"pixels": self._put(np.ascontiguousarray(batch)), **ends.entry_line}
            (floats,) = self._run(ends.entry, inputs, ["values"], self._where)
            inputs = {self._input: floats, **{name: self._put(values) for name, values in aside.items()}}
            (result,) = self._run(self._session, inputs, [self._output], self._where)
            check_shape(self.spec, batch.shape, tuple(result.shape()))
            inputs = {"values": result, **ends.exit_line}
            pixels, finite = self._run(ends.exit, inputs, ["pixels", "finite"], ("cpu", 0))
        except ModelError:
            raise
        except Exception as error:  # onnxruntime raises a different class for every cause
            raise ModelError(f"{self.spec.name} failed on {batch.shape} pixels: {str(error)[:300]}") from error
        check_finite(self.spec, bool(np.isfinite(finite.numpy()).all()))
        out: Pixels = pixels.numpy()
        return out

    def _put(self, array: AnyArray) -> ort.OrtValue:
        return ort.OrtValue.ortvalue_from_numpy(array, *self._where)

    def _open_ends(self, dtype: AnyDtype) -> _Ends:
        ends = _Ends(
            entry=self._graph(f"from_{dtype}.onnx"),
            entry_line=self._line(*to_range(self.spec, dtype)),
            exit=self._graph(f"to_{dtype}.onnx"),
            exit_line=self._line(*from_range(self.spec, dtype)),
        )
        self._ends[dtype] = ends
        return ends

    def _line(self, gain: np.float32, offset: np.float32) -> dict[str, ort.OrtValue]:
        return {"gain": self._put(np.array(gain)), "offset": self._put(np.array(offset))}

    def _graph(self, name: str) -> ort.InferenceSession:
        kind, index = self._where
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.enable_mem_pattern = False
        provider: Provider = "CPUExecutionProvider"
        if kind == "cuda":
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
            provider = ("CUDAExecutionProvider", {"device_id": str(index)})
        return ort.InferenceSession(str(GRAPHS / name), options, providers=[provider], enable_fallback=0)

    @staticmethod
    def _run(
        session: ort.InferenceSession,
        inputs: Mapping[str, ort.OrtValue],
        outputs: Sequence[str],
        where: tuple[str, int],
    ) -> list[ort.OrtValue]:
        binding = session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name in outputs:
            binding.bind_output(name, *where)
        with run_options("the model") as options:
            session.run_with_iobinding(binding, options)
        values: list[ort.OrtValue] = binding.get_outputs()
        return values
