"""A custom encoder, by its import path."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from restore.encoders.encoder import Encoder, EncoderOptions
from restore.encoders.weights import fit_weights, read_weights
from restore.errors import ModelError, PluginError
from restore.plugins import factory_module, import_plugin
from restore.utils.json_types import JsonObject


class ModuleEncoder(Encoder):
    """An ``nn.Module`` from (N, 3, H, W) to a feature map or a list of them.

    Args:
        factory: ``package.module:name`` of a class or function of that package, which returns the module. Importing and
            calling it runs its code.
        channels: of each feature map it gives, shallow to deep.
        arguments: keyword arguments of ``factory``.
        mean: subtracted from R, G and B, on 0..1.
        std: divisor of R, G and B afterwards.
        weights: a state dict for the module; None leaves it as built by the factory.
        frozen: whether it is fixed; otherwise it is trained with the rest.

    Raises:
        MissingWeightsError: no such file.
        ModelError: the factory cannot be imported or does not return a module, or the weights do not fit.
    """

    def __init__(
        self,
        factory: str,
        channels: Sequence[int],
        arguments: Mapping[str, object] | None = None,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        weights: Path | None = None,
        frozen: bool = True,
    ) -> None:
        super().__init__(channels, mean, std)
        self.factory = factory
        self.module = made_module(factory, arguments or {})
        if weights is not None:
            purpose = f"encoder {factory!r}"
            fit_weights(self.module, read_weights(weights, purpose, "(your own weights)"), weights, purpose)
        if frozen:
            self.freeze()

    def forward(self, x: Tensor) -> list[Tensor]:
        found = self.module(self.normalize(x))
        features = [found] if isinstance(found, Tensor) else list(found)
        channels = [feature.shape[1] for feature in features]
        if channels != self.channels:
            raise ModelError(
                f"encoder {self.factory!r} returns maps of {channels} channels, but declares {self.channels}"
            )
        return features


class ModuleOptions(EncoderOptions):
    """A custom module, from code that you trust: :class:`restore.encoders.module.ModuleEncoder`."""

    kind: Literal["module"] = "module"
    factory: str = Field(pattern=r"^[\w.]+:\w+$", description="package.module:factory")
    channels: tuple[PositiveInt, ...] = Field(min_length=1, description="channels of each feature map")
    arguments: JsonObject = Field({}, description="arguments of the factory")
    mean: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="subtracted from RGB on 0..1")
    std: tuple[float, float, float] = Field((1.0, 1.0, 1.0), description="divisor of RGB afterwards")
    weights: Path | None = Field(None, description="a state dict; null keeps the factory's weights")
    frozen: bool = Field(True, description="keep it fixed; false trains it with the rest")

    def build(self) -> Encoder:
        return ModuleEncoder(
            self.factory, self.channels, self.arguments, self.mean, self.std, self.weights, self.frozen
        )


def made_module(path: str, arguments: Mapping[str, object], purpose: str = "encoder") -> nn.Module:
    """Import and call a factory of a module.

    Args:
        path: ``package.module:name``. Importing and calling it runs its code.
        arguments: its keyword arguments.
        purpose: what the module is, for messages.

    Raises:
        ModelError: it cannot be imported, is not a class or function of that package, or does not return a module.
    """
    factory = _factory(path, purpose)
    try:
        made = factory(**arguments)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ModelError(f"{purpose} {path!r} cannot be made: {error}") from error
    if not isinstance(made, nn.Module):
        raise ModelError(f"{purpose} {path!r} gives a {type(made).__name__}, not a torch module")
    return made


def _factory(path: str, purpose: str) -> Callable[..., object]:
    """The object named by ``package.module:name``, checked before it is called."""
    module, name = factory_module(path), path.partition(":")[2]
    try:
        found = getattr(import_plugin(module), name)
    except (PluginError, AttributeError) as error:
        raise ModelError(f"{purpose} {path!r} cannot be made: {error}. It should be package.module:factory") from error
    package = str(getattr(found, "__module__", "")).partition(".")[0]
    if not (inspect.isclass(found) or inspect.isfunction(found)) or package != module.partition(".")[0]:
        raise ModelError(f"{purpose} {path!r}: not a class or function of that package, so it is not called")
    if inspect.isclass(found) and not issubclass(found, nn.Module):
        raise ModelError(f"{purpose} {path!r}: a class, but not a torch module, so it is not called")
    return found
