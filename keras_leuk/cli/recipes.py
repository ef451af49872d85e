"""``keras-leuk recipes``."""

from __future__ import annotations

import click

from keras_leuk.cli import options


@click.group(invoke_without_command=True)
@options.as_json
@click.pass_context
def recipes(ctx: click.Context, as_json: bool) -> None:
    """List or show the shipped recipes."""
    if ctx.invoked_subcommand is None:
        _list(as_json)


@recipes.command("list")
@options.as_json
def list_recipes(as_json: bool) -> None:
    """List the shipped recipes."""
    _list(as_json)


@recipes.command()
@click.argument("name")
@click.option("--resolved", is_flag=True, help="Fill in every key, defaults included.")
@options.as_json
def show(name: str, resolved: bool, as_json: bool) -> None:
    """Show a shipped recipe (or a YAML file) as YAML; --resolved names every key there is."""
    from keras_leuk.recipe import load, resolved_yaml, shipped, shipped_text

    if as_json:
        options.print_json(load(name).model_dump(mode="json"))
    elif resolved or name not in shipped():
        click.echo(resolved_yaml(load(name)), nl=False)
    else:
        click.echo(shipped_text(name), nl=False)


def _list(as_json: bool) -> None:
    from keras_leuk.recipe import shipped

    found = shipped()
    if as_json:
        options.print_json({"recipes": [{"name": name, "description": line} for name, line in found.items()]})
        return
    for name, line in found.items():
        click.echo(f"{name:16} {line}")
    click.echo("next: keras-leuk recipes show default --resolved")
