"""Outputs that a comprehension over the tasks leaves out of the losses, since what it picks by does not list them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import iteration
from regrad.analysis.callee import called
from regrad.analysis.events import Head, Trained
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Constant, Instance, Mapping, Value
from regrad.codemods.engine import output_losses
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.respelling import file_of, quoted
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety, Withheld


class Filtered(NamedTuple):
    """An output with targets that a condition leaves out of the losses; `listed` is what the condition picks from, in
    the file `listed_in`, and `value` what stands there for the other outputs.
    """

    head: Head
    condition: ast.Compare
    path: str
    listed: ast.Tuple | ast.List | ast.Set | None
    listed_in: str
    value: str | None
    watched: str


class _Part(NamedTuple):
    """One `for task in tasks if …` on the way to the losses."""

    target: str
    generator: ast.comprehension


def filtered(program: Program, sink: Sink, heads: list[Value]) -> Filtered | None:
    """An output whose answers the program uses, and which a membership test left out of the losses."""
    event = sink.event
    if not isinstance(event, Trained) or event.compilation is None:
        return None
    losses, given = event.compilation.loss, output_losses.targets(event)
    made = losses.node if isinstance(losses, Mapping) and losses.complete else None
    path = file_of(program, made) if made is not None else None
    if made is None or path is None or not isinstance(losses, Mapping) or not isinstance(given, Mapping):
        return None
    missing = [
        head
        for head in event.heads
        if head.name in given.entries and head.name not in losses.entries and output_losses.missed(head, heads)
    ]
    for head in missing:
        watched = output_losses.watched(program, event, event.compilation, head)
        if watched is None:
            continue
        key = _key(made)
        for part in _parts(program, path, made):
            for condition in part.generator.ifs:
                if not _picks(condition, part.target):
                    continue
                assert isinstance(condition, ast.Compare)
                listed, listed_in = _literal(program, path, condition.comparators[0])
                left_out = _left_out(condition, part, key, head.name, event.compilation.frame)
                return Filtered(head, condition, path, listed, listed_in, left_out, watched)
    return None


def _key(made: ast.AST) -> ast.expr | None:
    """What names each output: the key of the comprehension."""
    if isinstance(made, ast.DictComp):
        return made.key
    inner = made.args[0] if isinstance(made, ast.Call) and called(made) == "dict" and made.args else None
    pair = inner.elt if isinstance(inner, (ast.GeneratorExp, ast.ListComp)) else None
    return pair.elts[0] if isinstance(pair, ast.Tuple) and len(pair.elts) == 2 else None


def _parts(program: Program, path: str, made: ast.AST) -> Iterator[_Part]:
    """The comprehension that makes the losses, and the one that made the list which it goes through."""
    current: ast.AST | None = made
    for _ in range(4):
        if isinstance(current, ast.Call) and called(current) in ("dict", "list", "tuple") and current.args:
            current = current.args[0]
        if not isinstance(current, (ast.DictComp, ast.ListComp, ast.GeneratorExp)) or len(current.generators) != 1:
            return
        generator = current.generators[0]
        if isinstance(generator.target, ast.Name):
            yield _Part(generator.target.id, generator)
        current = only_value(program, path, generator.iter.id) if isinstance(generator.iter, ast.Name) else None


def _picks(condition: ast.expr, target: str) -> bool:
    """Whether it is `task.kind in KINDS`, or the same of the task itself or an entry of it."""
    return (
        isinstance(condition, ast.Compare)
        and len(condition.ops) == 1
        and isinstance(condition.ops[0], ast.In)
        and _of(condition.left, target)
    )


def _of(node: ast.expr, target: str) -> bool:
    inner = node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else node
    return isinstance(inner, ast.Name) and inner.id == target


def _literal(program: Program, path: str, node: ast.expr) -> tuple[ast.Tuple | ast.List | ast.Set | None, str]:
    """Where what is picked from is written out."""
    found: ast.expr | None = only_value(program, path, node.id) if isinstance(node, ast.Name) else node
    if isinstance(found, ast.Call) and called(found) in ("set", "frozenset", "tuple", "list") and len(found.args) == 1:
        found = found.args[0]
    plain = isinstance(found, (ast.Tuple, ast.List, ast.Set)) and all(
        isinstance(each, ast.Constant) and isinstance(each.value, str) for each in found.elts
    )
    return (found if plain and isinstance(found, (ast.Tuple, ast.List, ast.Set)) and found.elts else None), path


def _left_out(
    condition: ast.Compare, part: _Part, key: ast.expr | None, output: str | None, frame: Frame
) -> str | None:
    """What the condition looks at in the one task whose output is left out."""
    source = part.generator.iter
    scope = frame.scope.find(source.id) if isinstance(source, ast.Name) else None
    tasks = scope.names[source.id] if scope is not None and isinstance(source, ast.Name) else None
    if not isinstance(tasks, Collection) or not tasks.complete or iteration.is_grown(tasks) or key is None:
        return None
    seen = [_text(condition.left, each) for each in tasks.items if _text(key, each) == output]
    return seen[0] if len(seen) == 1 else None


def _text(node: ast.expr, task: Value) -> str | None:
    """What `task.kind` or `task["kind"]` gives, or the task itself."""
    value: Value | None = task
    if isinstance(node, ast.Attribute):
        own = (
            (task.fields.get(node.attr) or (task.cls.find(node.attr) or (None,))[0])
            if isinstance(task, Instance)
            else None
        )
        value = own if isinstance(own, Value) else None
    elif isinstance(node, ast.Subscript):
        place = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(task, Mapping):
            value = task.entries.get(place)
        else:
            at = isinstance(task, Collection) and isinstance(place, int) and -len(task.items) <= place < len(task.items)
            value = task.items[place] if isinstance(task, Collection) and isinstance(place, int) and at else None
    return value.value if isinstance(value, Constant) and isinstance(value.value, str) else None


def listed_too(program: Program, found: Filtered) -> Mendings:
    """What the condition picks from gets the value of the output that it left out."""
    if found.listed is None or found.value is None:
        return Withheld(
            f"the condition leaves `{found.head.name}` out, and what it picks from is not written out",
            program.source(found.condition.comparators[0], found.path) + f"  # shall hold that of `{found.head.name}`",
        )
    last = found.listed.elts[-1]
    text = f"{program.source(last, found.listed_in)}, {quoted(program, found.listed_in, found.value, last)}"
    edit = Edit(found.listed_in, program.files[found.listed_in].span(last), text)
    title = f"train `{found.head.name}` with the others"
    return [Mending(title, Safety.UNSAFE, (edit,), f"it has targets, and {found.watched}; another loss is computed")]
