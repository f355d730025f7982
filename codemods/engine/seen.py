"""Mendings for a cut that a run saw and that reading cannot follow: calls by `getattr`, tables of functions, settings.

The run says which operation stands at which place and that the path ends there; the text of that place is changed as
the rule for that kind of cut would change it. What a name stands for need not be known, the run knows it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from regrad.analysis.cut import Cut, CutKind
from regrad.codemods.engine import seen_infinite, seen_sources
from regrad.codemods.engine.broken_paths import argument, operand, text_of
from regrad.codemods.engine.imports import spelled
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.numpy_table import TABLE
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Safety, Withheld

if TYPE_CHECKING:
    from regrad.analysis.program import Program

CODES = {
    CutKind.BEFORE_TAPE: "RG401",
    CutKind.AFTER_TAPE: "RG402",
    CutKind.VARIABLE_REPLACED: "RG406",
    CutKind.NOT_TRAINABLE: "RG204",
    CutKind.INTEGER: "RG505",
    CutKind.NOT_WATCHED: "RG403",
    CutKind.NON_DIFFERENTIABLE: "RG501",
    CutKind.ZERO_SLOPE: "RG501",
    CutKind.LEFT_TENSORFLOW: "RG502",
    CutKind.STOPPED: "RG503",
    CutKind.NON_FINITE: "RG701",
}
"""The rule whose cause each kind is; comments and settings that silence the rule silence this too."""
_SAYS = {
    CutKind.BEFORE_TAPE: "runs before the tape records",
    CutKind.AFTER_TAPE: "runs after the tape has closed",
    CutKind.VARIABLE_REPLACED: "makes a plain tensor of a variable",
    CutKind.NOT_TRAINABLE: "makes a variable that no tape watches",
    CutKind.INTEGER: "makes a variable of whole numbers",
    CutKind.NOT_WATCHED: "is a tensor that no tape watches",
    CutKind.NON_DIFFERENTIABLE: "has no gradient",
    CutKind.ZERO_SLOPE: "has a slope of zero",
    CutKind.LEFT_TENSORFLOW: "leaves TensorFlow",
    CutKind.STOPPED: "stops the gradient",
    CutKind.NON_FINITE: "has an infinite slope here",
}
_ROUNDED = ("Round", "Rint", "Floor", "Ceil", "Sign")
_COMPARED = ("Greater", "GreaterEqual")
_NUMBERS = ("float", "int", "np.array", "np.asarray", "numpy.array", "numpy.asarray")


WHERE_MADE = (CutKind.NOT_TRAINABLE, CutKind.INTEGER)
"""Kinds that are mended where the variable is made, wherever it is read."""


class Seen(NamedTuple):
    """A cut of a run: the text of its file as it was run, and the lines at which it can be mended."""

    cut: Cut
    text: str
    tape_line: int | None = None
    """Where the tape was opened."""
    source_line: int | None = None
    """Where the variable was made; for a tensor, where its gradient was asked for."""


def findings(program: Program, seen: tuple[Seen, ...], names: dict[str, str]) -> Iterator[Finding]:
    """The cuts as findings of the rules `names` (code to name); those of a text that has changed since are left out."""
    for each in seen:
        cut = each.cut
        code = CODES.get(cut.kind, "")
        source = program.files.get(cut.location.path)
        if (code not in names and cut.kind is not CutKind.NEVER_USED) or source is None or source.text != each.text:
            continue
        node = _place(program, each)
        if node is None:
            continue
        kind = cut.kind
        if kind is CutKind.NEVER_USED:
            left = _exit(program, node, cut.location.path)
            if left is None or CODES[CutKind.LEFT_TENSORFLOW] not in names:
                continue
            node, kind, code = left, CutKind.LEFT_TENSORFLOW, CODES[CutKind.LEFT_TENSORFLOW]
        text = " ".join(program.source(node, cut.location.path).split())
        text = text if len(text) <= 60 else text[:57] + "..."
        lost = f" to {', '.join(cut.variables[:3])}" if cut.variables else ""
        comes = "a NaN" if kind is CutKind.NON_FINITE else "no gradient"
        message = f"`{text}` {_SAYS[kind]} [{cut.operation}], so {comes} comes{lost}; a run showed it"
        place = program.location(node, cut.location.path)
        yield Finding(
            code,
            names[code],
            message,
            place,
            kind,
            cut.variables,
            evidence=each._replace(cut=replace(cut, kind=kind, location=place)),
            shown_by_run=True,
        )


def mend(program: Program, finding: Finding) -> Mendings:
    """What can be written in the place of what the run saw there."""
    seen: Seen = finding.evidence
    node = _place(program, seen)
    path = seen.cut.location.path
    if node is None:
        return Withheld("the place that the run named holds no expression")
    try:
        if seen.cut.kind in WHERE_MADE and isinstance(node, ast.Call):
            return seen_sources.mended_where_made(program, seen.cut.kind, node, path)
        if seen.cut.kind is CutKind.NOT_WATCHED and isinstance(node, ast.Name):
            return seen_sources.watched(program, node, path, seen.tape_line)
        if seen.cut.kind in (CutKind.BEFORE_TAPE, CutKind.AFTER_TAPE):
            return _into_tape(program, seen, node, path)
        if seen.cut.kind is CutKind.VARIABLE_REPLACED:
            return _updated(program, node, path)
        if seen.cut.kind is CutKind.NON_FINITE:
            return seen_infinite.mended(program, seen.cut, node, path)
        return _without(program, seen.cut, node, path)
    except CannotMove as problem:
        return Withheld(problem.reason)


def _place(program: Program, seen: Seen) -> ast.expr | None:
    """What is changed: the variable's making, the source that is asked for, or the expression that the run named."""
    cut, line = seen.cut, seen.source_line
    if cut.kind in WHERE_MADE:
        return seen_sources.made_at(program, cut.location.path, line) if line else None
    if cut.kind is CutKind.NOT_WATCHED:
        return seen_sources.source_at(program, cut.location.path, line, cut.variables) if line else None
    return _node(program, cut)


def _node(program: Program, cut: Cut) -> ast.expr | None:
    """The expression that the run named; where only the line is known, the one call in it that can be meant."""
    path = cut.location.path
    source = program.files.get(path)
    if source is None:
        return None
    wanted = cut.location.span
    inside: list[ast.expr] = []
    for node in program.nodes(path):
        if isinstance(node, ast.expr):
            span = source.span(node)
            if span == wanted:
                return node
            if wanted.start <= span.start and span.end <= wanted.end and isinstance(node, (ast.Call, ast.BinOp)):
                inside.append(node)
    outer = [one for one in inside if not any(other is not one and _within(one, other) for other in inside)]
    return outer[0] if len(outer) == 1 else None


def _exit(program: Program, node: ast.expr, path: str) -> ast.expr | None:
    """The outermost call of NumPy around what was computed and then used by nothing: there it left TensorFlow.

    NumPy's functions read a tensor's memory without asking it, so that the run sees nothing but a tensor without use.
    """
    found: ast.expr | None = None
    parents = program.parents(path)
    current: ast.AST | None = node
    while current is not None and not isinstance(current, ast.stmt):
        if isinstance(current, ast.Call) and _is_numpy(program, current, path):
            found = current
        current = parents.get(current)
    return found


def _within(one: ast.AST, other: ast.AST) -> bool:
    return any(part is one for part in ast.walk(other))


def _into_tape(program: Program, seen: Seen, node: ast.expr, path: str) -> Mendings:
    from regrad.codemods.engine import moving
    from regrad.codemods.engine.passage import Passage

    statement = program.statement(node, path)
    owner = next(
        (
            each
            for each in program.nodes(path)
            if isinstance(each, (ast.With, ast.AsyncWith)) and each.lineno == seen.tape_line
        ),
        None,
    )
    if statement is None or owner is None:
        return Withheld("the tape is opened elsewhere", "compute it inside the `with` block of the tape")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    Passage(program, owner, path).bring(rewrite, [statement])
    return (Mending("move it into the tape", Safety.SAFE, rewrite.edits()),)


def _updated(program: Program, node: ast.expr, path: str) -> Mendings:
    from regrad.codemods.engine.updated_in_place import updated

    statement = program.statement(node, path)
    if statement is None:
        return Withheld("the place that the run named stands in no statement")
    found = updated(program, statement, path)
    return found if isinstance(found, Withheld) else (found,)


def _without(program: Program, cut: Cut, node: ast.expr, path: str) -> Mendings:
    from regrad.codemods.engine.moving import replace_expression

    source, tree = program.files[path], program.trees[path]

    def put(text: str) -> tuple[Edit, ...]:
        return replace_expression(source, tree, node, text)

    inner = _inner(node)
    text = program.source(inner, path) if inner is not None else None
    if cut.kind is CutKind.STOPPED and text is not None:
        return (Mending("leave the stop out", Safety.UNSAFE, put(text), "weights that stood still are trained then"),)
    if cut.kind is CutKind.LEFT_TENSORFLOW:
        return _in_tensorflow(program, node, path)
    if cut.operation in _COMPARED and isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = (operand(program.source(side, path)) for side in (node.left, node.comparators[0]))
        soft = f"{_say(program, path, 'sigmoid')}({left} - {right})"
        return (Mending("use a sigmoid instead of the comparison", Safety.UNSAFE, put(soft), "it has a slope"),)
    if text is None or (cut.operation not in _ROUNDED and cut.operation != "Cast"):
        return Withheld(f"{cut.operation} has no stand-in of one line", "a soft form that has a slope")
    whole = program.source(node, path)
    stop = _say(program, path, "stop_gradient")
    plain = Mending("leave the numbers as they are", Safety.UNSAFE, put(text), "rounding is for reports")
    if cut.operation == "Cast":
        return (plain,)
    through = put(f"({operand(text)} + {stop}({whole} - {operand(text)}))")
    why = "the rounded number forwards, the slope of the number itself backwards"
    return plain, Mending("let the gradient through", Safety.UNSAFE, through, why)


def _inner(node: ast.expr) -> ast.expr | None:
    """What a call works on."""
    return argument(node, 0, "x", "input", "variable") if isinstance(node, ast.Call) else None


def _in_tensorflow(program: Program, node: ast.expr, path: str) -> Mendings:
    """`x.numpy()` is `x`, a function of NumPy its counterpart; whatever else happens to the array is not known here."""
    from regrad.codemods.engine.moving import replace_expression

    if not isinstance(node, ast.Call):
        return Withheld("what leaves TensorFlow is not a call", "use the operation of TensorFlow")
    text = _converted(program, node, path)
    edits = replace_expression(program.files[path], program.trees[path], node, text)
    return (Mending("stay in TensorFlow", Safety.SAFE, edits),)


def _converted(program: Program, node: ast.expr, path: str) -> str:
    """The text of an expression with every call of NumPy in it written in TensorFlow."""
    inner: dict[ast.AST, str] = {
        part: _converted(program, part, path)
        for part in _calls_of_numpy(program, node, path)
        if part is not node and not any(_within(part, other) for other in _calls_of_numpy(program, node, path, part))
    }
    if not isinstance(node, ast.Call) or not _is_numpy(program, node, path):
        return text_of(program.files[path], node, inner)
    name = program.source(node.func, path)

    def part(argument: ast.expr) -> str:
        return inner.get(argument) or text_of(program.files[path], argument, inner)

    if isinstance(node.func, ast.Attribute) and node.func.attr == "numpy" and not node.args:
        return part(node.func.value)
    if name in _NUMBERS and len(node.args) == 1 and not node.keywords:
        return part(node.args[0])
    known = TABLE.get(name.partition(".")[2])
    if known is None or len(node.args) > known.positional or known.defaults:
        raise CannotMove(f"`{name}` has no counterpart in TensorFlow that is known to mean the same")
    given = [part(each) for each in node.args]
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg not in known.renamed:
            raise CannotMove(f"an argument of `{name}` has no counterpart in TensorFlow")
        given.append(f"{known.renamed[keyword.arg]}={part(keyword.value)}")
    return f"{_say(program, path, known.name)}({', '.join(given)})"


def _calls_of_numpy(program: Program, node: ast.expr, path: str, within: ast.expr | None = None) -> list[ast.Call]:
    """The calls that leave TensorFlow inside `node`; with `within`, those of them that lie around that one."""
    calls = [part for part in ast.walk(node) if isinstance(part, ast.Call) and _is_numpy(program, part, path)]
    if within is None:
        return calls
    return [call for call in calls if call is not within and call is not node and _within(within, call)]


def _is_numpy(program: Program, call: ast.Call, path: str) -> bool:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "numpy" and not call.args:
        return True
    prefix = spelled(program.trees[path], "numpy")
    name = program.source(call.func, path)
    return name in _NUMBERS or bool(prefix and name.startswith(f"{prefix}."))


def _say(program: Program, path: str, name: str) -> str:
    text = spelled(program.trees[path], f"tensorflow.{name}")
    if text is None:
        raise CannotMove("TensorFlow is not imported in this file")
    return text
