"""``restore enhance``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from restore.cli.common import console, parse_pairs

if TYPE_CHECKING:
    from restore.jobs.plan import Existing
    from restore.jobs.run import Outcome
    from restore.runtime.model import Model

_DEFAULT_SCALE = 2


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--model", help="Name ('restore models' lists them) or path of an .onnx file.  [default: sr-x2]")
@click.option("--scale", type=click.IntRange(1, 16), help="Enlargement: chooses sr-x2 or sr-x4.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["png", "jpg", "webp", "tif", "bmp"]),
    help="Format of the results.  [default: each picture's own, PNG where that cannot be written]",
)
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEG and WebP.")
@click.option(
    "--tile",
    type=click.IntRange(16),
    default=512,
    show_default=True,
    help="Largest side, in input pixels, of what is enhanced at once; smaller takes less memory.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="cuda fails rather than fall back to the CPU.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--overwrite", "existing", flag_value="overwrite", help="Replace results that exist.")
@click.option("--skip-existing", "existing", flag_value="skip", help="Leave out pictures whose result exists.")
@click.option(
    "--spec",
    "given",
    multiple=True,
    metavar="FIELD=VALUE",
    help="What a foreign .onnx file does not say of itself, for example --spec scale=4. Repeatable.",
)
def enhance(
    source: Path,
    target: Path,
    model: str | None,
    scale: int | None,
    format_: str | None,
    quality: int,
    tile: int,
    device: str,
    threads: int | None,
    existing: Existing | None,
    given: tuple[str, ...],
) -> None:
    """Enhance IN, a picture or a folder with all below it, into OUT.

    Exits with 0 when all was done, 1 when some pictures failed, 2 on wrong use, 130 after Ctrl-C.
    """
    from restore.jobs.plan import make_plan

    # The plan comes first: wrong use is told before anything heavy is loaded.
    plan = make_plan(source, target, f".{format_}" if format_ else None, existing or "refuse")
    network = _open_model(model, scale, device, threads, given)

    from restore.cli.progress import job_progress
    from restore.jobs.run import run_job
    from restore.runtime.enhance import enhance_pixels

    began = time.monotonic()
    screen = console()
    if network.note:
        screen.print(f"Running on the CPU: {network.note}", style="yellow", markup=False)
    with job_progress(screen, len(plan.items)) as advance:

        def tell(outcome: Outcome) -> None:
            if outcome.error:
                screen.print(f"failed: {outcome.item.source}: {outcome.error}", style="red", markup=False)
            elif outcome.note:
                screen.print(f"{outcome.item.source}: {outcome.note}", style="yellow", markup=False)
            advance()

        summary = run_job(
            plan,
            lambda pixels: enhance_pixels(pixels, network, network.spec, tile),
            tell,
            quality,
            overwrite=existing == "overwrite",
        )
    parts = [f"{summary.done} enhanced"]
    parts += [f"{plan.skipped} skipped, their results exist"] * bool(plan.skipped)
    parts += [f"{len(summary.failed)} failed"] * bool(summary.failed)
    parts += [f"{plan.ignored} other file{'s' * (plan.ignored != 1)} left alone"] * bool(plan.ignored)
    seconds = time.monotonic() - began
    click.echo(f"{', '.join(parts)}; {network.spec.name} on {network.device}, {seconds:.1f} s; results in {target}")
    raise SystemExit(1 if summary.failed else 0)


def _open_model(
    model: str | None, scale: int | None, device: str, threads: int | None, given: tuple[str, ...]
) -> Model:
    from restore.errors import ModelError
    from restore.runtime.model import open_model
    from restore.zoo.find import find

    name = model or f"sr-x{scale or _DEFAULT_SCALE}"
    network = open_model(find(name), device, threads, parse_pairs(given, "--spec"))
    if scale is not None and scale != network.spec.scale:
        raise ModelError(f"--scale {scale} contradicts --model {name}, which enlarges {network.spec.scale} times")
    return network
