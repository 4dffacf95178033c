"""Options and helpers shared by the commands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from restore.cli import complete
from restore.online.cached import CATALOGUE_VARIABLE, DEFAULT_CATALOGUE

if TYPE_CHECKING:
    from rich.console import Console

_Command = TypeVar("_Command", bound=Callable[..., object] | click.Command)


class Decorator(Protocol):
    """An option of a command, as click returns it: put it above the command's function."""

    def __call__(self, command: _Command, /) -> _Command: ...


device_option: Decorator = click.option(
    "--device",
    metavar="DEVICE",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, tensorrt (with several GPUs: cuda:1), coreml, directml, or by plug-in openvino, webgpu, "
    "tensorrt-rtx, mlx; a named device fails instead of falling back to the CPU.",
)


class FiniteRange(click.FloatRange):
    """A finite number within bounds. click's own range accepts ``nan``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


max_pixels_option: Decorator = click.option(
    "--max-pixels",
    type=FiniteRange(0, 1e6, min_open=True),
    default=256,
    show_default=True,
    help="Reject pictures with more megapixels.",
)

catalogue_option: Decorator = click.option(
    "--catalogue",
    metavar="LINK|FILE",
    envvar=CATALOGUE_VARIABLE,
    default=DEFAULT_CATALOGUE,
    show_default="OpenModelDB's",
    show_envvar=True,
    help="Catalogue of models in the form of OpenModelDB's: an https link, such as a mirror's, or a file.",
)


plugin_option: Decorator = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="MODULE",
    shell_complete=complete.modules,
    help="Python module that adds parts, installed or in the current folder. Runs its code. Repeatable.",
)
trust_option: Decorator = click.option(
    "--trust-recipe",
    is_flag=True,
    help="Run all code that the recipe names: plug-ins and encoders of kind module.",
)


class _ListOption(click.Option):
    """A flag that prints a list and exits; includes what --plugin adds, wherever that appears on the command line."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[object, list[str]]:
        if opts.get(self.name or "") and not ctx.resilient_parsing:
            from restore.plugins import load_plugins

            load_plugins(opts.get("plugins") or ())
        return super().handle_parse_result(ctx, opts, args)


def list_option(lines: Callable[[], Iterable[str]], help: str) -> Decorator:
    """``--list``.

    Args:
        lines: returns the lines to print.
        help: help text.
    """

    def callback(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not ctx.resilient_parsing:
            click.echo("\n".join(lines()))
            ctx.exit()

    return click.option(
        "--list", cls=_ListOption, is_flag=True, is_eager=True, expose_value=False, callback=callback, help=help
    )


def console(stderr: bool = True) -> Console:
    """A console for progress and messages; standard output is reserved for results."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


@contextmanager
def extra_needed(purpose: str, extra: str) -> Iterator[None]:
    """Turn a missing optional dependency into an error with the install command; on a terminal, show that it loads."""
    from restore.errors import MissingExtraError
    from restore.utils.progress import waiting

    try:
        with waiting("Starting", console()):
            yield
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == "restore":
            raise
        raise MissingExtraError(purpose, extra, error.name) from error


def parse_pairs(pairs: Sequence[str], option: str) -> dict[str, str]:
    """Parse ``FIELD=VALUE`` options into a dictionary."""
    wrong = [pair for pair in pairs if not pair.partition("=")[0] or "=" not in pair]
    if wrong:
        raise click.UsageError(f"{option} {wrong[0]}: write it as FIELD=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)


def shape_option(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, int, int] | None:
    """Parse ``256`` or ``4x256x320`` into batch, height and width."""
    from restore.utils.text import parse_shape

    try:
        return None if value is None else parse_shape(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
