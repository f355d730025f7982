"""`regrad fix`: rewrite the programs, and prove it with a training step before and after."""

from __future__ import annotations

from typing import Annotated

import typer
from regrad.cli import parameters
from regrad.cli.settings import Request, codes


def fix(
    paths: parameters.Paths = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show the change and write nothing.")] = False,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask about each change (y/n/a/d/q/?).")
    ] = False,
    unsafe_fixes: Annotated[
        bool | None,
        typer.Option(
            "--unsafe-fixes/--no-unsafe-fixes",
            help="Also mend where the program's meaning changes.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            help="Run one training step before and after, and withdraw what it does not confirm. Default: verify.",
            show_default=False,
        ),
    ] = None,
    require_verified: parameters.RequireVerified = False,
    no_require_verified: parameters.NoRequireVerified = False,
    select: parameters.Select = None,
    ignore: parameters.Ignore = None,
    per_file_ignores: parameters.PerFileIgnores = None,
    exclude: parameters.Exclude = None,
    force_exclude: parameters.ForceExclude = None,
    output_format: parameters.Format = None,
    output_file: parameters.OutputFile = None,
    quiet: parameters.Quiet = False,
    verbose: parameters.Verbose = False,
    exit_zero: parameters.ExitZero = False,
    python: parameters.Python = None,
    timeout: parameters.Timeout = None,
    keras: parameters.Keras = None,
    entry: parameters.Entry = None,
    sandbox: parameters.Isolation = None,
    jobs: parameters.Jobs = None,
    config: parameters.Config = None,
    isolated: parameters.Isolated = False,
    stdin_filename: parameters.StdinFilename = None,
) -> None:
    """Mend the programs, and prove it with one training step before and one after.

    For example: regrad fix --diff train.py
    """
    from regrad.cli.job import Job, carry_out

    request = Request(
        select=codes(select) if select else None,
        ignore=codes(ignore),
        per_file_ignores=tuple(per_file_ignores or ()),
        exclude=codes(exclude),
        force_exclude=force_exclude,
        unsafe_fixes=unsafe_fixes,
        verify=True if require_verified and verify is None else verify,
        require_verified=False if no_require_verified else require_verified or None,
        python=python,
        timeout=timeout,
        keras=keras,
        entry=entry,
        sandbox=sandbox.value if sandbox else None,
        config=config,
        isolated=isolated,
    )
    job = Job(
        paths=tuple(paths or (".",)),
        request=request,
        fixing=True,
        preview=diff,
        interactive=interactive,
        output_format=output_format,
        output_file=output_file,
        verbosity=int(verbose) - int(quiet),
        exit_zero=exit_zero,
        stdin_filename=stdin_filename,
        jobs=jobs,
    )
    raise typer.Exit(carry_out(job))
