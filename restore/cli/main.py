"""The ``restore`` command; subcommands are imported on demand."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from restore import __version__
from restore.cli.help import Context, colors
from restore.cli.leave import os_error, run_and_leave
from restore.cli.supervise import OWN_PROCESS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name: (module, summary). The summaries are here so that --help imports no command.
COMMANDS = {
    "enhance": ("restore.cli.enhance", "Enhance a picture or a folder of pictures."),
    "models": ("restore.cli.models", "List available models."),
    "evaluate": ("restore.cli.evaluate", "Measure models, or existing results, with standard protocols."),
    "pick": ("restore.cli.pick", "Rank the pictures of a folder by visual quality, worst first."),
    "compare": ("restore.cli.compare", "Compare pictures and their results on an HTML page."),
    "edits": ("restore.cli.edits", "Write the edits that a model makes, as lookup tables and presets."),
    "degrade": ("restore.cli.degrade", "Degrade pictures as in training, for inspection."),
    "filter": ("restore.cli.filter", "Apply a photo filter to pictures."),
    "dataset": ("restore.cli.dataset", "Check, tile or filter a folder of training photographs."),
    "train": ("restore.cli.train", "Train a network from a recipe."),
    "distill": ("restore.cli.distill", "Compute the results of a recipe's teacher in advance."),
    "plot": ("restore.cli.plot", "Plot the curves of training runs."),
    "doctor": ("restore.cli.doctor", "Check the installation, and suggest fixes."),
    "bench": ("restore.cli.bench", "Benchmark models on this machine's devices."),
    "recipes": ("restore.cli.recipes", "List the included training recipes."),
    "export": ("restore.cli.export", "Export a trained network to ONNX, and verify it."),
    "publish": ("restore.cli.publish", "Make a folder of a trained model for the Hugging Face Hub."),
    "import": ("restore.cli.import_", "Import a third-party checkpoint or ONNX file as a model."),
    "get": ("restore.cli.get", "Download and import a model of others by its name."),
    "calibrate": ("restore.cli.calibrate", "Give a model a strength, from faithful to natural."),
    "blend": ("restore.cli.blend", "Interpolate between two models of one architecture."),
    "verify": ("restore.cli.verify", "Check a model file against its metadata."),
}


class LazyGroup(click.Group):
    """A group that imports commands on demand and prints expected errors without a traceback."""

    context_class = Context

    def main(self, *args: Any, **options: Any) -> Any:
        if not options.get("standalone_mode", True):
            return super().main(*args, **options)
        if not args and options.get("args") is None:  # the arguments are those of the process
            options.setdefault("obj", OWN_PROCESS)
            # The threads of numpy's BLAS spin for 30 ms after each product of matrices, in the way of those that train
            # a network: a step then takes more than twice as long. It reads this when numpy is imported.
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        run_and_leave(lambda: super(LazyGroup, self).main(*args, **options))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        # A command whose name is a Python keyword has its module's name.
        module = COMMANDS[name][0]
        command = getattr(importlib.import_module(module), module.rpartition(".")[2])
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if near:
                raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from error
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return found or click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            code = _told(error)
            if code is None:
                raise
            sys.exit(code)


def _told(error: BaseException) -> int | None:
    """Say why a command ended early; its exit code, or None for an error that is not expected."""
    from restore.errors import RestoreError
    from restore.utils.text import printable

    if _by_interrupt(error):
        click.echo("Interrupted: written files are complete; the rest was not started.", err=True)
        return 130
    if isinstance(error, RestoreError):  # may contain text from untrusted files
        click.echo("\n".join(map(printable, f"restore: {error}".split("\n"))), err=True)
        return error.exit_code
    if isinstance(error, OSError):  # a full or read-only disk, no permission, '| head': not a bug, no traceback
        return os_error(error)
    return None


def _by_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an error. A native module that is being imported turns it into an ImportError."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__cause__
    return False


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    from restore.cli.version import environment

    click.echo(f"restore, version {__version__}")
    for line in environment():
        click.echo(f"  {line}")
    ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "color": colors()})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and environment, for bug reports.",
)
def main() -> None:
    """Restore photographs with small networks: upscale a folder, train on your own pictures, export to ONNX.

    Run 'restore COMMAND --help' for examples and options.
    """


if __name__ == "__main__":
    main(prog_name="restore")
