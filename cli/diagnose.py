"""`regrad diagnose`: start from the symptom, a run that fails or a pasted traceback."""

from __future__ import annotations

from typing import Annotated

import typer
from regrad.cli import parameters


def diagnose(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The program that fails, or `-` for a traceback on standard input.")
    ],
    arguments: parameters.Arguments = None,
    module: Annotated[
        bool, typer.Option("--module", "-m", help="FILE is a module, as in python -m pkg.train.")
    ] = False,
    unsafe_fixes: Annotated[
        bool,
        typer.Option(
            "--unsafe-fixes", help="Take mendings that change the meaning into the command that is named at the end."
        ),
    ] = False,
    verbose: parameters.Verbose = False,
    python: parameters.Python = None,
    timeout: parameters.Timeout = None,
    sandbox: parameters.Isolation = None,
    config: parameters.Config = None,
    isolated: parameters.Isolated = False,
) -> None:
    """Start from the symptom: say what it means, name the line at which the gradients end, and the fix.

    For example: regrad diagnose train.py, or: python train.py 2>&1 | regrad diagnose -
    """
    from regrad.cli.diagnosis import Complaint, carry_out

    complaint = Complaint(
        file,
        unsafe_fixes,
        int(verbose),
        python,
        timeout,
        config,
        isolated,
        arguments=tuple(arguments or ()),
        module=module,
        sandbox=sandbox.value if sandbox else None,
    )
    raise typer.Exit(carry_out(complaint))
