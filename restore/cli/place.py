"""Arguments that are files, folders, or in a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from restore.stores.address import Address, AddressError, is_address, masked, parse

if TYPE_CHECKING:
    _Type = click.ParamType[Path | Address]
else:
    _Type = click.ParamType  # older versions of click cannot say what it converts to


class Place(_Type):
    """A path, or an address such as ``s3://bucket/folder``; credentials in it are refused, and not repeated.

    Args:
        here: why it must be a path, a clause; empty if it need not.
    """

    name = "path"

    def __init__(self, here: str = "") -> None:
        self._here = here

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | Address:
        if not isinstance(value, str) or not is_address(value):
            return Path(str(click.Path().convert(value, param, ctx)))
        if self._here:
            self.fail(f"{masked(value)}: {self._here}", param, ctx)
        try:
            return parse(value)
        except AddressError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return click.Path().shell_complete(ctx, param, incomplete)
