"""Clipping that is handed None: the gradient of a weight that the loss does not depend on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import GradientTaken
from regrad.analysis.library.keras_layers import WEIGHTED
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Layer, Value, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine.rule import Edit, Mending, Safety

_CLIPS = frozenset({"clip_by_norm", "clip_by_value", "clip", "clip_by_average_norm"})


_LOOSE = (ast.ListComp, ast.GeneratorExp, ast.Tuple, ast.List, ast.Assign, ast.Call)
"""Where a conditional expression needs no parentheses."""


class ClippedNone(NamedTuple):
    """A clipping that None cannot pass, of the gradient called `name`, and the weights that have none.

    `over` is what a comprehension of pairs iterates over, where pairs may be left out of it.
    """

    event: GradientTaken
    call: ast.Call
    name: str
    path: str
    lost: tuple[str, ...]
    over: ast.expr | None

    @property
    def function(self) -> str:
        return self.call.func.attr if isinstance(self.call.func, ast.Attribute) else ""


def clipped_none(program: Program) -> Iterator[ClippedNone]:
    """Each clipping that certainly meets None."""
    for sink in program.sinks:
        event = sink.event
        if not isinstance(event, GradientTaken) or sink.kind not in ("tape", "graph") or sink.dead:
            continue
        if sink.path.anything or not any(_exists(value) for value in sink.path.lost) or _zeroed(event):
            continue
        lost = tuple(dict.fromkeys(describe(value) for value in sink.path.lost))
        for call, name, over in _clips(program, event):
            yield ClippedNone(event, call, name, event.frame.path, lost, over)


def _exists(value: Value) -> bool:
    """Whether there certainly is a weight, so that the list holds a None: a layer that is never called has none."""
    if isinstance(value, Layer):
        return value.kind in WEIGHTED and bool(value.fields.get("#called") or value.fields.get("#built"))
    return isinstance(value, Variable)


def _zeroed(event: GradientTaken) -> bool:
    """Whether the request says that zeros are to be given in place of None."""
    return isinstance(event.node, ast.Call) and any(word.arg == "unconnected_gradients" for word in event.node.keywords)


def _clips(program: Program, event: GradientTaken) -> Iterator[tuple[ast.Call, str, ast.expr | None]]:
    path = event.frame.path
    statement = program.statement(event.node, path)
    named = (
        isinstance(statement, ast.Assign)
        and statement.value is event.node
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    )
    name = statement.targets[0].id if named else None  # type: ignore[union-attr]
    scope: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
    since = statement.lineno if statement is not None else 0
    pairs = event.method == "compute_gradients"
    for node in ast.walk(scope):
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)) and len(node.generators) == 1 and node.lineno >= since:
            generator = node.generators[0]
            target = None if generator.ifs else _gradient(generator.iter, generator.target, event.node, name, pairs)
            element = node.elt
            if target is None or isinstance(element, ast.IfExp):
                continue
            paired = isinstance(element, ast.Tuple) and bool(element.elts)
            first = element.elts[0] if isinstance(element, ast.Tuple) and element.elts else element
            if _is_clip(first, target):
                assert isinstance(first, ast.Call)
                yield first, target, generator.iter if paired and isinstance(node, ast.ListComp) else None
        elif isinstance(node, ast.For) and node.lineno >= since:
            target = _gradient(node.iter, node.target, event.node, name, pairs)
            if target is None or _tested(node):
                continue
            for inner in ast.walk(node):
                if _is_clip(inner, target):
                    assert isinstance(inner, ast.Call)
                    yield inner, target, None


def _gradient(over: ast.expr, target: ast.expr, asked: ast.AST, name: str | None, pairs: bool) -> str | None:
    """What the loop calls one gradient, where it goes through those that were asked for."""
    if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.args:
        if over.func.id == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
            return _gradient(over.args[0], target.elts[1], asked, name, pairs)
        if over.func.id == "list" and over is not asked:
            return _gradient(over.args[0], target, asked, name, pairs)
        if over.func.id == "zip" and isinstance(target, ast.Tuple) and not pairs:
            return _gradient(over.args[0], target.elts[0], asked, name, False)
    if over is not asked and not (isinstance(over, ast.Name) and over.id == name):
        return None
    if pairs:
        if not isinstance(target, ast.Tuple) or len(target.elts) != 2:
            return None
        target = target.elts[0]
    return target.id if isinstance(target, ast.Name) else None


def _is_clip(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CLIPS
        and bool(node.args)
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id == name
    )


def _tested(loop: ast.For) -> bool:
    """Whether the loop may look at what a gradient is, and pass it over."""
    tests = (ast.If, ast.IfExp, ast.Try, ast.Continue, ast.Break, ast.BoolOp)
    return any(isinstance(node, tests) for part in loop.body for node in ast.walk(part))


def passed_by(program: Program, evidence: ClippedNone) -> Mending:
    """None passes by the clipping, as pairs that are left out or as itself."""
    from regrad.codemods.engine.moving import Rewrite

    source = program.files[evidence.path]
    reason = "the weights without a gradient stay as they are; that they have none is the deeper matter"
    test = f"if {evidence.name} is not None"
    if evidence.over is not None:
        end = source.span(evidence.over).end
        if source.text[source.offset(end) :].lstrip()[:1] == "]":
            edit = Edit(evidence.path, Span(end, end), f" {test}")
            return Mending("leave out what has no gradient", Safety.UNSAFE, (edit,), reason)
    if isinstance(program.parents(evidence.path).get(evidence.call), _LOOSE):
        end = source.span(evidence.call).end
        return Mending(
            "let None pass by", Safety.UNSAFE, (Edit(evidence.path, Span(end, end), f" {test} else None"),), reason
        )
    rewrite = Rewrite(source, program.trees[evidence.path])
    rewrite.replace(evidence.call, f"{program.source(evidence.call, evidence.path)} {test} else None")
    return Mending("let None pass by", Safety.UNSAFE, rewrite.edits(), reason)
