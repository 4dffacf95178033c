"""The errors a user can mend, each saying what is wrong, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class RestoreError(Exception):
    """An error whose text is meant for the user; the command line prints it without a traceback.

    Attributes:
        exit_code: 2 for wrong use, 1 for work that failed.
    """

    exit_code = 2


class ImageError(RestoreError):
    """A picture cannot be read or written."""


class ModelError(RestoreError):
    """A model file is missing, broken, or does not say what it needs."""


class MissingWeightsError(ModelError):
    """Published weights that an encoder or a loss needs are not on this computer; nothing is ever downloaded.

    Args:
        purpose: what needs them, such as ``encoder 'vgg19'``.
        path: where they were looked for.
        url: where they are published.
    """

    def __init__(self, purpose: str, path: Path, url: str) -> None:
        super().__init__(
            f"{purpose}: no weights at {path}. Download {url} and put the file there, "
            "or name the place where you have it with the option 'weights'"
        )


class RecipeError(RestoreError):
    """A training recipe is wrong."""


class PluginError(RestoreError):
    """A plug-in is not trusted, not found, or broken."""


class DeviceError(RestoreError):
    """The device that was asked for cannot be used."""


class DataError(RestoreError):
    """A folder of photographs cannot serve the purpose."""


class FilterError(RestoreError):
    """There is no such photo filter, or its file is wrong."""


class ExportError(RestoreError):
    """An exported model does not reproduce the network it came from."""

    exit_code = 1


class SizesError(ExportError):
    """A network is not had as a file that is the network at all sizes; for one size it may be."""


class MissingExtraError(RestoreError):
    """An optional dependency is needed."""

    def __init__(self, purpose: str, extra: str, module: str | None = None) -> None:
        which = f" (no module named '{module}')" if module else ""
        super().__init__(
            f"{purpose} needs packages that are not installed{which}. "
            f"Install them with: pip install 'restore[{extra}]'  (from a checkout: pip install '.[{extra}]')"
        )
