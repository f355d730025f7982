"""`regrad check`: report findings; write nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from regrad.cli import parameters
from regrad.cli.settings import Request, codes


def check(
    paths: parameters.Paths = None,
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
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Report only what this baseline does not know.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file changes.")] = False,
    entry: parameters.Entry = None,
    jobs: parameters.Jobs = None,
    config: parameters.Config = None,
    isolated: parameters.Isolated = False,
    stdin_filename: parameters.StdinFilename = None,
) -> None:
    """Report findings; write nothing and run nothing.

    For example: regrad check train.py
    """
    from regrad.cli.job import Job, carry_out

    request = Request(
        select=codes(select) if select else None,
        ignore=codes(ignore),
        per_file_ignores=tuple(per_file_ignores or ()),
        exclude=codes(exclude),
        force_exclude=force_exclude,
        verify=False,
        entry=entry,
        config=config,
        isolated=isolated,
    )
    job = Job(
        paths=tuple(paths or (".",)),
        request=request,
        fixing=False,
        output_format=output_format,
        output_file=output_file,
        verbosity=int(verbose) - int(quiet),
        exit_zero=exit_zero,
        baseline=baseline,
        stdin_filename=stdin_filename,
        jobs=jobs,
    )
    if watch:
        from regrad.cli.watch import watch as watch_files

        raise typer.Exit(watch_files(job))
    raise typer.Exit(carry_out(job))
