"""A term of the loss that is computed and left out of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.events import GradientTaken
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.parameters import named
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Constant, Instance, Mapping, Tensor, Value
from regrad.codemods.engine.chosen_terms import Choice, choice_of, with_name
from regrad.codemods.engine.numbers_in_tensors import is_number
from regrad.codemods.engine.respelling import quoted
from regrad.codemods.engine.rule import Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.spacing import plus
from regrad.codemods.engine.surroundings import owners


class Term(NamedTuple):
    """A term of the loss that was left out: its name, and where it should be added, if that is one place."""

    name: str
    total: ast.expr | None
    coefficient: str
    path: str
    choice: Choice | None = None
    """The list of names from which its own is missing, and that name."""
    key: str = ""

    @property
    def place(self) -> ast.expr | None:
        """Where the terms are put together."""
        return self.total if self.total is not None or self.choice is None else self.choice.names


def forgotten_term(program: Program, sink: Sink, heads: list[Value]) -> Term | None:
    """The one local value that depends on the missing part and could be a loss, and the place where the loss is
    put together.
    """
    target, event = sink.target, sink.event
    if not isinstance(target, Tensor) or target.operation.frame is None:
        return None
    frames = [target.operation.frame]
    if isinstance(event, GradientTaken) and event.frame is not target.operation.frame:
        frames.append(event.frame)
    found = [term for term in (_in(program, sink, target, heads, frame) for frame in frames) if term is not None]
    placed = (term for term in found if term.total is not None or term.choice is not None)
    return next(placed, found[0] if found else None)


class _Held(NamedTuple):
    """A value that a local name stands for, or that stands for a part of what the name holds."""

    holder: str
    part: str | int | None
    value: Tensor
    field: bool = False

    def text(self, program: Program, path: str) -> str:
        if self.field or not isinstance(self.part, str):
            return f"{self.holder}.{self.part}" if self.field else self.place
        written = [node for node in program.nodes_of(path, ast.Subscript) if self._is(node.value)]
        like = next((node.slice for node in written if isinstance(node.slice, ast.Constant)), None)
        return f"{self.holder}[{quoted(program, path, self.part, like)}]"

    @property
    def place(self) -> str:
        return self.holder if self.part is None else f"{self.holder}[{self.part}]"

    def _is(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self.holder

    def made_at(self, scope: ast.AST) -> int | None:
        """The line of the one statement that makes it; None where there are several."""
        names = [node for node in ast.walk(scope) if self._is(node)]
        lines = [node.lineno for node in names if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = named(scope.args)
            lines += [each.lineno for each in arguments if each.arg == self.holder]
        stores = [
            node.lineno
            for node in ast.walk(scope)
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and self._is(node.value)
            if not isinstance(node.slice, ast.Constant) or node.slice.value == self.part
        ]
        return max([*lines, *stores]) if len(lines) == 1 else None


def _in(program: Program, sink: Sink, target: Tensor, heads: list[Value], frame: Frame) -> Term | None:
    """The term among the local values of one function."""
    path = frame.path
    scope = unreached.scope_of(program, frame)
    wanted = {id(part) for part in heads}
    flow = Flow(sink.tape, marks=heads)
    passing = _passing(scope)
    candidates = {
        id(held.value): held
        for held in reversed(list(_held(frame)))
        if is_number(held.value) and held.value is not target and wanted <= set(flow.reach(held.value).sources)
        # What a loop goes over has its own name for the last of them.
        if held.part is not None or held.holder not in passing
    }
    if len(candidates) != 1:
        return None
    held = next(iter(candidates.values()))
    made = held.made_at(scope)
    if made is None:
        return None
    total = _bound(scope, sink, frame) or _total(program, scope, target, path)
    if total is not None and (made >= total.lineno or _again(program, total, made, path)):
        total = None
    if isinstance(held.part, str) and not held.field:
        choice = choice_of(program, scope, held.holder, held.part, _summed(program, sink, frame), path)
        if choice is not None:
            return Term(held.text(program, path), total, "", path, choice, held.part)
    if total is None and held.part is None:
        return None
    called = str(held.holder if held.part is None else held.part)
    coefficient = _coefficient(program, frame, called if held.part is None or "loss" in called else f"{called}_loss")
    return Term(held.text(program, path), total, coefficient, path)


def _passing(scope: ast.AST) -> set[str]:
    """The names that loops give to what they go over."""
    loops = [node for node in ast.walk(scope) if isinstance(node, (ast.For, ast.AsyncFor))]
    return {each.id for loop in loops for each in ast.walk(loop.target) if isinstance(each, ast.Name)}


def _summed(program: Program, sink: Sink, frame: Frame) -> str | None:
    """What the loss is called in a function; None where it has no name there before it is returned."""
    event = sink.event
    if isinstance(event, GradientTaken) and event.frame is frame:
        return event.target_node.id if isinstance(event.target_node, ast.Name) else None
    node = sink.target.operation.node if isinstance(sink.target, Tensor) else None
    statement = program.statement(node, frame.path) if node is not None else None
    target: ast.AST | None = statement.target if isinstance(statement, ast.AugAssign) else None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    return target.id if isinstance(target, ast.Name) else None


def _again(program: Program, total: ast.expr, made: int, path: str) -> bool:
    """Whether the total is put together in a loop that the term is made before: it would be added in each pass."""
    around = owners(program, total, path)
    loops = [each for each in around if isinstance(each, (ast.For, ast.While, ast.AsyncFor))]
    return any(made < each.lineno for each in loops)


def _held(frame: Frame) -> Iterator[_Held]:
    """The tensors that local names stand for, then those that local dictionaries, lists and records hold."""
    parts: list[tuple[str, str | int, Value, bool]] = []
    for name, value in frame.scope.names.items():
        if isinstance(value, Tensor):
            yield _Held(name, None, value)
        elif isinstance(value, Mapping):
            parts += [(name, key, part, False) for key, part in value.entries.items() if isinstance(key, str)]
        elif isinstance(value, Collection) and value.complete and not value.grown and value.kind != "set":
            parts += [(name, at, part, False) for at, part in enumerate(value.items)]
        elif isinstance(value, Instance) and value.role is None and name != "self":
            parts += [(name, field, part, True) for field, part in value.fields.items() if field.isidentifier()]
    for name, key, part, field in parts:
        if isinstance(part, Tensor):
            yield _Held(name, key, part, field)


def _bound(scope: ast.AST, sink: Sink, frame: Frame) -> ast.expr | None:
    """What the target's name is bound to, where that happens once, in the function that asks for the gradient."""
    event = sink.event
    if not isinstance(event, GradientTaken) or event.frame is not frame or not isinstance(event.target_node, ast.Name):
        return None
    name = event.target_node.id
    bound = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    statements = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and any(part is each for each in node.targets for part in bound)
    ]
    return statements[0].value if len(bound) == 1 and len(statements) == 1 else None


def _total(program: Program, scope: ast.AST, target: Tensor, path: str) -> ast.expr | None:
    """The expression that makes the target: what is bound to its name, or returned."""
    node = target.operation.node
    statement = program.statement(node, path) if node is not None else None
    if not isinstance(statement, (ast.Assign, ast.Return)) or statement.value is None:
        return None
    whole = statement.value is node or (isinstance(statement.value, ast.BinOp) and isinstance(node, ast.BinOp))
    return statement.value if whole and any(each is statement for each in ast.walk(scope)) else None


def _coefficient(program: Program, frame: Frame, name: str) -> str:
    """The weight that was made for the term and is used nowhere: `self.value_coef` or `VALUE` for `value_loss`."""
    stem = name.removesuffix("_loss").removeprefix("loss_")
    if stem == name:
        return ""
    endings = ("coef", "coeff", "coefficient", "weight", "scale", "loss_weight", "loss_coef", "lambda")
    fitting = {f"{stem}_{ending}" for ending in endings} | {f"{ending}_{stem}" for ending in endings}
    for other, value in frame.scope.outermost().names.items():
        number = isinstance(value, Constant) and isinstance(value.value, float)
        if number and other.lower() in fitting | {stem} and not _loaded(program, frame.path, other):
            return other
    holder = frame.scope.find("self")
    this = holder.names["self"] if holder is not None else None
    if not isinstance(this, Instance):
        return ""
    for attribute in this.fields:
        if attribute not in fitting:
            continue
        read = [
            node
            for node in program.nodes_of(frame.path, ast.Attribute)
            if node.attr == attribute and isinstance(node.ctx, ast.Load)
        ]
        if not read:
            return f"self.{attribute}"
    return ""


def _loaded(program: Program, path: str, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in program.nodes(path)
    )


def added(program: Program, evidence: Term) -> Mendings:
    """The term joins the others, with its coefficient if it has one."""
    from regrad.codemods.engine.moving import Rewrite

    if evidence.choice is not None:
        edit = with_name(program, evidence.choice, evidence.key)
        return [Mending(f"add `{evidence.name}` to the loss", Safety.UNSAFE, (edit,), "another loss is computed")]
    if evidence.total is None:
        return Withheld("the loss is put together in several places", f"loss = loss + {evidence.name}")
    addition = f"{evidence.coefficient} * {evidence.name}" if evidence.coefficient else evidence.name
    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    sign = plus(program, evidence.total, evidence.path)
    rewrite.replace(evidence.total, f"{program.source(evidence.total, evidence.path)}{sign}{addition}")
    return [Mending(f"add `{evidence.name}` to the loss", Safety.UNSAFE, rewrite.edits(), "another loss is computed")]
