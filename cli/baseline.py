"""`regrad baseline`: write down the findings of today, so that only new ones count from now on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from regrad.cli import parameters
from regrad.cli.exit_status import ExitStatus
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

    request = Request(
        select=codes(select) if select else None,
        ignore=codes(ignore),
        exclude=codes(exclude),
        verify=False,
        config=config,
        isolated=isolated,
    )
    job = Job(tuple(paths or (".",)), request, fixing=False)
    written = document(outcomes_of(job), output_file.parent)
    try:
        output_file.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as problem:
        raise Mistake(f"{output_file}: cannot be written ({problem.strerror}).") from None
    number = sum(row["count"] for row in written["findings"])
    typer.echo(f"{output_file}: {number} {'finding' if number == 1 else 'findings'} known from now on.")
    raise typer.Exit(ExitStatus.CLEAN)
