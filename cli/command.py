"""The `regrad` command with its subcommands, as typer knows them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import regrad
import typer

NARROW = 80
"""Columns below which help is written without panels."""
COMMANDS = ("check", "fix", "verify", "diagnose", "baseline", "migrate", "report", "explain", "rules", "test-rules")
"""Each is the function of its name in the module of its name, with `_` for `-`."""


def command(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command with all its subcommands; or, where the arguments begin with one, with that one alone: typer
    prepares every option of each.
    """
    app = typer.Typer(
        name="regrad",
        help="Find, mend and prove the mending of TensorFlow/Keras programs whose loss sends no gradient to variables.",
        epilog="Exit status: 0 nothing to report, or all mended; 1 findings remain; 2 usage error; 3 a file could not"
        " be analysed; 4 a fix was withdrawn.",
        no_args_is_help=True,
        # Beside panels and columns nothing of an option is left there.
        rich_markup_mode=None if shutil.get_terminal_size().columns < NARROW else "rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_regrad)
    for name in COMMANDS if not arguments or arguments[0] not in COMMANDS else (arguments[0],):
        function = name.replace("-", "_")
        app.command(name)(getattr(import_module(f"regrad.cli.{function}"), function))
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"regrad {regrad.__version__}")
        raise typer.Exit


def _regrad(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find, mend and prove the mending of TensorFlow/Keras programs whose loss sends no gradient to their variables."""
