"""``restore recipes``."""

from __future__ import annotations

import json

import click

from restore.cli import complete
from restore.cli.common import extra_needed, plugin_option
from restore.cli.help import Command
from restore.utils.json_types import JsonObject


@click.command(
    cls=Command,
    examples=(
        "restore recipes",
        "restore recipes sr-x2 > mine.yaml",
    ),
)
@click.argument("name", required=False, shell_complete=complete.recipes)
@click.option("--schema", is_flag=True, help="Print the JSON schema of a recipe, for editors.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@plugin_option
def recipes(name: str | None, schema: bool, as_json: bool, plugins: tuple[str, ...]) -> None:
    """List the included recipes, or print the recipe NAME, for example to start your own.

    'restore train' accepts these names.
    """
    from restore.recipes import find_recipe, shipped

    if plugins and not schema:
        raise click.UsageError("--plugin only applies to --schema; remove it")
    if schema:
        from restore.plugins import load_plugins

        with extra_needed("The schema", "train"):
            from restore.training.recipe import Recipe
        load_plugins(plugins)
        click.echo(json.dumps(_schema(Recipe.model_json_schema()), indent=2))
        return
    if name is not None:
        click.echo(find_recipe(name).read_text(encoding="utf-8"), nl=False)
        return
    found = shipped()
    if as_json:
        facts = [{"name": r.name, "file": str(r.file), "purpose": r.purpose, "losses": r.losses()} for r in found]
        click.echo(json.dumps(facts, indent=2))
        return
    width = max(len(recipe.name) for recipe in found)
    for recipe in found:
        click.echo(f"{recipe.name:{width}}  {recipe.purpose}")
        click.echo(f"{'':{width}}  losses: {', '.join(recipe.losses())}")


def _schema(recipe: JsonObject) -> JsonObject:
    """The schema of a recipe file, which may also take what it does not say from a base."""
    recipe["properties"]["base"] = {
        "type": "string",
        "description": "file of another recipe, relative to this one, or name of an included recipe, from which "
        "everything is taken that this file does not change",
    }
    recipe["anyOf"] = [{"required": ["base"]}, {"required": recipe.pop("required")}]
    return recipe
