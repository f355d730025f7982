"""`regrad explain`: the page of a rule."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from regrad.cli.mistake import Mistake, did_you_mean


def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code or the name of a rule, as in RG401.")],
) -> None:
    """Print the page of a rule: what it finds, why gradients stop there, how it mends.

    For example: regrad explain RG401
    """
    from regrad.cli.rule_pages import find_rule, known_rules, page

    found = find_rule(code, known_rules())
    if found is None:
        names = [word for rule in known_rules() for word in (rule.code, rule.name)]
        hint = did_you_mean(code, names) or "`regrad rules` lists them all."
        raise Mistake(f"There is no rule {code}.", hint)
    text = page(found)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        typer.echo(text)
