"""The command group. Nothing but click is imported until a command is chosen, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from keras_leuk.errors import LeukError, suggestion

COMMANDS = {
    "audit": ("keras_leuk.cli.audit", "Look for duplicates, leaks and shortcuts in a data set before training."),
    "splits": ("keras_leuk.cli.splits", "Run one recipe under several splits of the same images."),
    "train": ("keras_leuk.cli.train", "Train one classifier and judge it."),
    "grid": ("keras_leuk.cli.grid", "Train a grid of classifiers, sharing whatever they have in common."),
    "tune": ("keras_leuk.cli.tune", "Search a recipe's settings, judged on validation."),
    "evaluate": ("keras_leuk.cli.evaluate", "Compute a run's metrics, figures and report again."),
    "predict": ("keras_leuk.cli.predict", "Classify images with a finished run."),
    "compare": ("keras_leuk.cli.compare", "Compare finished runs on the same test images."),
    "ensemble": ("keras_leuk.cli.ensemble", "Judge several finished runs as one."),
    "lr-find": ("keras_leuk.cli.lr_find", "Suggest a learning rate."),
    "augment": ("keras_leuk.cli.augment", "Show what augmentation makes of pictures."),
    "backbones": ("keras_leuk.cli.backbones", "List the backbones."),
    "papers": ("keras_leuk.cli.papers", "List or show the papers that keras-leuk replays."),
    "replicate": ("keras_leuk.cli.replicate", "Run a paper's experiment again, printed and measured numbers side by side."),
    "claims": ("keras_leuk.cli.claims", "Audit the arithmetic of published numbers."),
    "bench": ("keras_leuk.cli.bench", "Measure what this machine does a second, stage by stage."),
    "recipes": ("keras_leuk.cli.recipes", "List or show the shipped recipes."),
    "devices": ("keras_leuk.cli.devices", "Tell what training would run on."),
    "cache": ("keras_leuk.cli.cache", "Tell what the cache folder holds, or clear it."),
}
"""Command name → (module that holds a click command of that name, one line of help)."""


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        if not any(param.name == "debug" for param in command.params):
            command.params.append(_debug_option())
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(f"no such command: {name!r}{suggestion(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _debug_option() -> click.Option:
    return click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error.")


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from keras_leuk import __version__

        click.echo(f"keras-leuk {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: keras-leuk train   (trains EfficientNetB3 on generated demo cells)",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def cli() -> None:
    """Train, compare and honestly judge transfer-learning classifiers of leukaemia cell images."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
        0 done, 1 failed, 2 wrong use, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Wherever it stands, subcommands of subcommands included; click only shows it in the help.
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    try:
        result: Any = cli.main(args=arguments, prog_name="keras-leuk", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except LeukError as error:
        if debug:
            traceback.print_exc()
        return _failed(str(error), error.exit_code, arguments)
    except click.ClickException as error:
        line = error.format_message()
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "keras-leuk"
        return _failed(f"{line.rstrip('.')} (see: {where} --help)" if error.exit_code == 2 else line, error.exit_code, arguments)
    except (KeyboardInterrupt, click.Abort):
        if debug:
            traceback.print_exc()
        return _failed("interrupted", 130, arguments)
    except BrokenPipeError:
        # The reader of our output has gone; nothing is wrong.
        sys.stdout = None
        return 0
    except Exception as error:
        if debug:
            traceback.print_exc()
        text = str(error).strip().splitlines()
        what = f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__
        return _failed(f"unexpected failure ({what}); run again with --debug and report it", 1, arguments)


def _failed(line: str, code: int, arguments: Sequence[str]) -> int:
    click.echo(f"keras-leuk: {line}", err=True)
    if "--json" in arguments:
        import json

        click.echo(json.dumps({"error": line, "exit_code": code}))
    return code


def entry() -> None:
    """The console script."""
    sys.exit(main())
