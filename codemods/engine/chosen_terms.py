"""The list of names by which a total takes its terms out of a dictionary, where one name is missing from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.respelling import quoted
from regrad.codemods.engine.rule import Edit

_LISTS = (ast.Tuple, ast.List, ast.Set)
_COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp)


class Choice(NamedTuple):
    """The literal that lists the names of the terms."""

    names: ast.Tuple | ast.List | ast.Set
    path: str


def choice_of(program: Program, scope: ast.AST, holder: str, key: str, summed: str | None, path: str) -> Choice | None:
    """The one list of names by which the terms of `holder` come into the sum called `summed`, without `key`."""
    found: list[Choice] = []
    for node in ast.walk(scope):
        over = _over(node, holder, summed) if isinstance(node, ast.For) else None
        if isinstance(node, _COMPREHENSIONS) and _is_summed(program, scope, node, summed, path):
            over = _of_comprehension(node, holder)
        names = _names(program, over, path) if over is not None else None
        if names is not None and all(each.value != key for each in names.elts if isinstance(each, ast.Constant)):
            found.append(Choice(names, path))
    return found[0] if len(found) == 1 else None


def _of_comprehension(node: ast.ListComp | ast.GeneratorExp, holder: str) -> ast.expr | None:
    """What `[holder[k] for k in …]` goes over."""
    generator = node.generators[0]
    plain = len(node.generators) == 1 and not generator.ifs and not generator.is_async
    return generator.iter if plain and _is_part(node.elt, holder, generator.target) else None


def _over(loop: ast.For, holder: str, summed: str | None) -> ast.expr | None:
    """What `for k in …: total += holder[k]` goes over."""
    if loop.orelse or summed is None:
        return None
    uses = [each for part in loop.body for each in ast.walk(part) if isinstance(each, ast.Name) and each.id == holder]
    sums = [value for part in loop.body for value in _added(part, summed) if _is_part(value, holder, loop.target)]
    return loop.iter if len(sums) == len(uses) == 1 else None


def _added(statement: ast.stmt, summed: str) -> Iterator[ast.expr]:
    """What `total += x`, or `total = total + x`, adds."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add) and _is(statement.target, summed):
        yield statement.value
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1 and _is(statement.targets[0], summed):
        value = statement.value
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            sides = value.left, value.right
            yield from (one for one, other in (sides, sides[::-1]) if _is(other, summed))


def _is_part(node: ast.AST, holder: str, key: ast.AST) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and _is(node.value, holder)
        and isinstance(key, ast.Name)
        and _is(node.slice, key.id)
    )


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_summed(program: Program, scope: ast.AST, node: ast.AST, summed: str | None, path: str) -> bool:
    """Whether the terms go into the sum: there, or under a name that nothing else reads."""
    statement = program.statement(node, path)
    if isinstance(statement, ast.Return):
        return summed is None
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return False
    if target.id == summed:
        return True
    read = [each for each in ast.walk(scope) if _is(each, target.id) and each is not target]
    used = program.statement(read[0], path) if len(read) == 1 and statement.value is node else None
    if isinstance(used, ast.Return):
        return summed is None
    return isinstance(used, ast.Assign) and summed is not None and any(_is(each, summed) for each in used.targets)


def _names(program: Program, over: ast.expr, path: str) -> ast.Tuple | ast.List | ast.Set | None:
    """The literal of names, where it stands or where the one name that only this place reads is bound to it."""
    literal: ast.expr | None = over
    if isinstance(over, ast.Name):
        literal = only_value(program, path, over.id, used_once=True)
    elif isinstance(over, ast.Attribute) and isinstance(over.value, ast.Name):
        literal = _held(program, over, path)
    if not isinstance(literal, _LISTS) or not literal.elts:
        return None
    plain = all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in literal.elts)
    return literal if plain else None


def _held(program: Program, attribute: ast.Attribute, path: str) -> ast.expr | None:
    """What the attribute is set to, where it is set once and read once."""
    same = [each for each in program.nodes_of(path, ast.Attribute) if each.attr == attribute.attr]
    values = [
        each.value
        for each in program.nodes_of(path, ast.Assign)
        if any(isinstance(target, ast.Attribute) and target.attr == attribute.attr for target in each.targets)
    ]
    return values[0] if len(values) == 1 and len(same) == 2 else None


def with_name(program: Program, choice: Choice, key: str) -> Edit:
    """The name joins the others, spelled as they are."""
    source = program.files[choice.path]
    last = choice.names.elts[-1]
    end = source.span(last).end
    rest = Span(end, source.span(choice.names).end)
    key_text = quoted(program, choice.path, key, last)
    before = source.segment(Span(source.span(choice.names).start, source.span(last).start))
    indent = before.rpartition("\n")[2]
    if "\n" in before and not indent.strip():
        line, _, below = source.segment(rest).partition("\n")
        if line.startswith(",") and below:
            # Behind the comment that belongs to the last one.
            at = source.position(source.offset(end) + len(line.rstrip("\r")))
            return Edit(choice.path, Span(at, at), f"\n{indent}{key_text},")
        return Edit(choice.path, Span(end, end), f",\n{indent}{key_text}")
    text = f", {key_text}"
    if len(choice.names.elts) == 1 and source.segment(rest) == ",)":
        # The comma of a tuple of one has done its service.
        return Edit(choice.path, rest, f"{text})")
    return Edit(choice.path, Span(end, end), text)
