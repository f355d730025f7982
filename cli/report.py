"""`regrad report`: the results of a migration again, as a page or as a table for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from regrad.cli.parameters import ReportFormat


def report(
    results: Annotated[
        Path, typer.Argument(metavar="[RESULTS]", help="The folder that regrad migrate wrote, or the store in it.")
    ] = Path("regrad-migration"),
    output_format: Annotated[
        ReportFormat, typer.Option("--output-format", help="How the report is written.")
    ] = ReportFormat.HTML,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output-file",
            "-o",
            metavar="FILE",
            help="Write to this file; `-` is standard output. Default: report.html in RESULTS, else standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make the report of a migration again, also of one that is still running.

    For example: regrad report regrad-migration --output-format csv
    """
    from regrad.cli.migration_report import carry_out

    path = carry_out(results, output_format, output_file)
    if path is not None:
        print(f"The report is in {path}", file=sys.stderr)
