"""`regrad migrate`: many repositories, each mended on a branch of its own, with a patch and a pull request's text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from regrad.cli import parameters
from regrad.cli.settings import Request, codes

_PLAN = "Plan, then act"
_RESULT = "What comes out"
_WORK = "Who does the work"


def migrate(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Folders, git repositories (paths or URLs), or files that list such targets, one in each line.",
            show_default=False,
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Write down what would be done, and do nothing.", rich_help_panel=_PLAN
        ),
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option("--apply", metavar="PLAN", help="Do what a plan says, and nothing else.", rich_help_panel=_PLAN),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="REV",
            help="Look only at files that changed since REV.",
            rich_help_panel="Which findings",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder of the results.", rich_help_panel=_RESULT)
    ] = Path("regrad-migration"),
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Also write the report here; its ending says how: .html, .jsonl, .csv or .sarif.",
            rich_help_panel=_RESULT,
        ),
    ] = None,
    branch: Annotated[
        str, typer.Option("--branch", help="The branch that is made in each repository.", rich_help_panel=_RESULT)
    ] = "regrad/mend",
    commits: Annotated[
        parameters.Commits,
        typer.Option("--commits", help="One commit per rule, or one in all.", rich_help_panel=_RESULT),
    ] = parameters.Commits.RULE,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            metavar="N",
            help="Processes here. Default: its cores.",
            rich_help_panel=_WORK,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="A Dask scheduler whose workers do the work, as tcp://HOST:PORT.",
            rich_help_panel=_WORK,
        ),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            "--scratch",
            metavar="DIR",
            help="Where the work trees are made; all workers must see it. Default: the temporary folder.",
            rich_help_panel=_WORK,
        ),
    ] = None,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the last line.", rich_help_panel="Output")] = False,
    python: parameters.Python = None,
    timeout: parameters.Timeout = None,
    keras: parameters.Keras = None,
    entry: parameters.Entry = None,
    sandbox: parameters.Isolation = None,
    config: parameters.Config = None,
    isolated: parameters.Isolated = False,
) -> None:
    """Mend many repositories: in each a branch and a patch, and for all of them one report.

    Your checkouts are never touched. An interrupted run goes on where it was when the same command is given again.

    For example: regrad migrate --plan plan.json repositories.txt
    """
    from regrad.cli.migration import Migration, carry_out

    request = Request(
        select=codes(select) if select else None,
        ignore=codes(ignore),
        per_file_ignores=tuple(per_file_ignores or ()),
        exclude=codes(exclude),
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
    migration = Migration(
        targets=tuple(targets or ()),
        request=request,
        output=output,
        report=report,
        plan=plan,
        apply=apply,
        since=since,
        branch=branch,
        one_commit=commits is parameters.Commits.ONE,
        jobs=jobs,
        scheduler=scheduler,
        scratch=scratch,
        quiet=quiet,
    )
    raise typer.Exit(carry_out(migration))
