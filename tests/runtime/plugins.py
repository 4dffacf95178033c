"""A fake plug-in provider: a package without a library, and an onnxruntime that claims to have loaded it."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from restore.runtime import plugin_providers
from restore.runtime.plugin_providers import PLUGINS

OPENVINO = PLUGINS["openvino"]


@dataclass
class FakeHardware:
    type: object
    vendor: str = "Intel"


@dataclass
class FakeDevice:
    """What ``get_ep_devices`` returns."""

    name: str
    kind: str = "CPU"
    abilities: str = "FP32 INT8"
    ep_name: str = OPENVINO.provider

    @property
    def device(self) -> FakeHardware:
        return FakeHardware(types.SimpleNamespace(name=self.kind))

    @property
    def ep_metadata(self) -> dict[str, str]:
        return {"FULL_DEVICE_NAME": self.name, "OPTIMIZATION_CAPABILITIES": self.abilities}


@dataclass
class FakePlugin:
    """A plug-in that computes with onnxruntime's own CPU provider, and what was asked of it.

    Attributes:
        devices: what it lists once it is registered.
        registered: the libraries that were registered.
        options: provider options of each session.
        change: applied to each output; the identity unless a test wants wrong pixels.
        delay: called before each run.
        opened: the files opened.
    """

    devices: list[FakeDevice] = field(default_factory=lambda: [FakeDevice("Fake CPU")])
    registered: list[str] = field(default_factory=list)
    options: list[dict[str, str]] = field(default_factory=list)
    change: Callable[[np.ndarray], np.ndarray] = lambda values: values
    delay: Callable[[], None] = lambda: None
    opened: list[Path] = field(default_factory=list)

    def settings(self, number: int = -1) -> dict[str, str]:
        """OpenVINO's settings for the CPU in one session."""
        return json.loads(self.options[number]["load_config"])["CPU"]


class _Session:
    """Runs on the CPU, and reports the plug-in's provider."""

    def __init__(self, plugin: FakePlugin, session: ort.InferenceSession) -> None:
        self._plugin, self._session = plugin, session

    def get_providers(self) -> list[str]:
        return [OPENVINO.provider]

    def run(self, *given: object) -> list[np.ndarray]:
        self._plugin.delay()
        return [self._plugin.change(values) for values in self._session.run(*given)]

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)


def install(monkeypatch: pytest.MonkeyPatch, plugin: FakePlugin, version: str = "9.9") -> FakePlugin:
    """Pretend that the OpenVINO plug-in is installed, and no other."""
    module = types.ModuleType(OPENVINO.module)
    module.get_library_path = lambda: "/nowhere/libfake.so"
    monkeypatch.setitem(sys.modules, OPENVINO.module, module)
    names = {OPENVINO.packages[0]: version}
    monkeypatch.setattr(plugin_providers.importlib.metadata, "version", _versions(names))
    monkeypatch.setattr(plugin_providers, "_registered", set())
    monkeypatch.setattr(ort, "register_execution_provider_library", lambda _, path: plugin.registered.append(path))
    monkeypatch.setattr(ort, "get_ep_devices", lambda: plugin.devices if plugin.registered else [])
    real_session, real_options, asked = ort.InferenceSession, ort.SessionOptions, set()

    class Options(real_options):
        def add_provider_for_devices(self, devices: list[FakeDevice], options: dict[str, str]) -> None:
            assert devices[0] in plugin.devices
            plugin.options.append(options)
            asked.add(id(self))

    def session(model: object, options: object = None, **more: object) -> object:
        if id(options) not in asked:
            return real_session(model, options, **more)
        asked.discard(id(options))
        plugin.opened.append(Path(str(model)))
        plain = real_options()
        plain.intra_op_num_threads = 1
        return _Session(plugin, real_session(model, plain, providers=["CPUExecutionProvider"]))

    monkeypatch.setattr(ort, "SessionOptions", Options)
    monkeypatch.setattr(ort, "InferenceSession", session)
    return plugin


def uninstall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that no plug-in is installed."""
    monkeypatch.setattr(plugin_providers.importlib.metadata, "version", _versions({}))
    monkeypatch.setattr(plugin_providers, "_registered", set())


def _versions(names: dict[str, str]) -> Callable[[str], str]:
    real = plugin_providers.importlib.metadata.version
    plugins = {package for plugin in PLUGINS.values() for package in plugin.packages}

    def version(package: str) -> str:
        if package in names:
            return names[package]
        if package in plugins:
            raise plugin_providers.importlib.metadata.PackageNotFoundError(package)
        return real(package)

    return version
