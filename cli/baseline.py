"""`regrad baseline`: write down the findings of today, so that only new ones count from now on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from regrad.cli import parameters
from regrad.cli.exit_status import ExitStatus, exit_status
from regrad.cli.mistake import Mistake
from regrad.cli.settings import Request, codes


def baseline(
    paths: parameters.Paths = None,
    output_file: Annotated[
        Path, typer.Option("--output-file", "-o", help="The baseline to write; paths in it are relative to its folder.")
    ] = Path("regrad-baseline.json"),
    select: parameters.Select = None,
    ignore: parameters.Ignore = None,
    exclude: parameters.Exclude = None,
    config: parameters.Config = None,
    isolated: parameters.Isolated = False,
) -> None:
    """Write down today's findings; `regrad check --baseline FILE` then reports new ones only.

    For example: regrad baseline && regrad check --baseline regrad-baseline.json
    """
    from regrad.cli.job import Job, outcomes_of
    from regrad.cli.known_findings import document
    from regrad.report.program import fault_text

    request = Request(
        select=codes(select) if select else None,
        ignore=codes(ignore),
        exclude=codes(exclude),
        verify=False,
        config=config,
        isolated=isolated,
    )
    job = Job(tuple(paths or (".",)), request, fixing=False)
    seen = list(outcomes_of(job))
    written = document(seen, output_file.parent)
    try:
        output_file.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as problem:
        raise Mistake(f"{output_file}: cannot be written ({problem.strerror}).") from None
    number = sum(row["count"] for row in written["findings"])
    typer.echo(f"{output_file}: {number} {'finding' if number == 1 else 'findings'} known from now on.")
    unread = [each for each in seen if exit_status([replace(each, findings=())]) is ExitStatus.NOT_ANALYSED]
    for each in unread:
        # What is found in it once it can be read will count as new.
        typer.echo(f"{fault_text(each)}: not in the baseline: {each.message or each.status.value}", err=True)
    raise typer.Exit(ExitStatus.NOT_ANALYSED if unread else ExitStatus.CLEAN)
