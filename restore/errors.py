"""Errors that a user can fix. Each states what is wrong, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class RestoreError(Exception):
    """An error whose text is meant for the user; the command line prints it without a traceback.

    Attributes:
        exit_code: 2 for incorrect usage, 1 for work that failed.
    """

    exit_code = 2


class ImageError(RestoreError):
    """A picture cannot be read or written."""


class HopelessError(RestoreError):
    """Work failed in a way in which everything after it would fail too."""

    exit_code = 1


class ModelError(RestoreError):
    """A model file is missing, damaged or incomplete."""


class TimeLimitError(ModelError):
    """A model ran for longer than the limit of :func:`restore.runtime.running.time_limit`."""


class MissingWeightsError(ModelError):
    """Published weights that an encoder or a loss needs are missing; nothing is ever downloaded.

    Args:
        purpose: what needs them, such as ``encoder 'vgg19'``.
        path: where they were expected.
        url: where they are published.
    """

    def __init__(self, purpose: str, path: Path, url: str) -> None:
        super().__init__(
            f"{purpose}: no weights at {path}. Download {url} and put the file there, "
            "or point the option 'weights' to your copy"
        )


class CatalogueError(RestoreError):
    """A catalogue of models cannot be read, or has no such model."""


class DownloadError(RestoreError):
    """A file cannot be fetched, or is not the one that was promised."""

    exit_code = 1


class RecipeError(RestoreError):
    """A training recipe is invalid."""


class TrackerError(RestoreError):
    """A tracker of training runs cannot be opened."""


class PluginError(RestoreError):
    """A plug-in is not trusted, not found, or broken."""


class DeviceError(RestoreError):
    """The requested device cannot be used."""


class DataError(RestoreError):
    """A folder of photographs is unsuitable or incomplete."""


class FilterError(RestoreError):
    """A photo filter does not exist, or its file is invalid."""


class ExportError(RestoreError):
    """An exported model does not reproduce the network it came from."""

    exit_code = 1


class SizesError(ExportError):
    """A network cannot be exported for all input sizes; a fixed size may work."""


class MissingPackageError(RestoreError):
    """A package is missing that restore's extras do not install, because its license forbids some use.

    Args:
        purpose: what needs it, such as ``the metric 'musiq'``.
        package: its name.
        licence: of the package.
    """

    def __init__(self, purpose: str, package: str, licence: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which no extra of restore installs because of its license "
            f"({licence}). If that suits you, install it with: pip install {package}"
        )


class MissingExtraError(RestoreError):
    """An optional dependency is missing."""

    def __init__(self, purpose: str, extra: str, module: str | None = None) -> None:
        which = f" (no module named '{module}')" if module else ""
        super().__init__(
            f"{purpose} needs packages that are not installed{which}. "
            f"Install them with: pip install 'restore[{extra}]'  (from a checkout: pip install '.[{extra}]')"
        )
