"""What a comment says of a statement: behind it, or on the lines above that hold nothing else."""

from __future__ import annotations

import ast
import io
import tokenize

from regrad.analysis.program import Program


def comment_of(program: Program, statement: ast.stmt, path: str) -> str:
    """The text of the comments that belong to a statement, with their marks; empty where there is none."""
    beside, alone = program.once(_comments).setdefault(path, _read(program.files[path].text))
    above: list[str] = []
    line = statement.lineno - 1
    while line in alone:
        above.insert(0, alone[line])
        line -= 1
    last = statement.end_lineno or statement.lineno
    return " ".join([*above, *(beside[line] for line in range(statement.lineno, last + 1) if line in beside)])


_Comments = tuple[dict[int, str], dict[int, str]]


def _comments(program: Program) -> dict[str, _Comments]:
    return {}


def _read(text: str) -> _Comments:
    """The comments behind code, and those that have a line for themselves, by their lines."""
    beside: dict[int, str] = {}
    alone: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                own = not token.line[: token.start[1]].strip()
                (alone if own else beside)[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        pass  # what cannot be told apart says nothing
    return beside, alone
