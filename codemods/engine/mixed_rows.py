"""Rows of an `Embedding` that an argmax picks: mixed by the probabilities that the argmax was made of.

An `Embedding` of one row's number is a `Dense` without bias of that row's one 1, and so it is of shares of all rows.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.endings import Ending
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.library.keras_models import caller
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Instance, Layer, Tensor, Value
from regrad.analysis.weights import ATTRIBUTES
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.decision_in_sequence import without_decision
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.surrogates import consumers_of
from regrad.codemods.engine.surroundings import function_around, loaded
from regrad.codemods.engine.without_slope import WITHOUT, NoSurrogate, number

_RENAMED = {
    "name": "name",
    "trainable": "trainable",
    "dtype": "dtype",
    "embeddings_initializer": "kernel_initializer",
    "embeddings_regularizer": "kernel_regularizer",
    "embeddings_constraint": "kernel_constraint",
}
_PACKAGES = ("tensorflow.keras.layers.", "keras.layers.", "tf_keras.layers.")


class _Decision(NamedTuple):
    """Where a class is decided for: the expression, casts and layer included, and the one that it is made of."""

    whole: ast.expr
    scores: ast.expr


def mixed_rows(program: Program, ending: Ending) -> Mending:
    """A `Dense` without bias for the `Embedding`.

    Raises `CannotMove` where more than its rows hangs on the choice, `NoSurrogate` where it looks up other rows too.
    """
    layer, picked = _embedding(program, ending)
    call, frame = picked.operation.node, picked.operation.frame
    if frame is None or not isinstance(layer.node, ast.Call) or layer.frame is None:
        raise CannotMove("where the embedding is made was not found")
    path, made_in = frame.path, layer.frame.path
    rewrites = {each: Rewrite(program.files[each], program.trees[each]) for each in {path, made_in}}
    edits: list[Edit] = []
    dense = _as_dense(program, layer.node, made_in)
    if call is layer.node:
        place = place_in(ending.frame, ending.node, frame)
        if place is None or ending.frame.caller is not frame or not _only_decides(program, ending):
            raise CannotMove("more than a class is decided for here")
        text = _softmax(program, ending, picked, path)
        edits.extend(without_decision(program, rewrites[path], place, call, path, text))
        gone: list[ast.AST] = [place, layer.node]
    else:
        given = call.args[0] if isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords else None
        if given is None:
            raise CannotMove("the call of the embedding does not spell its arguments out")
        decision = _decision(program, ending, frame)
        text = _hand_over(program, rewrites[path], decision, given, _softmax(program, ending, picked, path), path)
        gone = [decision.whole, layer.node]
    rewrites[made_in].replace(layer.node, dense)
    place = place_in(ending.frame, ending.node, frame)
    alone = _class_alone(program, ending, place, path) if isinstance(place, ast.Call) else None
    if alone is not None:
        rewrites[path].remove([alone])
        gone.append(alone)
    for rewrite in rewrites.values():
        edits.extend(rewrite.edits())
    if path == made_in:
        kept = loaded(ast.parse(dense, mode="eval")) | (loaded(ast.parse(text, mode="eval")) if text else set())
        for name in sorted(set().union(*map(loaded, gone)) - kept):
            edits.extend(imports.remove_import(program.files[path], program.trees[path], name, gone))
    why = "a row that is picked has no slope; shares of all rows have, and the surest still counts most"
    return Mending("mix the rows by their probabilities", Safety.UNSAFE, tuple(edits), why)


def _hand_over(
    program: Program, rewrite: Rewrite, decision: _Decision, given: ast.expr, softmax: str, path: str
) -> str:
    """Gives the embedding's place what the decision was made of; gives the text of that back."""
    text = program.source(decision.scores, path)
    text = f"{softmax}({text})" if softmax else text
    if decision.whole is given:
        rewrite.replace(given, text)
        return text
    statement = _only_for(program, decision.whole, given, path)
    if not isinstance(decision.scores, ast.Name) or not _unchanged(program, decision.scores, statement, given, path):
        rewrite.replace(decision.whole, text)
        return text
    rewrite.remove([statement], keep_comments=True)
    if text != program.source(given, path):
        rewrite.replace(given, text)
    return text


def _embedding(program: Program, ending: Ending) -> tuple[Layer, Tensor]:
    """The one layer that looks rows up by the decision, which nothing else is made of, and what it gives."""
    operation = ending.operation
    if operation is None or operation.name != "argmax" or not isinstance(ending.value, Tensor):
        raise CannotMove("no class is decided for here")
    users = {id(each.operation.node): each for each in consumers_of(ending)}
    picked = next(iter(users.values()), None)
    layer = picked.operation.callee if picked is not None else None
    if len(users) != 1 or picked is None or not isinstance(layer, Layer) or layer.kind != "Embedding":
        raise CannotMove("more than the rows of one embedding is made of the decision")
    if any(value.operation.name not in ("argmax", "cast") for value in ending.chain):
        raise CannotMove("more than a class is decided for here")
    same = [
        each
        for each in tensors(program)
        if isinstance(each.operation.callee, Layer) and each.operation.callee.node is layer.node
    ]
    if any(each.operation.node is not picked.operation.node or not _decided(each, ending) for each in same):
        raise NoSurrogate(*WITHOUT["Embedding of others"])
    if _said(program, layer, picked) > 1:
        raise NoSurrogate(*WITHOUT["Embedding of others"])
    return layer, picked


def _decided(picked: Tensor, ending: Ending) -> bool:
    """Whether what the embedding looks up is the decision, whenever it is called."""
    value = picked.operation.inputs[0] if picked.operation.inputs else None
    while isinstance(value, Tensor) and value.operation.name == "cast" and value.operation.inputs:
        value = value.operation.inputs[0]
    return isinstance(value, Tensor) and value.operation.node is ending.node


def _said(program: Program, layer: Layer, picked: Tensor) -> int:
    """How often the name of the layer is read."""
    call = picked.operation.node
    function = call.func if isinstance(call, ast.Call) else None
    if function is layer.node:
        return 1
    name = called(call) if isinstance(call, ast.Call) else ""
    if not name or call is None or picked.operation.frame is None:
        return 2
    found = 0
    for path in program.trees:
        said = [each for each in program.nodes_of(path, ast.Attribute) if each.attr == name]
        of_this_file = isinstance(function, ast.Name) and path == picked.operation.frame.path
        names = [each for each in program.nodes_of(path, ast.Name) if each.id == name] if of_this_file else []
        for each in names if of_this_file else said:
            around = program.parents(path).get(each)
            # Both kinds of layer have weights, which are asked for under the same names.
            weights = isinstance(around, ast.Attribute) and around.attr in ATTRIBUTES
            found += isinstance(each.ctx, ast.Load) and not weights
        imported = program.nodes_of(path, ast.ImportFrom) if isinstance(function, ast.Name) else ()
        found += 2 * sum(alias.name == name for each in imported for alias in each.names)
    return found


def _decision(program: Program, ending: Ending, frame: Frame) -> _Decision:
    """The expression in the body that calls the embedding which decides, as `argmax(x)` or as a layer or function."""
    choice = ending.node
    place = place_in(ending.frame, choice, frame)
    if not isinstance(choice, ast.Call) or not isinstance(place, ast.Call) or not is_last_axis(ending, choice):
        raise CannotMove("only a class decided for along the last axis has known probabilities")
    if place is choice:
        scores = argument(choice, 0, "input", "x", "a")
    else:
        scores = place.args[0] if len(place.args) == 1 and not place.keywords else None
        if ending.frame.caller is not frame or not _only_decides(program, ending):
            raise CannotMove("more than a class is decided for here")
    if scores is None:
        raise CannotMove("the decision does not spell its arguments out")
    whole: ast.expr = place
    parents = program.parents(frame.path)
    while isinstance(outer := parents.get(whole), ast.Call) and _casts(outer, whole):
        whole = outer
    return _Decision(whole, scores)


def _only_decides(program: Program, ending: Ending) -> bool:
    """Whether the function or layer gives the class of its one argument back, and does nothing else."""
    function, choice = ending.frame.function, ending.node
    if not isinstance(choice, ast.Call) or not is_last_axis(ending, choice):
        return False
    node = function.node if function is not None else None
    if node is None or isinstance(node, ast.AsyncFunctionDef):
        return False
    names = [each.arg for each in node.args.args]
    if isinstance(ending.frame.this, Instance) and names:
        names = names[1:]
    if len(names) != 1 or node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
        return False
    body: ast.AST | None = node.body if isinstance(node, ast.Lambda) else None
    if isinstance(node, ast.FunctionDef):
        statements = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        last = statements[0] if len(statements) == 1 else None
        body = last.value if isinstance(last, ast.Return) else None
    while isinstance(body, ast.Call) and body is not choice and body.args and _casts(body, body.args[0]):
        body = body.args[0]
    decided = argument(choice, 0, "input", "x", "a")
    return body is choice and isinstance(decided, ast.Name) and decided.id == names[0]


def _class_alone(program: Program, ending: Ending, place: ast.Call, path: str) -> ast.ClassDef | None:
    """The class of the deciding layer, where it is made in place and named nowhere else."""
    this = ending.frame.this
    # `Decides()(scores)`, or `Decides()` in a `Sequential`.
    made = place.func if isinstance(place.func, ast.Call) else place
    if not isinstance(this, Instance) or this.cls.module != path:
        return None
    if not isinstance(made.func, ast.Name) or made.func.id != this.cls.name or made.args or made.keywords:
        return None
    inside = set(ast.walk(this.cls.node))
    named = [each for each in program.nodes_of(path, ast.Name) if each.id == this.cls.name and each not in inside]
    others = any(
        alias.name == this.cls.name
        for other in program.files
        if other != path
        for each in program.nodes_of(other, ast.ImportFrom)
        for alias in each.names
    )
    return this.cls.node if len(named) == 1 and not others and not this.cls.node.decorator_list else None


def _only_for(program: Program, whole: ast.expr, given: ast.expr, path: str) -> ast.Assign:
    """The assignment of the decision to the name that the embedding is given, which nothing else reads."""
    statement, use = program.statement(whole, path), program.statement(given, path)
    reason = CannotMove("the decision is used by more than the embedding")
    if not isinstance(statement, ast.Assign) or statement.value is not whole or len(statement.targets) != 1:
        raise reason
    target = statement.targets[0]
    if not isinstance(target, ast.Name) or not isinstance(given, ast.Name) or given.id != target.id or use is None:
        raise reason
    parents = program.parents(path)
    if parents.get(statement) is not parents.get(use):
        raise reason
    scope = function_around(program, statement, path) or program.trees[path]
    named = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == target.id]
    first, last = statement.lineno, use.end_lineno or use.lineno
    stores = {each.lineno for each in named if not isinstance(each.ctx, ast.Load)}
    rebound = isinstance(use, ast.Assign) and any(
        isinstance(each, ast.Name) and each.id == target.id for each in use.targets
    )
    reads = [each for each in named if isinstance(each.ctx, ast.Load) and each is not given]
    within = [each for each in reads if not any(each is inner for inner in ast.walk(statement))]
    between = [each for each in within if first <= each.lineno <= last]
    if between or any(first < line < use.lineno for line in stores):
        raise reason
    if not rebound and any(each.lineno > last or len(stores) == 1 for each in within):
        raise reason
    return statement


def _unchanged(program: Program, scores: ast.Name, statement: ast.stmt, given: ast.expr, path: str) -> bool:
    """Whether the name of the scores still means them where the embedding is called, without the statement."""
    scope = function_around(program, statement, path) or program.trees[path]
    own = set(ast.walk(statement))
    return not any(
        isinstance(each, ast.Name)
        and each.id == scores.id
        and not isinstance(each.ctx, ast.Load)
        and each not in own
        and statement.lineno <= each.lineno < given.lineno
        for each in ast.walk(scope)
    )


def _as_dense(program: Program, call: ast.Call, path: str) -> str:
    """The text of the layer that mixes, in the place of the one that picks."""
    stated = {each.arg: each.value for each in call.keywords if each.arg is not None}
    if len(stated) != len(call.keywords) or len(call.args) > 2 or any(isinstance(e, ast.Starred) for e in call.args):
        raise CannotMove("the embedding does not spell its arguments out")
    rows, width = (argument(call, place, key) for place, key in enumerate(("input_dim", "output_dim")))
    if rows is None or width is None:
        raise CannotMove("the embedding does not spell its arguments out")
    parts = [program.source(width, path), "use_bias=False"]
    for key, value in stated.items():
        if key in ("input_dim", "output_dim", "input_length"):
            continue
        if key == "mask_zero" and isinstance(value, ast.Constant) and not value.value:
            continue
        if key not in _RENAMED:
            raise CannotMove(f"a layer that mixes rows knows no `{key}`")
        parts.append(f"{_RENAMED[key]}={program.source(value, path)}")
    return f"{_sibling(program, call.func, 'Dense', path)}({', '.join(parts)})"


def _sibling(program: Program, function: ast.expr, name: str, path: str) -> str:
    """Another layer of the library, spelled as the one here is."""
    if isinstance(function, ast.Attribute):
        return f"{program.source(function.value, path)}.{name}"
    spelled = imports.spelled(program.trees[path], [f"{package}{name}" for package in _PACKAGES])
    if spelled is None:
        raise CannotMove(f"the file does not import `{name}`")
    return spelled


def _softmax(program: Program, ending: Ending, picked: Tensor, path: str) -> str:
    """What makes probabilities of the scores: a layer in a graph of layers, else a function; "" where they are some."""
    assert ending.operation is not None
    first = ending.operation.inputs[0] if ending.operation.inputs else None
    if isinstance(first, Tensor) and "probabilities" in first.facts:
        return ""
    tree = program.trees[path]
    if isinstance(first, Tensor) and first.symbolic and caller(picked.operation) is None:
        spelled = imports.spelled(tree, [f"{package}Softmax" for package in _PACKAGES])
        spelled = f"{spelled}()" if spelled is not None else None
    else:
        spelled = imports.spelled(tree, ["tensorflow.nn.softmax", "keras.ops.softmax"])
    if spelled is None:
        raise CannotMove("the file does not import what makes probabilities of scores")
    return spelled


def is_last_axis(ending: Ending, choice: ast.Call) -> bool:
    """Whether an argmax decides along the last axis of what it is given."""
    assert ending.operation is not None
    axis = argument(choice, 1, "axis", "dimension")
    first: Value | None = ending.operation.inputs[0] if ending.operation.inputs else None
    place = number(axis) if axis is not None else None
    if isinstance(axis, ast.Name) or place is None:
        stated = (ending.operation.arguments or {}).get("axis") or (ending.operation.arguments or {}).get("1")
        place = stated.value if isinstance(stated, Constant) and isinstance(stated.value, int) else None
    rank = len(first.shape) if isinstance(first, Tensor) and first.shape is not None else None
    return place == -1 or (rank is not None and place == rank - 1)


def _casts(outer: ast.Call, inner: ast.AST) -> bool:
    """Whether a call only gives what is inside another dtype."""
    name = called(outer)
    return name in ("cast", "to_int32", "to_int64") and argument(outer, 0, "x") is inner
