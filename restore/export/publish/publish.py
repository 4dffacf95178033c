"""``restore publish``: a folder with a model's files, recipe and card."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from restore.errors import ExportError, ModelError
from restore.export.build_model import build_model
from restore.export.compare_to_source import compare
from restore.export.infer_spec import UNKNOWN
from restore.export.load_source import load_source, own_name
from restore.export.publish.card import card
from restore.export.publish.front_matter import front_matter, license_facts
from restore.export.publish.measured import measured_at
from restore.networks.fine_tuned import SpandrelOptions
from restore.plugins import NO_CODE, Trust
from restore.runtime.model import file_spec
from restore.spec import ModelSpec
from restore.training.checkpoint import Checkpoint
from restore.training.recipe import Recipe
from restore.training.recipe_file import dump_recipe, parse_recipe
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.text import printable
from restore.verify.check import described, failures
from restore.zoo.install import outdated
from restore.zoo.precision import family, precision_of

# Ids of models on the Hub: NAMESPACE/NAME.
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class PublishOptions:
    """How to publish a run.

    Attributes:
        which: ``last`` or ``best`` checkpoint.
        model: exported file of the run to publish with its twins; None exports the run.
        license: of the weights; None for the recipe's.
        base_model: id on the Hub of the model whose weights the training began with.
        trust: which code the recipe may name.
    """

    which: str = "last"
    model: Path | None = None
    license: str | None = None
    base_model: str | None = None
    trust: Trust = NO_CODE


def publish(run: Path, folder: Path, options: PublishOptions, report: Callable[[str], None]) -> None:
    """Make a folder of a run's model.

    Args:
        run: folder of the run.
        folder: to make; it must not exist, or be empty.
        options: everything else.
        report: called with each line for the user.

    Raises:
        ExportError: the folder is in use, or the model file is not of the run. Nothing is left behind.
        ModelError: the run or the model file cannot be read, or an option is wrong.
    """
    _refuse_folder(folder)
    if not run.is_dir():
        raise ModelError(f"{run}: no such run; give the folder of a run of restore train")
    base = options.base_model
    if base is not None and not _HUB_ID.fullmatch(base):
        raise ModelError(f"--base-model {base}: write it as NAMESPACE/NAME, as the Hub names it")
    checkpoint = Checkpoint(run / f"{options.which}.safetensors")
    recipe = parse_recipe(checkpoint.recipe_yaml, str(checkpoint.path), trust=options.trust)
    models, spec = (
        _exported(checkpoint, folder, options) if options.model is None else _given(checkpoint, recipe, options)
    )
    measured = measured_at(run, checkpoint.step)
    losses = " + ".join(f"{loss.weight:g} {loss.kind}" for loss in recipe.losses)
    listed = [(name, len(data), precision_of(Path(name))) for name, data in models.items()]
    text = front_matter(spec, base, measured) + card(spec, listed, losses, measured)
    facts = json.dumps(spec.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    written = {"README.md": text, "config.json": facts, "recipe.yaml": dump_recipe(recipe)}
    _write(folder, {**models, **{name: content.encode() for name, content in written.items()}})
    for name, data in {**models, **written}.items():
        report(f"{folder / name}: {len(data):,} bytes")
    for note in _notes(spec, recipe, base, measured is not None):
        report(note)
    report(f"upload it with: hf upload NAMESPACE/{spec.name} {folder}")


def _refuse_folder(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ExportError(f"{folder} already exists: choose another folder, or remove it")


def _exported(checkpoint: Checkpoint, folder: Path, options: PublishOptions) -> tuple[dict[str, bytes], ModelSpec]:
    """A new export of the run's weights."""
    source = load_source(checkpoint.path, trust=options.trust)
    source = replace(source, spec=source.spec.but(name=own_name(source.spec, folder)))
    if options.license is not None:
        source = replace(source, spec=source.spec.but(licence=options.license))
    built = build_model(source)
    return {f"{built.spec.name}.onnx": built.data}, built.spec


def _given(checkpoint: Checkpoint, recipe: Recipe, options: PublishOptions) -> tuple[dict[str, bytes], ModelSpec]:
    """An exported file and its twins, which are compared with the run."""
    model = options.model
    assert model is not None
    spec = file_spec(model)
    if spec.precision != "fp32":
        raise ModelError(f"{model} is {spec.precision}: give the fp32 file; its twins beside it are published with it")
    if options.license is not None and options.license != spec.licence:
        raise ModelError(f"{model}: its license is {spec.licence}: leave out --model to export the run with --license")
    if (spec.recipe, spec.steps) != (recipe.digest(), checkpoint.step):
        raise ExportError(
            f"{printable(model)} is not of {checkpoint.path} ({checkpoint.step} steps): export that, or choose the "
            "checkpoint with --which"
        )
    if bad := failures(list(compare(model, checkpoint.path))):
        raise ExportError(f"{printable(model)} is not of {checkpoint.path}: {described(bad)}")
    stale = outdated(model, spec)
    files: Mapping[str, Path] = {kind: file for kind, file in family(model).items() if file not in stale}
    ending = {kind: ".onnx" if kind == "fp32" else f".{kind}.onnx" for kind in files}
    return {f"{spec.name}{ending[kind]}": file.read_bytes() for kind, file in files.items()}, spec


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write all files of a new folder, or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        temporary.mkdir()
        for name, data in contents.items():
            (temporary / name).write_bytes(data)
        _refuse_folder(folder)
        if folder.exists():
            folder.rmdir()  # it is empty; Windows does not rename over it
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _notes(spec: ModelSpec, recipe: Recipe, base_model: str | None, measured: bool) -> list[str]:
    """What the user may want to mend before the upload."""
    found = []
    if license_facts(spec.licence) == {"license": "unknown"}:
        found.append("the card says that the license is unknown: add --license, for example --license mit")
    elif license_facts(spec.licence)["license"] == "other":
        found.append(f"the Hub does not know the license '{spec.licence}': add its text to the folder, as LICENSE")
    if spec.data == UNKNOWN:
        found.append("the card does not say what was trained on: set data_note in the recipe, or edit README.md")
    if isinstance(recipe.network, SpandrelOptions) and base_model is None:
        found.append(f"it began with {spec.start}: if that is on the Hub, add --base-model NAMESPACE/NAME")
    if not measured:
        found.append("the card has no results, because the run did not validate these weights")
    if paths := [text for text in _texts(yaml.safe_load(dump_recipe(recipe))) if _is_absolute(text)]:
        found.append(f"recipe.yaml shows paths of this machine: {printable(', '.join(paths))}")
    return found


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _is_absolute(text: str) -> bool:
    return bool(re.match(r"(/|~|[A-Za-z]:[\\/]).*[\\/]", text))
