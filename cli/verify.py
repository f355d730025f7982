"""`regrad verify`: run one training step and show what every variable receives."""

from __future__ import annotations

from typing import Annotated

import typer
from regrad.cli import parameters
from regrad.cli.exit_status import ExitStatus


def verify(
    file: Annotated[
        str,
        typer.Argument(
            metavar="PROGRAM", help="train.py, a notebook, or a function: pkg.train:main.", show_default=False
        ),
    ],
    arguments: parameters.Arguments = None,
    module: Annotated[
        bool, typer.Option("--module", "-m", help="PROGRAM is a module, as in python -m pkg.train.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="OTHER", help="An earlier version to compare FILE with.", show_default=False),
    ] = None,
    output_format: parameters.StepOutput = parameters.StepFormat.TEXT,
    quiet: parameters.Quiet = False,
    verbose: parameters.Verbose = False,
    python: parameters.Python = None,
    timeout: parameters.Timeout = None,
    sandbox: parameters.Isolation = None,
    config: parameters.Config = None,
    isolated: parameters.Isolated = False,
) -> None:
    """Run the program up to its first training step and show what every variable receives.

    Exit status: 0 gradients are sound (with --against: mended), 1 they are not or nothing was learned, 2 usage error,
    3 the file is not a Python program.

    For example: regrad verify train.py -- --epochs 1, or: regrad verify -m pkg.train
    """
    from regrad.cli.one_step import StepRequest, carry_out

    status: ExitStatus = carry_out(
        StepRequest(
            path=file,
            arguments=tuple(arguments or ()),
            module=module,
            sandbox=sandbox.value if sandbox else None,
            against=against,
            as_json=output_format is parameters.StepFormat.JSON,
            verbosity=int(verbose) - int(quiet),
            python=python,
            timeout=timeout,
            config=config,
            isolated=isolated,
        )
    )
    raise typer.Exit(status)
