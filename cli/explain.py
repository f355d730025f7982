"""`regrad explain`: the page of a rule."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from regrad.cli.mistake import Mistake


def codes_that_begin_with(incomplete: str) -> list[tuple[str, str]]:
    """For the shell: the codes, each with the name of its rule."""
    from regrad.codemods.engine.registry import rules

    return [(rule.code, rule.name) for rule in rules() if rule.code.startswith(incomplete.upper())]


def explain(
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE", help="The code or the name of a rule, as in RG401.", autocompletion=codes_that_begin_with
        ),
    ],
) -> None:
    """Print the page of a rule: what it finds, why gradients stop there, how it mends.

    For example: regrad explain RG401
    """
    from regrad.codemods.engine.registry import UnknownRule, page, rule_by_code
    from regrad.report.rule_pages import titled_page

    try:
        rule = rule_by_code(code)
    except UnknownRule as unknown:
        group = ", ".join(each for each, _ in codes_that_begin_with(code))
        near = f"Did you mean {' or '.join(unknown.suggestions)}?" if unknown.suggestions else ""
        hint = f"With {code.upper()} begin {group}." if group else near
        raise Mistake(f"There is no rule {code}.", hint or "`regrad rules` lists them all.") from None
    text = titled_page(rule, page(rule))
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
