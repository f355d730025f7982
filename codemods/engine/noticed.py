"""What a part of a rule notices, before the rule makes a finding of it."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.events import Event
from regrad.codemods.engine.rule import Related


class Noticed(NamedTuple):
    """A place in the code of an event, what is wrong there, and what the mending needs to know."""

    node: ast.AST
    event: Event
    message: str
    evidence: object
    variables: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
