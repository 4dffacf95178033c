"""Open an ONNX model: its spec, and functions on float batches and on pixels."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from restore.errors import DeviceError, ModelError, TimeLimitError
from restore.runtime.classification import Belief, Told, likeliest, question
from restore.runtime.conditioning import NOTHING, Aside
from restore.runtime.cpu import usable_cores
from restore.runtime.device_pipeline import DeviceChain
from restore.runtime.devices import Device, ModelFile, TilePlan, choose, provider_list
from restore.runtime.edit import Edit
from restore.runtime.gpu import free_gpu_memory, gpus
from restore.runtime.memory import auto_tile, free_memory
from restore.runtime.ort_install import captured, preload, runtimes
from restore.runtime.pixels import FloatNetwork, PixelNetwork, Pixels
from restore.runtime.plugin_providers import installed_plugins, plugin_device, plugin_options
from restore.runtime.running import run_options
from restore.runtime.session import cpu_session, first_line, quiet_options
from restore.spec import EDIT_HEAD, ModelSpec, read_spec
from restore.utils.user_folders import cache_folder

_BF16_CURE = "it needs --device openvino, its plug-in, and a CPU that multiplies bfloat16 (AMX or AVX-512 BF16)"

# Of OpenVINO on a CPU. Two tiles on a core each take less time than one after the other on both, where the threads wait
# for each other and one of them converts pixels alone. More tiles at once need more memory.
_MOST_STREAMS = 4


class Model(PixelNetwork):
    """An onnxruntime session with its spec and device.

    Attributes:
        file: the model file.
        spec: the model's inputs, output and value range, from its metadata.
        device: where it runs: ``cpu``, ``cuda:0``, ``tensorrt:0``, ``coreml``, ``openvino``, ...
        precision: precision that it computes in: the file's, or ``bf16``.
        plugin: whether a plug-in provider runs it.
        note: why the device is not the expected one, a sentence for the user; empty if it is.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        file: Path,
        spec: ModelSpec,
        device: Device,
        note: str = "",
        on_cpu: bool = False,
        bf16: bool = False,
        parallel: int = 1,
    ) -> None:
        self._session = session
        self.file = file
        self._place = device
        self.spec = spec
        self.note = note
        self.device = device.name
        self.precision: str = "bf16" if bf16 else spec.precision
        self.plugin = device.plugin
        self._on_cpu = on_cpu
        self._input, self._outputs = session.get_inputs()[0].name, [end.name for end in session.get_outputs()]
        on_nvidia = device.kind in ("cuda", "tensorrt")
        if on_nvidia:
            self._pixels: PixelNetwork = DeviceChain(session, spec, "cuda", device.index)
        else:
            self._pixels = FloatNetwork(self, spec, parallel)

    @property
    def on_cpu(self) -> bool:
        return self._on_cpu

    @property
    def width_align(self) -> int:
        # OpenVINO's convolutions take blocks of 16 pixels of a row; `scripts/bench_backends.py --side 516` beside 512
        # shows what the rest of a row costs.
        return 16 if self._on_cpu and self.plugin else 1

    def __call__(self, batch: NDArray[np.float32], **aside: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (N, 3, H, W) and the spec's other inputs to (N, 3, scale * H, scale * W), both in the spec's range."""
        return self._run("output", batch, aside)

    def believe(self, pixels: Pixels) -> Belief | None:
        """Classify uint8 or uint16 RGB (H, W, 3); None if the model does not classify.

        Raises:
            ModelError: the network failed.
        """
        if not self.spec.kinds:
            return None
        batch, aside = question(pixels, self.spec)
        return likeliest(self.shares(batch, **aside), self.spec)

    def tell(self, pixels: Pixels, strength: float = 1.0) -> Told:
        """What :meth:`believe` and :meth:`edit_of` tell about a picture."""
        return Told(self.believe(pixels), self.edit_of(pixels, strength))

    def shares(self, batch: NDArray[np.float32], **aside: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of each of the model's kinds, (N, kinds), for the same arguments as :meth:`__call__`."""
        return self._run("belief", batch, aside)

    def edit_of(self, pixels: Pixels, strength: float = 1.0) -> Edit | None:
        """The edit that the model makes of uint8 or uint16 RGB (H, W, 3); None if it does not tell one.

        Args:
            pixels: the whole picture.
            strength: 0..1.

        Raises:
            ModelError: the network failed, or told numbers that are none.
        """
        if not self.spec.edit:
            return None
        batch, aside = question(pixels, self.spec, strength)
        numbers = self.edits(batch, **aside)[0]
        if not np.isfinite(numbers).all():
            raise ModelError(f"{self.spec.name}: NaN or infinite values in the edit")
        return Edit.of_numbers(numbers)

    def edits(self, batch: NDArray[np.float32], **aside: NDArray[np.float32]) -> NDArray[np.float32]:
        """The numbers of the model's edits, (N, 5 + 3 * points), for the same arguments as :meth:`__call__`."""
        return self._run("edit", batch, aside)

    def _run(self, name: str, batch: NDArray[np.float32], aside: Aside) -> NDArray[np.float32]:
        feed, which = {self._input: batch, **aside}, self.spec.outputs.index(name)
        try:
            with run_options(self.spec.name) as options:
                output: NDArray[np.float32] = self._session.run([self._outputs[which]], feed, options)[0]
        except TimeLimitError:
            raise
        except Exception as error:  # onnxruntime raises a different class for every cause
            raise ModelError(f"{self.spec.name} failed on an input of {batch.shape}: {first_line(error)}") from error
        return output

    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        return self._pixels.enlarge(batch, aside)

    @property
    def parallel(self) -> int:
        return self._pixels.parallel

    def begin(self, batch: Pixels, aside: Aside = NOTHING) -> Callable[[], Pixels]:
        return self._pixels.begin(batch, aside) if self.parallel > 1 else super().begin(batch, aside)

    def free_memory(self) -> int | None:
        return free_gpu_memory(self._place.index) if isinstance(self._pixels, DeviceChain) else free_memory()


def open_model(
    path: Path,
    device: str = "auto",
    threads: int | None = None,
    given: Mapping[str, str] | None = None,
    plan: TilePlan | None = None,
    bf16: bool = False,
) -> Model:
    """Open an ONNX file.

    Args:
        path: the file.
        device: see :func:`restore.runtime.devices.choose`; a named device never falls back to the CPU.
        threads: CPU threads within an operator (default: one per core available to this process).
        given: spec fields, as text, that override the file's.
        plan: the shapes to expect, for devices that prepare for them; None for those from
            :func:`restore.runtime.memory.auto_tile`.
        bf16: compute a float32 file in bfloat16; needs OpenVINO and a CPU with instructions for it.

    Raises:
        ModelError: missing, not ONNX, unsupported by this onnxruntime, or without the required metadata.
        DeviceError: the requested device cannot be used.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    chosen = find_device(device)
    if bf16 and not (chosen.plugin and chosen.kind == "openvino"):
        raise DeviceError(f"--precision bf16 is not supported on {chosen.name}: {_BF16_CURE}")
    if chosen.kind == "cpu":
        return _open_on_cpu(path, threads, given, chosen.note)
    try:
        if chosen.plugin:
            return _open_on_plugin(chosen, path, threads, given, bf16)
        return _open_on(chosen, path, given, plan)
    except DeviceError as error:
        if device != "auto":
            raise
        return _open_on_cpu(path, threads, given, str(error))


def find_device(device: str) -> Device:
    """The choice of :func:`restore.runtime.devices.choose` on this machine.

    Raises:
        DeviceError: the named device is not available.
    """
    if device == "cpu":
        return choose(device, ort.get_available_providers(), [])
    names, plugins = [gpu.name for gpu in gpus()], [] if device == "auto" else installed_plugins()
    return choose(device, ort.get_available_providers(), names, list(runtimes()), plugins)


def file_spec(path: Path, given: Mapping[str, str] | None = None) -> ModelSpec:
    """The spec of a model file, with the given fields overriding its own.

    Raises:
        ModelError: it cannot be opened, or lacks the required metadata.
    """
    return _spec(cpu_session(path, path, quiet_options(optimized=False)), path, given)


def _open_on_cpu(path: Path, threads: int | None, given: Mapping[str, str] | None, note: str) -> Model:
    options = quiet_options()
    options.intra_op_num_threads = threads or usable_cores()
    # Threads spin during a run, which makes it faster, and sleep between runs, when they would take cores from decoding
    # and encoding.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = cpu_session(path, path, options)
    return Model(session, path, _spec(session, path, given), Device("cpu"), note, on_cpu=True)


def _open_on_plugin(
    device: Device, path: Path, threads: int | None, given: Mapping[str, str] | None, bf16: bool
) -> Model:
    spec = file_spec(path, given)
    place = plugin_device(device.kind, device.index)
    if bf16 and not (place.bf16 and place.hardware == "CPU" and spec.precision == "fp32"):
        why = f"{path.name} is {spec.precision}" if spec.precision != "fp32" else f"{place.name} has no such units"
        raise DeviceError(f"--precision bf16 is not supported on {device.name}: {why}; {_BF16_CURE}")
    threads = threads or usable_cores()
    parallel = min(threads, _MOST_STREAMS) if device.kind == "openvino" and place.hardware == "CPU" else 1
    settings = plugin_options(device.kind, place, threads, parallel, bf16, spec.precision == "fp16")
    options = quiet_options()
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")

    def start() -> ort.InferenceSession:
        options.add_provider_for_devices([place.handle], settings)
        return ort.InferenceSession(str(path), options, enable_fallback=0)

    session = _session(device, path, start)
    return Model(session, path, spec, device, on_cpu=place.hardware == "CPU", bf16=bf16, parallel=parallel)


def _open_on(device: Device, path: Path, given: Mapping[str, str] | None, plan: TilePlan | None) -> Model:
    session = cpu_session(path, path, quiet_options(optimized=False))
    spec, name = _spec(session, path, given), session.get_inputs()[0].name
    plan = plan or TilePlan(tile=auto_tile(spec, None))
    file = ModelFile(name, hashlib.sha256(path.read_bytes()).hexdigest())
    gpu = gpus()[device.index].name if device.kind in ("cuda", "tensorrt") else ""
    options = quiet_options()
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    providers = provider_list(device, spec, plan, file, gpu, tensorrt_version(), cache_folder())
    for _, settings in (p for p in providers if isinstance(p, tuple)):
        if folder := settings.get("trt_engine_cache_path"):
            Path(folder).mkdir(parents=True, exist_ok=True)

    def start() -> ort.InferenceSession:
        preload(ort, tensorrt=device.kind == "tensorrt")
        # Without enable_fallback=0 onnxruntime silently continues on the CPU if the device fails, now or later.
        return ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)

    return Model(_session(device, path, start), path, spec, device)


def _session(device: Device, path: Path, start: Callable[[], ort.InferenceSession]) -> ort.InferenceSession:
    """Start a session, and check that it runs on the device.

    Raises:
        DeviceError: it does not; the message includes what native code printed.
    """
    session, failure = None, None
    with captured() as printed:
        try:
            session = start()
        except Exception as error:  # onnxruntime raises a different class for every cause
            failure = error
    if session is None:
        why = printed.reason or first_line(failure)
        raise DeviceError(f"{device.name} cannot run {path.name}: {why}. {device.cure}") from failure
    if session.get_providers()[0] != device.provider:
        why = f" ({printed.reason})" if printed.reason else ""
        raise DeviceError(f"onnxruntime could not load its {device.provider} for {device.name}{why}. {device.cure}")
    return session


def _spec(session: ort.InferenceSession, path: Path, given: Mapping[str, str] | None) -> ModelSpec:
    try:
        return _described_spec(session, path, given)
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: its names or metadata are not UTF-8 text: the file is damaged") from error


def _described_spec(session: ort.InferenceSession, path: Path, given: Mapping[str, str] | None) -> ModelSpec:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = [end.name for end in [*inputs, *outputs]]  # all, because each is decoded when it is asked for
    extra = tuple(names[1 : len(inputs)])
    of_floats = all(end.type == "tensor(float)" for end in [*inputs, *outputs])
    of_pictures = len(outputs) in (1, 2, 3) and all(len(end.shape) == 4 for end in [*inputs[:1], *outputs[:1]])
    if not (of_floats and of_pictures and set(extra) <= set(ModelSpec.BESIDE)):
        raise ModelError(
            f"{path}: expected one float32 input (N, 3, H, W) and one such output, "
            f"found inputs {_described(inputs)} and outputs {_described(outputs)}"
        )
    spec = read_spec(session.get_modelmeta().custom_metadata_map, str(path), given)
    if extra != spec.inputs[1:]:
        raise ModelError(
            f"{path}: according to its context, strength and noise fields, its inputs besides the picture should be "
            f"{', '.join(spec.inputs[1:]) or 'none'}, but they are {', '.join(extra) or 'none'}"
        )
    wanted = [*([len(spec.kinds)] if spec.kinds else []), *([len(EDIT_HEAD) + 3 * spec.edit] if spec.edit else [])]
    if [end.shape[-1] for end in outputs[1:]] != wanted:
        and_edit = f" and an edit by curves of {spec.edit} points" if spec.edit else ""
        raise ModelError(
            f"{path}: its metadata lists {len(spec.kinds)} kinds{and_edit}, which does not match its outputs "
            f"{_described(outputs)}"
        )
    return spec


def _described(ends: Sequence[ort.NodeArg]) -> list[tuple[str, str, list[int | str | None]]]:
    return [(end.name, end.type, end.shape) for end in ends]


def tensorrt_version() -> str:
    """The version of the TensorRT package; ``system`` if TensorRT was not installed by pip."""
    for name in ("tensorrt", "tensorrt-cu12", "tensorrt-cu13"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "system"
