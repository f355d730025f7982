"""What a part of a rule notices, before the rule makes a finding of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from regrad.analysis.events import Event
from regrad.codemods.engine.rule import Related


@dataclass(frozen=True, eq=False)
class Noticed:
    """A place in the code of an event, what is wrong there, and what the mending needs to know."""

    node: ast.AST
    event: Event
    message: str
    evidence: object
    variables: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
