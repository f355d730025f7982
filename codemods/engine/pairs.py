"""What `apply_gradients` is given for pairs: gradients and variables apart, turned round, or of different models."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.applications import from_gradient
from regrad.analysis.events import (
    Applied,
    GradientTaken,
)
from regrad.analysis.program import Program
from regrad.analysis.values import (
    Collection,
    Constant,
    Gradients,
    Layer,
    Optimizer,
    Value,
    Variable,
    WeightList,
    Zip,
)
from regrad.analysis.weights import describe
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.rule import Edit, Mending, Related, Safety
from regrad.codemods.engine.surroundings import function_around, loaded


class Unpaired(NamedTuple):
    """The call has gradients and variables, but no pairs of them."""

    applied: Applied
    single: bool
    variables: ast.AST | None


class Turned(NamedTuple):
    """`zip(variables, gradients)`."""

    call: ast.Call
    path: str


class EachTurned(NamedTuple):
    """`(variable, gradient)`, as each of the pairs is written."""

    applied: Applied
    pairs: tuple[ast.Tuple | ast.List, ...]


class Rows(NamedTuple):
    """`zip(gradient, variable)` of one gradient and one variable."""

    call: ast.Call
    path: str


class Lists(NamedTuple):
    """`[gradients, variables]`, two lists in one."""

    node: ast.List | ast.Tuple
    path: str


class Foreign(NamedTuple):
    """`zip(gradients of one, variables of another)`."""

    event: GradientTaken
    call: ast.Call
    path: str


def misread_pairs(program: Program) -> Iterator[Noticed]:
    for applied in program.of(Applied):
        if (
            applied.method != "apply_gradients"
            or not isinstance(applied.optimizer, Optimizer)
            or not isinstance(applied.node, ast.Call)
        ):
            continue
        pairs = applied.pairs
        if isinstance(pairs, Collection) and pairs.kind == "arguments" and len(pairs.items) == 2:
            gradients, variables = pairs.items
            if (
                _are_gradients(gradients)
                and are_variables(variables)
                and not applied.node.keywords
                and len(applied.node.args) == 2
            ):
                single = isinstance(variables, Variable)
                yield Noticed(
                    applied.node,
                    applied,
                    "`apply_gradients` takes pairs, and is given gradients and variables apart",
                    Unpaired(applied, single, None),
                )
        elif isinstance(pairs, Collection) and _two_lists(pairs) and isinstance(pairs.node, (ast.List, ast.Tuple)):
            yield Noticed(
                applied.node,
                applied,
                "`apply_gradients` takes pairs, and is given a list of all gradients and a list of all variables",
                Lists(pairs.node, applied.frame.path),
            )
        elif isinstance(pairs, Collection) and (turned := _turned_pairs(program, pairs, applied.frame.path)):
            yield Noticed(
                turned[0],
                applied,
                "the pairs are the wrong way round: the gradient comes first",
                EachTurned(applied, turned),
            )
        elif isinstance(pairs, Gradients) and len(applied.node.args) == 1 and not applied.node.keywords:
            single = isinstance(pairs.sources, Variable) and pairs.index == 0
            yield Noticed(
                applied.node,
                applied,
                "`apply_gradients` takes pairs, and is given gradients alone",
                Unpaired(applied, single, pairs.event.sources_node),
            )
        elif (
            isinstance(pairs, Zip)
            and len(pairs.parts) == 2
            and isinstance(pairs.node, ast.Call)
            and len(pairs.node.args) == 2
        ):
            one, other = pairs.parts
            if isinstance(one, Gradients) and one.index == 0 and isinstance(other, Variable):
                yield Noticed(
                    pairs.node,
                    applied,
                    f"`zip` takes the gradient and `{describe(other)}` apart, row by row, where one pair is meant",
                    Rows(pairs.node, applied.frame.path),
                )
            elif are_variables(one) and _are_gradients(other):
                yield Noticed(
                    pairs.node,
                    applied,
                    "the pairs are the wrong way round: the gradient comes first",
                    Turned(pairs.node, applied.frame.path),
                )
            elif (
                isinstance(one, Gradients)
                and one.index is None
                and isinstance(one.sources, WeightList)
                and isinstance(other, WeightList)
                and _foreign(one.sources, other)
            ):
                yield Noticed(
                    pairs.node,
                    applied,
                    f"the gradients are those of `{describe(one.sources.owners[0])}`,"
                    f" the variables those of `{describe(other.owners[0])}`",
                    Foreign(one.event, pairs.node, applied.frame.path),
                    (),
                    (Related(program.location(one.event.node, one.event.frame), "the gradients are taken here"),),
                )


def _turned_pairs(program: Program, pairs: Collection, path: str) -> tuple[ast.Tuple | ast.List, ...]:
    """The pairs of a variable and its gradient as they are written, where all of them are such pairs."""
    found: dict[int, ast.Tuple | ast.List] = {}
    for pair in pairs.items:
        node = pair.node if isinstance(pair, Collection) and pair.size == 2 else None
        if not isinstance(pair, Collection) or not isinstance(node, (ast.Tuple, ast.List)) or len(node.elts) != 2:
            return ()
        variable, gradient = pair.items
        if not isinstance(variable, (Variable, WeightList)) or not _is_one(gradient):
            return ()
        if node not in program.parents(path):
            return ()
        found[id(node)] = node
    return tuple(found.values())


def _is_one(value: Value) -> bool:
    """Whether it is a single gradient, and not the list of them."""
    if isinstance(value, Gradients):
        return value.index is not None or isinstance(value.sources, Variable)
    return from_gradient(value)


def _two_lists(pairs: Collection) -> bool:
    if len(pairs.items) != 2 or not pairs.complete:
        return False
    gradients, variables = pairs.items
    return isinstance(gradients, Gradients) and gradients.index is None and isinstance(variables, WeightList)


def _are_gradients(value: Value) -> bool:
    if isinstance(value, Collection):
        return bool(value.items) and all(isinstance(item, Gradients) for item in value.items)
    return isinstance(value, Gradients)


def are_variables(value: Value) -> bool:
    if isinstance(value, Collection):
        return bool(value.items) and all(isinstance(item, (Variable, WeightList)) for item in value.items)
    return isinstance(value, (WeightList, Variable))


def _foreign(asked: WeightList, paired: WeightList) -> bool:
    """Whether the two lists certainly belong to differently built models."""
    if (
        len(asked.owners) != 1
        or len(paired.owners) != 1
        or not asked.complete
        or not paired.complete
        or asked.owners[0] is paired.owners[0]
    ):
        return False
    one, other = _build(asked), _build(paired)
    return (
        one is not None
        and other is not None
        and one != other
        and not {id(s) for s in asked.sources} & {id(s) for s in paired.sources}
    )


def _build(weights: WeightList) -> list[tuple[str, object]] | None:
    found: list[tuple[str, object]] = []
    for source in weights.sources:
        if not isinstance(source, Layer):
            return None
        units = source.arguments.get("units", source.arguments.get("filters"))
        found.append((source.kind, units.value if isinstance(units, Constant) else None))
    return found or None


Misread = Unpaired | Turned | EachTurned | Rows | Lists | Foreign


def paired(program: Program, evidence: Misread) -> Mending:
    """The right pairs, in the place of what the call is given."""
    from regrad.codemods.engine.arguments import Change, Remove, Set, Swap, change_call
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    if isinstance(evidence, Rows):
        gradient, variable = (program.source(each, evidence.path) for each in evidence.call.args)
        rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
        rewrite.replace(evidence.call, f"[({gradient}, {variable})]")
        return Mending("give the one pair", Safety.SAFE, rewrite.edits(), "the call raised before")
    if isinstance(evidence, Lists):
        if evidence.node not in program.parents(evidence.path) or len(evidence.node.elts) != 2:
            raise CannotMove("the two lists are put together elsewhere")
        gradients, variables = (program.source(each, evidence.path) for each in evidence.node.elts)
        rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
        rewrite.replace(evidence.node, f"zip({gradients}, {variables})")
        return Mending("make pairs of them", Safety.SAFE, rewrite.edits(), "the call raised before")
    if isinstance(evidence, Unpaired):
        call, path = evidence.applied.node, evidence.applied.frame.path
        assert isinstance(call, ast.Call)
        source = program.files[path]
        first = program.source(call.args[0], path)
        if len(call.args) == 2:
            second = program.source(call.args[1], path)
        elif evidence.variables is not None and isinstance(evidence.variables, (ast.Name, ast.Attribute, ast.List)):
            second = program.source(evidence.variables, path)
        else:
            raise CannotMove("how the variables are called here is not known")
        paired = f"[({first}, {second})]" if evidence.single else f"zip({first}, {second})"
        changes: list[Change] = [Set(0, paired), *([Remove(1)] if len(call.args) == 2 else [])]
        return Mending("make pairs of them", Safety.SAFE, (change_call(source, call, *changes),))
    if isinstance(evidence, EachTurned):
        return _turned_round(program, evidence)
    if isinstance(evidence, Turned):
        return Mending(
            "turn the pairs round", Safety.SAFE, (change_call(program.files[evidence.path], evidence.call, Swap(0, 1)),)
        )
    if evidence.event.sources_node is None or evidence.event.frame.path != evidence.path:
        raise CannotMove("the gradients are taken in another file")
    text = program.source(evidence.event.sources_node, evidence.path)
    return Mending(
        "apply them to the weights they belong to",
        Safety.UNSAFE,
        (change_call(program.files[evidence.path], evidence.call, Set(1, text)),),
        "other weights move than before",
    )


def _turned_round(program: Program, evidence: EachTurned) -> Mending:
    """Each pair is written the other way round; where others read them as well, only the optimizer gets them so."""
    from regrad.codemods.engine.arguments import Set, change_call
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    call, path = evidence.applied.node, evidence.applied.frame.path
    if not isinstance(call, ast.Call) or not call.args:
        raise CannotMove("the pairs are no argument of their own")
    scope = function_around(program, call, path) or program.trees[path]
    names = loaded(call.args[0])
    inside = set(map(id, ast.walk(call)))
    written_there = all(id(pair) in inside for pair in evidence.pairs)
    if not written_there and not _only_for(scope, names, evidence.pairs, inside):
        text = f"[(gradient, variable) for variable, gradient in {program.source(call.args[0], path)}]"
        edits: tuple[Edit, ...] = (change_call(program.files[path], call, Set(0, text)),)
    else:
        rewrite = Rewrite(program.files[path], program.trees[path])
        for pair in evidence.pairs:
            for each, other in zip(pair.elts, reversed(pair.elts), strict=True):
                rewrite.replace(each, program.source(other, path))
        edits = rewrite.edits()
    return Mending("turn the pairs round", Safety.SAFE, edits, "the call raised before")


def _only_for(scope: ast.AST, names: set[str], pairs: tuple[ast.Tuple | ast.List, ...], inside: set[int]) -> bool:
    """Whether the pairs are written in this function, and nothing but the call reads what they are put into."""
    nodes = list(ast.walk(scope))
    if len(names) != 1 or any(all(node is not pair for node in nodes) for pair in pairs):
        return False
    growing = {
        id(node.value) for node in nodes if isinstance(node, ast.Attribute) and node.attr in ("append", "insert")
    }
    return not any(
        isinstance(node, ast.Name)
        and node.id in names
        and isinstance(node.ctx, ast.Load)
        and id(node) not in inside | growing
        for node in nodes
    )


def leaves_out(program: Program, applied: Applied) -> bool:
    """Whether the function that applies the gradients already asks of each whether it is there."""
    path = applied.frame.path
    scope = function_around(program, applied.node, path) or program.trees[path]
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], (ast.Is, ast.IsNot))
        and isinstance(node.comparators[0], ast.Constant)
        and node.comparators[0].value is None
        for node in ast.walk(scope)
    )
