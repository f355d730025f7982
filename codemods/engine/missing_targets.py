"""Losses of which `tf.where` leaves out what is not a number: a missing target has spoilt the gradient by then."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.choices import choice
from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Operation, Tensor, Value, Variable
from regrad.analysis.walking import each_once
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.surroundings import function_around

_ASKING = frozenset("is_nan isnan is_finite isfinite".split())
_COMBINING = frozenset({"logical_and", "logical_or", "logical_not"})
_SPOILING = frozenset(
    "square pow power abs squared_difference exp expm1 log log1p tanh sigmoid softplus cosh sinh sin cos sqrt"
    " mean_squared_error mean_absolute_error binary_crossentropy mean_absolute_percentage_error log_cosh huber"
    " mean_squared_logarithmic_error sigmoid_cross_entropy_with_logits".split()
)
"""Measured: backwards these multiply a gradient of zero with what is not a number. A sum, a difference, `maximum`,
`relu` and a clip do not.
"""
_FACTORS = frozenset({"multiply", "divide", "truediv"})
_PASSING = _SPOILING | _FACTORS | frozenset("add subtract negative cast getitem squeeze reshape expand_dims".split())
_AVERAGING = frozenset("reduce_sum reduce_mean sum mean".split())
_ELEMENTWISE = _FACTORS | frozenset(
    "add subtract squared_difference square pow power abs exp expm1 log log1p tanh sigmoid negative cast sqrt".split()
)
_FILLING = frozenset("nan_to_num fillna dropna interpolate ffill bfill SimpleImputer KNNImputer impute".split())
_TAKING = frozenset("cast getitem squeeze reshape expand_dims convert_to_tensor constant as_tensor".split())
_DEEPEST = 8


class Missing(NamedTuple):
    """The `where`, what it discards too late, what asks for missing values, the value asked, and where a target that
    may be missing meets the prediction: the operation and which of its operands it is.
    """

    where: Operation
    operation: Operation
    asking: Operation
    asked: Tensor
    meeting: Operation
    position: int


def missing(program: Program, sink: Sink, where: Operation, living: set[int]) -> Iterator[Missing]:
    """Operations whose slope is not a number for a missing target, and which `where` discards only after them."""
    condition, *branches = choice(where)
    for asking in _asking(condition):
        asked = asking.inputs[0] if asking.inputs else None
        if not isinstance(asked, Tensor) or not _may_be_missing(program, sink, asked, living):
            continue
        for branch in branches:
            found = _spoiled(branch, asked, living)
            if found is not None:
                yield Missing(where, found[0], asking, asked, *found[1])


def _asking(condition: Value | None) -> Iterator[Operation]:
    if isinstance(condition, Tensor):
        if condition.operation.name in _ASKING:
            yield condition.operation
        elif condition.operation.name in _COMBINING:
            for part in condition.operation.inputs:
                yield from _asking(part)


def _may_be_missing(program: Program, sink: Sink, asked: Tensor, living: set[int]) -> bool:
    """Whether the program writes missing values, or asks its targets for them, which it does not make itself."""
    if program.once(_writes_missing):
        return True
    if id(asked) in living:
        return False
    targets = sink.event.y if isinstance(sink.event, Trained) else asked
    return targets is not None and not any(
        isinstance(each, Tensor) and each.operation.kind == "random" for each in _behind([targets])
    )


def _writes_missing(program: Program) -> bool:
    """Whether a missing value is put into data that nothing fills again."""
    written = False
    for path in program.trees:
        for call in program.nodes_of(path, ast.Call):
            if called(call) in _FILLING:
                return False
            words = [each.value for each in call.args if isinstance(each, ast.Constant)]
            written = written or (called(call) == "float" and words in (["nan"], ["NaN"]))
        written = written or any(node.attr in ("nan", "NaN", "NAN") for node in program.nodes_of(path, ast.Attribute))
    return written


def _spoiled(branch: Value | None, asked: Tensor, living: set[int]) -> tuple[Operation, tuple[Operation, int]] | None:
    """The outermost operation that spoils the gradient, and where the missing target enters below it."""
    stack = [(branch, 0)]
    while stack:
        value, depth = stack.pop()
        if not isinstance(value, Tensor) or id(value) not in living or depth > _DEEPEST:
            continue
        operation = value.operation
        meeting = _meeting(operation, asked, living, 0)
        if meeting is not None and _spoils(operation, meeting, living):
            return operation, meeting
        if operation.name in _PASSING | _AVERAGING:
            stack.extend((part, depth + 1) for part in operation.inputs)
    return None


def _spoils(operation: Operation, meeting: tuple[Operation, int], living: set[int]) -> bool:
    if operation.name in _SPOILING:
        return True
    if operation.name not in _FACTORS or len(operation.inputs) != 2:
        return False
    # A product hands each factor the other one: with the missing target, or with what was made of it, it is spoilt.
    if meeting[0] is operation:
        return operation.name == "multiply" or meeting[1] == 1
    return operation.inputs[0] is operation.inputs[1]


def _meeting(operation: Operation, asked: Tensor, living: set[int], depth: int) -> tuple[Operation, int] | None:
    """The operation in which a target that is asked for missing values meets what is trained."""
    if depth > _DEEPEST or operation.name not in _PASSING:
        return None
    dead = [
        place
        for place, part in enumerate(operation.inputs)
        if isinstance(part, Tensor) and id(part) not in living and _belongs(part, asked)
    ]
    if dead and len(operation.inputs) == 2:
        return operation, dead[0]
    for part in operation.inputs:
        if isinstance(part, Tensor) and id(part) in living:
            found = _meeting(part.operation, asked, living, depth + 1)
            if found is not None:
                return found
    return None


def _belongs(part: Tensor, asked: Tensor) -> bool:
    """Whether the operand is data as it comes, and the value that is asked is it or made of it."""
    data = _as_it_comes(part)
    return data is not None and any(each is data for each in _behind([asked]))


def _as_it_comes(part: Value) -> Tensor | None:
    for _ in range(_DEEPEST):
        if not isinstance(part, Tensor):
            return None
        if part.numpy or not part.operation.inputs or part.operation.kind == "data":
            return part
        if part.operation.name not in _TAKING:
            return None
        part = part.operation.inputs[0]
    return None


def _behind(values: Iterable[Value]) -> Iterator[Value]:
    return each_once(values, lambda each: each.operation.inputs if isinstance(each, Tensor) else ())


def mend(program: Program, found: Missing) -> Mendings:
    """The missing targets are replaced before they meet the prediction, and asked for where they come from."""
    from regrad.codemods.engine.moving import Rewrite

    node, frame = found.meeting.node, found.meeting.frame
    target = _operand(node, found.position)
    asking = found.asking.node
    pattern = "known = tf.where(tf.math.is_nan(y_true), tf.zeros_like(y_true), y_true)"
    if frame is None or target is None or not isinstance(asking, ast.Call) or found.asking.frame is not frame:
        return Withheld("replace the missing targets before the prediction meets them", pattern)
    path = frame.path
    source, tree = program.files[path], program.trees[path]
    text = program.source(target, path)
    choose = _module(program, found.where.node, path)
    asked = argument(asking, 0, "x", "a")
    if choose is None or asked is None:
        return Withheld("`tf.where` is not written out here", pattern)
    questions = [asked] if _made_of_trained(found) else []
    if questions and not _same_elements(found):
        return Withheld("ask the targets themselves, and replace the missing ones before they meet it", pattern)
    if questions and isinstance(asked, ast.Name):
        questions = _questions(program, asked, path)
    if questions and not (isinstance(target, ast.Name) and not _bound_again(program, target, path)):
        return Withheld("ask the targets themselves, and replace the missing ones before they meet it", pattern)
    asks = program.source(asking.func, path)
    kept = f"{choose}where({asks}({text}), {choose}zeros_like({text}), {text})"
    if called(asking) in ("is_finite", "isfinite"):
        kept = f"{choose}where({asks}({text}), {text}, {choose}zeros_like({text}))"
    try:
        rewrite = Rewrite(source, tree)
        rewrite.replace(target, kept)
        for question in questions:
            rewrite.replace(question, text)
        edits: tuple[Edit, ...] = rewrite.edits()
    except CannotMove as problem:
        return Withheld(problem.reason, pattern)
    title = "replace the missing targets before the prediction meets them"
    if questions and called(asking) in ("is_finite", "isfinite"):
        return (Mending(title, Safety.UNSAFE, edits, "what is infinite for another reason counts again"),)
    return (Mending(title, Safety.SAFE, edits, "only what is discarded changes"),)


def _operand(node: ast.AST | None, position: int) -> ast.expr | None:
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)[position]
    if isinstance(node, ast.Call):
        return argument(node, position, ("y_true", "y_pred")[position], ("x", "y")[position])
    return None


def _module(program: Program, where: ast.AST | None, path: str) -> str | None:
    """What stands before `where`, for `zeros_like` to be spelled alike."""
    if not isinstance(where, ast.Call) or called(where) != "where" or not isinstance(where.func, ast.Attribute):
        return None
    return f"{program.source(where.func.value, path)}."


def _made_of_trained(found: Missing) -> bool:
    """Whether what is asked is made of the prediction, so that it is not missing any more once the target is known."""
    return any(
        isinstance(each, Variable) or (isinstance(each, Tensor) and bool(each.operation.sources))
        for each in _behind([found.asked])
    )


def _same_elements(found: Missing) -> bool:
    """Whether what is asked is computed element by element of the target and the prediction."""

    def parts(value: Value) -> tuple[Value, ...]:
        whole = isinstance(value, Tensor) and value.operation.name in _ELEMENTWISE
        return value.operation.inputs if isinstance(value, Tensor) and whole else ()

    met = (each for each in each_once([found.asked], parts) if isinstance(each, Tensor))
    return found.meeting.name in _ELEMENTWISE and any(each.operation is found.meeting for each in met)


def _questions(program: Program, asked: ast.Name, path: str) -> list[ast.expr]:
    """All places of the function at which this name is asked for missing values."""
    scope = function_around(program, asked, path) or program.trees[path]
    found: list[ast.expr] = []
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and called(node) in _ASKING:
            inner = argument(node, 0, "x", "a")
            if isinstance(inner, ast.Name) and inner.id == asked.id:
                found.append(inner)
    return found


def _bound_again(program: Program, target: ast.Name, path: str) -> bool:
    """Whether the name of the target stands for something else behind the place where it meets the prediction."""
    scope = function_around(program, target, path) or program.trees[path]
    return any(
        isinstance(node, ast.Name)
        and node.id == target.id
        and not isinstance(node.ctx, ast.Load)
        and node.lineno >= target.lineno
        for node in ast.walk(scope)
    )
