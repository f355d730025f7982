"""A function that makes a loss is made and called without some of its parameters."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis.callee import called
from regrad.analysis.location import Span
from regrad.analysis.parameters import defaults, positional
from regrad.analysis.program import Program
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import stored

_REASON = "how the loss is made is not certain"


def without_parameters(
    program: Program, around: ast.AST | None, made: ast.AST | None, names: Sequence[str], path: str
) -> tuple[Edit, ...]:
    """The edits; none where the names are not parameters of the function around, `CannotMove` where some are."""
    if not isinstance(around, ast.FunctionDef):
        return ()
    parameters = positional(around.args)
    going = [each for each in parameters if each.arg in names]
    if not going:
        return ()
    optional = defaults(around.args)
    bound = {each for part in around.body if not isinstance(part, ast.FunctionDef) for each in stored(part)}
    calls = [each for each in program.nodes_of(path, ast.Call) if called(each) == around.name]
    named = [each for each in program.nodes_of(path, ast.Name) if each.id == around.name]
    named_too = [each for each in program.nodes_of(path, ast.Attribute) if each.attr == around.name]
    if not isinstance(made, ast.Call) or calls != [made] or len(named) + len(named_too) != 1:
        raise CannotMove(_REASON)
    given = [*made.args, *(word.value for word in made.keywords)]
    if len(going) != len(names) or bound & set(names):
        raise CannotMove(_REASON)
    if any(isinstance(each, ast.Starred) for each in made.args) or any(word.arg is None for word in made.keywords):
        raise CannotMove(_REASON)
    hidden = int(isinstance(made.func, ast.Attribute) and bool(parameters) and parameters[0].arg in ("self", "cls"))
    arguments: list[ast.expr] = []
    for each in going:
        index = parameters.index(each) - hidden
        word = next((word.value for word in made.keywords if word.arg == each.arg), None)
        argument = made.args[index] if index < len(made.args) else word
        if argument is not None:
            arguments.append(argument)
        elif each.arg not in optional:
            raise CannotMove(_REASON)
    source = program.files[path]
    at = [next(place for place, each in enumerate(given) if each is argument) for argument in arguments]
    whole = [source.span(each) for each in parameters]
    for place, each in enumerate(parameters):
        if each.arg in optional:
            whole[place] = Span(whole[place].start, source.span(optional[each.arg]).end)
    signature = _left_out(path, whole, [parameters.index(each) for each in going])
    if not at:
        return (signature,)
    return signature, _left_out(path, [source.span(each) for each in (*made.args, *made.keywords)], at)


def _left_out(path: str, spans: Sequence[Span], going: list[int]) -> Edit:
    """A list of parameters or arguments without some, which have to stand side by side."""
    first, last = min(going), max(going)
    if len(going) != last - first + 1:
        raise CannotMove(_REASON)
    if last + 1 < len(spans):
        return Edit(path, Span(spans[first].start, spans[last + 1].start), "")
    start = spans[first - 1].end if first else spans[first].start
    return Edit(path, Span(start, spans[last].end), "")
