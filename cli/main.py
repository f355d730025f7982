"""The `regrad` command: its subcommands, and what is said when one of them fails."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import regrad
import typer
from regrad.cli import baseline, check, diagnose, explain, fix, rules, verify
from regrad.cli.exit_status import ExitStatus
from regrad.cli.mistake import Mistake

app = typer.Typer(
    name="regrad",
    help="Find, mend and prove the mending of TensorFlow/Keras programs whose loss sends no gradient to variables.",
    epilog="Exit status: 0 nothing to report, or all mended; 1 findings remain; 2 usage error; 3 a file could not be"
    " analysed; 4 a fix was withdrawn.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"regrad {regrad.__version__}")
        raise typer.Exit


@app.callback()
def regrad_command(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find, mend and prove the mending of TensorFlow/Keras programs whose loss sends no gradient to their variables."""


app.command("check")(check.check)
app.command("fix")(fix.fix)
app.command("verify")(verify.verify)
app.command("diagnose")(diagnose.diagnose)
app.command("baseline")(baseline.baseline)
app.command("explain")(explain.explain)
app.command("rules")(rules.rules)


def run() -> None:
    """The console script. Whatever happens, the user gets a sentence and an exit status."""
    _forgive_narrow_encodings()
    try:
        app()
    except Mistake as mistake:
        _say(mistake.message, mistake.hint)
        sys.exit(ExitStatus.ERROR)
    except BrokenPipeError:
        # The reader (`head`, a closed pager) has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitStatus.ERROR)
    except KeyboardInterrupt:
        _say("Interrupted.")
        sys.exit(130)
    except Exception as problem:
        if os.environ.get("REGRAD_TRACEBACK"):
            raise
        _say(
            f"Internal error: {type(problem).__name__}: {problem}",
            "This is a fault of regrad, not of your program. REGRAD_TRACEBACK=1 shows where it happened.",
        )
        sys.exit(ExitStatus.ERROR)


def _say(message: str, hint: str = "") -> None:
    typer.echo(f"regrad: {message}", err=True)
    if hint:
        typer.echo(f"  {hint}", err=True)


def _forgive_narrow_encodings() -> None:
    """A terminal that cannot show a character of somebody's source gets a stand-in, never an exception."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
