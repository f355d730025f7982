"""A term of a loss that depends on the inside of the model alone becomes a layer of the model that adds it.

Keras 3 refuses the tensors of a functional model in a loss function; a layer between them sees their numbers and hands
the term over with `add_loss`, which is how Keras' own examples train such models.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.location import Span
from regrad.analysis.parameters import named
from regrad.analysis.program import Program
from regrad.analysis.values import Function, Tensor
from regrad.codemods.engine import imports
from regrad.codemods.engine.handed_tensors import handed
from regrad.codemods.engine.layout import CannotMove, layout_of
from regrad.codemods.engine.made_a_layer import OF_A_LAYER
from regrad.codemods.engine.moving import Rewrite, after
from regrad.codemods.engine.renamed_text import renamed_text
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.sums import terms_of, written
from regrad.codemods.engine.surroundings import block_of, function_around, index_in, loaded, owners, stored

_REDUCING = frozenset({"reduce_mean", "mean", "reduce_sum", "sum"})
_ENDINGS = ("loss", "penalty", "term", "regularizer", "regularization")
_PASSED = (ast.Assign, ast.AugAssign, ast.If, ast.Expr)
_MIXED = "the term is mixed with the prediction; give the tensor to the loss as a target, or as another output"


class _Parts(NamedTuple):
    """A loss taken apart: the sum, which of its terms go and which stay, and the statements that only those need."""

    whole: ast.expr
    around: ast.expr | None
    """What reduces the sum as a whole."""
    going: tuple[ast.expr, ...]
    staying: tuple[ast.expr, ...]
    statements: tuple[ast.Assign | ast.AugAssign, ...]
    taken_off: frozenset[int] = frozenset()
    """Those terms that the loss subtracts."""


def made_a_layer(program: Program, function: Function) -> tuple[Edit, ...]:
    """The edits that let a layer of the model add the terms; raises `CannotMove` where that is not certain."""
    node, path = function.node, function.module
    if not isinstance(node, ast.FunctionDef) or path not in program.files:
        raise CannotMove("the loss is not a function of its own")
    source, tree = program.files[path], program.trees[path]
    names = _captured(function, node)
    parts = _taken_apart(node, set(names))
    factory = handed(program, function, names)
    block = factory.block if factory is not None else block_of(program, node, path)
    outer = factory.spelled(names) if factory is not None else {each: each for each in names}
    apart = factory.statement if factory is not None else None
    ordered, wired_after = _bindings([each for each in block if each is not apart], list(outer.values()))
    names = sorted(names, key=lambda each: ordered.index(outer[each]))
    place = _top_level(program, tree, block, wired_after, path)
    layer = imports.spelling(source, tree, ["tensorflow.keras.layers.Layer", "keras.layers.Layer"], place)
    name = _class_name(program, path, parts)
    settings = _settings(program, function, parts, set(names))
    unsaid = {
        each: default
        for each in (factory.unsaid if factory is not None else ())
        if factory is not None and each in settings and (default := factory.default(program, each, path)) is not None
    }
    text = _class_text(program, path, name, layer.text, names, parts, settings, unsaid)
    rewrite = Rewrite(source, tree)
    listed = ", ".join(ordered)
    given = listed if len(names) == 1 else f"[{listed}]"
    made = [
        each if factory is None else factory.value(program, each, wired_after, path)
        for each in settings
        if each not in unsaid
    ]
    rewrite.insert(f"{listed} = {name}({', '.join(made)})({given})", after(wired_after))
    rewrite.remove(list(parts.statements))
    rewrite.replace(
        parts.whole,
        written((program.source(each, path), each, id(each) not in parts.taken_off) for each in parts.staying),
    )
    gone = [*parts.going, *parts.statements]
    parameters = factory.without(program, [*names, *settings], gone, path) if factory is not None else ()
    return (*layer.edits, _before(program, path, tree, place, text), *rewrite.edits(), *parameters)


def _captured(function: Function, node: ast.FunctionDef) -> list[str]:
    """The symbolic tensors that the loss takes from around itself, in the order in which it names them."""
    own = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    own |= set().union(*(stored(statement) for statement in node.body))
    found: dict[str, None] = {}
    for each in ast.walk(node):
        if not isinstance(each, ast.Name) or not isinstance(each.ctx, ast.Load) or each.id in own:
            continue
        holder = function.scope.find(each.id)
        value = holder.names[each.id] if holder is not None else None
        if isinstance(value, Tensor) and value.symbolic:
            if holder is not function.scope:
                raise CannotMove("the tensor and the loss stand in different places")
            found[each.id] = None
    if not found:
        raise CannotMove("the tensor has no name of its own")
    return list(found)


def _taken_apart(node: ast.FunctionDef, captured: set[str]) -> _Parts:
    """Which terms depend on the captured tensors and on nothing that the loss is given."""
    given = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    bound: dict[str, list[ast.stmt]] = {}
    ordered: list[ast.stmt] = []
    result: ast.expr | None = None
    for index, statement in enumerate(node.body):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and index == 0:
            continue
        if isinstance(statement, ast.Return) and statement is node.body[-1]:
            result = statement.value
            continue
        leaves = any(isinstance(each, ast.Return | ast.Raise) for each in ast.walk(statement))
        if leaves or not isinstance(statement, _PASSED) or stored(statement) & (given | captured):
            raise CannotMove("the loss does more than put its terms together")
        ordered.append(statement)
        for name in stored(statement):
            bound.setdefault(name, []).append(statement)

    def needs(expression: ast.AST) -> set[str]:
        """The names that an expression is made of, whichever statement bound them."""
        names, waiting = set[str](), list(loaded(expression))
        while waiting:
            name = waiting.pop()
            if name not in names:
                names.add(name)
                waiting.extend(inner for each in bound.get(name, ()) for inner in loaded(each))
        return names

    around: ast.expr | None = None
    while True:
        alone = bound.get(result.id, []) if isinstance(result, ast.Name) else []
        if len(alone) == 1 and isinstance(alone[0], ast.Assign) and _target(alone[0]) is not None:
            result = alone[0].value
        elif isinstance(result, ast.Call) and _is_reduction(result) and around is None:
            around, result = result.func, result.args[0]
        else:
            break
    signed = terms_of(result) if result is not None else []
    if result is None or len(signed) < 2:
        raise CannotMove(_MIXED)
    terms = [each for each, _ in signed]
    taken_off = frozenset(id(each) for each, added in signed if not added)
    going = [each for each in terms if needs(each) & captured]
    staying = [each for each in terms if each not in going]
    if any(needs(each) & given for each in going) or not any(needs(each) & given for each in staying):
        raise CannotMove(_MIXED)
    wanted = set().union(*(needs(each) for each in going))
    kept = set().union(*(needs(each) for each in staying))
    moved = [each for each in ordered if stored(each) & wanted]
    statements = tuple(each for each in moved if isinstance(each, ast.Assign | ast.AugAssign) and _target(each))
    left = [each for each in ordered if each not in moved and not _holds(each, result)]
    if len(statements) < len(moved) or any(loaded(each) & (wanted & bound.keys() | captured) for each in left):
        raise CannotMove("the loss does more than put its terms together")
    if wanted & kept & bound.keys():
        raise CannotMove("the terms share what they are made of")
    return _Parts(result, around, tuple(going), tuple(staying), statements, taken_off)


def _target(statement: ast.stmt) -> str | None:
    """The one name that a statement binds or changes."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def _holds(statement: ast.stmt, expression: ast.expr) -> bool:
    return any(each is expression for each in ast.walk(statement))


def _settings(program: Program, function: Function, parts: _Parts, captured: set[str]) -> list[str]:
    """Arguments of the function around the loss that the terms are computed with: the layer is made with them."""
    own = {_target(each) for each in parts.statements}
    nodes = [*parts.going, *(each.value for each in parts.statements), *([parts.around] if parts.around else [])]
    parameters = _parameters_around(program, function)
    found: dict[str, None] = {}
    for node in (inner for each in nodes for inner in ast.walk(each) if isinstance(inner, ast.Name)):
        holder = function.scope.find(node.id)
        if node.id in own | captured or holder is None or holder is holder.outermost():
            continue
        if node.id not in parameters:
            raise CannotMove(f"`{node.id}` is bound beside the loss; a layer outside of the function does not see it")
        if node.id in OF_A_LAYER:
            raise CannotMove(f"`{node.id}` means something else to a layer")
        found[node.id] = None
    return list(found)


def _parameters_around(program: Program, function: Function) -> set[str]:
    """The names that are parameters of the function in which the loss is defined, and nothing else there."""
    around = function_around(program, function.node, function.module)
    if not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return set()
    arguments = around.args
    names = {each.arg for each in named(arguments)}
    return names - {"self", "cls"} - {name for each in around.body for name in stored(each)}


def _is_reduction(node: ast.AST) -> bool:
    """`mean(x)` over everything."""
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
        return False
    return called(node) in _REDUCING


def _is_scalar(node: ast.expr, bound: dict[str, ast.expr]) -> bool:
    if isinstance(node, ast.Name) and node.id in bound:
        return _is_scalar(bound[node.id], bound)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        sides = (node.left, node.right)
        return any(_is_scalar(each, bound) for each in sides) and all(
            isinstance(each, ast.Constant | ast.Name | ast.Attribute) or _is_scalar(each, bound) for each in sides
        )
    if isinstance(node, ast.UnaryOp):
        return _is_scalar(node.operand, bound)
    return _is_reduction(node)


def _values(parts: _Parts) -> dict[str, ast.expr]:
    """What each name of the terms was last given, a number beside it apart; none where it was made of itself."""
    found: dict[str, ast.expr] = {}
    for each in parts.statements:
        name = _target(each) or ""
        if isinstance(each, ast.AugAssign):
            if not isinstance(each.value, ast.Constant | ast.Name | ast.Attribute | ast.UnaryOp):
                found.pop(name, None)
        elif name in loaded(each.value) and not _is_reduction(each.value):
            found.pop(name, None)
        else:
            found[name] = each.value
    return found


def _bindings(block: list[ast.stmt], names: list[str]) -> tuple[list[str], ast.stmt]:
    """The captured tensors in the order in which they are made, and the statement after which all are there."""
    places: dict[str, int] = {}
    written: dict[str, tuple[int, int]] = {}
    for name in names:
        binding = [index for index, each in enumerate(block) if isinstance(each, ast.Assign) and name in stored(each)]
        if len(binding) != 1 or any(
            name in stored(each) for each in block if not isinstance(each, ast.Assign | ast.FunctionDef)
        ):
            raise CannotMove("the tensor is not bound once, beside the loss")
        places[name] = binding[0]
        written[name] = next(
            (each.lineno, each.col_offset)
            for each in ast.walk(block[binding[0]])
            if isinstance(each, ast.Name) and each.id == name
        )
    last = max(places.values())
    later = [each for each in block[last + 1 :] if not isinstance(each, ast.FunctionDef)]
    if not any(set(names) & loaded(each) for each in later):
        raise CannotMove("the model does not go on from the tensor")
    return sorted(places, key=written.__getitem__), block[last]


def _top_level(program: Program, tree: ast.Module, block: list[ast.stmt], wired_after: ast.stmt, path: str) -> ast.stmt:
    """The statement of the module before which the class goes: the function around, or where the model begins."""
    if block is not tree.body:
        around = [each for each in owners(program, wired_after, path) if isinstance(each, ast.stmt)]
        place = around[-1] if around else None
        if place is None or index_in(tree.body, place) is None:
            raise CannotMove("the place of the model in the file is not certain")
        return place
    scope_end = index_in(tree.body, wired_after) or 0
    for statement in tree.body[: scope_end + 1]:
        makers = {called(node) for node in ast.walk(statement) if isinstance(node, ast.Call)}
        if isinstance(statement, ast.Assign) and "Input" in makers:
            return statement
    return wired_after


def _class_name(program: Program, path: str, parts: _Parts) -> str:
    named = next((each.id for each in parts.going if isinstance(each, ast.Name)), "")
    if not named and parts.statements:
        named = _target(parts.statements[-1]) or ""
    words = [word for word in (named or "inner").split("_") if word]
    if words[-1].lower() not in _ENDINGS:
        words.append("term")
    name = "".join(word[:1].upper() + word[1:] for word in words)
    taken = {node.id for node in program.nodes(path) if isinstance(node, ast.Name)}
    taken |= {node.name for node in program.nodes(path) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    while name in taken:
        name += "Layer"
    return name


def _class_text(
    program: Program,
    path: str,
    name: str,
    base: str,
    names: list[str],
    parts: _Parts,
    settings: list[str],
    unsaid: dict[str, str],
) -> str:
    source, tree = program.files[path], program.trees[path]
    held = {each: f"self.{each}" for each in settings}
    bound = _values(parts)
    added = written(
        (renamed_text(program.source(each, path), held), each, id(each) not in parts.taken_off) for each in parts.going
    )
    if parts.around is not None:
        added = f"{program.source(parts.around, path)}({added})"
    elif not all(_is_scalar(each, bound) for each in parts.going):
        mean = imports.spelled(tree, ["tensorflow.reduce_mean", "keras.ops.mean"], parts.whole)
        if mean is None:
            raise CannotMove("how to take a mean in this file is not certain")
        added = f"{mean}({added})"
    listed = ", ".join(names)
    body = [] if len(names) == 1 else [f"{listed} = inputs"]
    for statement in parts.statements:
        value, sign = program.source(statement.value, path), ast.unparse(statement).split()[1]
        renamed = f"{_target(statement)} {sign} {renamed_text(value, held)}"
        text = renamed if held else source.segment(source.span(statement))
        shift = " " * (8 - statement.col_offset)
        body.append(re.sub(r"\n(?=.)", "\n" + shift, text) if shift else text)
    body += [f"self.add_loss({added})", f"return {listed}"]
    wanted = [each for each in settings if each not in unsaid]
    wanted += [f"{each}={default}" for each, default in unsaid.items()]
    maker = [
        f"    def __init__(self, {', '.join(wanted)}, **kwargs):",
        "        super().__init__(**kwargs)",
        *(f"        self.{each} = {each}" for each in settings),
        "",
    ]
    lines = [
        f"class {name}({base}):",
        *(maker if settings else ()),
        f"    def call(self, {names[0] if len(names) == 1 else 'inputs'}):",
        *(f"        {each}" for each in body),
    ]
    return "\n".join(lines)


def _before(program: Program, path: str, tree: ast.Module, place: ast.stmt, text: str) -> Edit:
    """The class before a statement of the module and the comments on it, two empty lines around it."""
    source = program.files[path]
    layout = layout_of(source, tree)
    decorators = [each.lineno for each in getattr(place, "decorator_list", ())]
    line = min([place.lineno, *decorators])
    while layout.is_comment(line - 1) and not layout.is_fixed_comment(line - 1):
        line -= 1
    above = source.text[: layout.line_start(line)]
    empty = len(above) - len(above.rstrip("\n")) - 1
    lead = "\n" * max(0, 2 - empty) if above.strip() else ""
    position = source.position(layout.line_start(line))
    return Edit(path, Span(position, position), f"{lead}{text}\n\n\n")
