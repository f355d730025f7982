"""`regrad rules`: the list of the rules."""

from __future__ import annotations

import json
import sys
from enum import Enum
from typing import Annotated

import typer

NARROW = 100
"""Columns below which a table would leave the sentences no room."""


class ListFormat(str, Enum):
    TEXT = "text"
    JSON = "json"


def rules(
    output_format: Annotated[
        ListFormat, typer.Option("--output-format", help="How the list is written.")
    ] = ListFormat.TEXT,
) -> None:
    """List the rules: code, name, how safe the mending is, and what it finds.

    `regrad explain CODE` prints the page of one.
    """
    from regrad.codemods.engine.registry import page, registry
    from regrad.report.rule_pages import one_line

    for problem in registry().broken:
        typer.echo(f"regrad: {problem}", err=True)
    listed = [(rule, one_line(rule, page(rule))) for rule in registry().rules]
    if output_format is ListFormat.JSON:
        rows = [
            {"code": rule.code, "name": rule.name, "safety": rule.safety, "why": rule.why, "summary": summary}
            for rule, summary in listed
        ]
        typer.echo(json.dumps({"version": 1, "rules": rows}, indent=2, ensure_ascii=False))
        return
    if not sys.stdout.isatty():
        for rule, summary in listed:
            typer.echo(f"{rule.code}  {rule.name:<28}  {rule.safety:<12}  {summary}")
        return
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if console.width < NARROW:
        for rule, summary in listed:
            console.print(f"{rule.code} {rule.name} ({rule.safety})", style="bold")
            console.print(Padding(summary, (0, 0, 0, 2)))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("code", style="bold red", no_wrap=True)
    table.add_column("name", no_wrap=True)
    table.add_column("safety", no_wrap=True)
    table.add_column("finds")
    for rule, summary in listed:
        table.add_row(rule.code, rule.name, rule.safety, summary)
    console.print(table)
