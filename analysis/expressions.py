"""The value of each kind of expression."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regrad.analysis import attributes, counting, iteration, iterators, joining, operators, subscripts, weights
from regrad.analysis.interpreter import UNROLLED, Call
from regrad.analysis.truth import truth
from regrad.analysis.values import (
    MOST_ITEMS,
    UNKNOWN,
    Collection,
    Constant,
    Covering,
    Mapping,
    Tensor,
    Value,
    Variable,
    WeightList,
    bounded,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter


def _constant(interpreter: Interpreter, node: ast.Constant) -> Value:
    return Constant(node.value, node)


def _name(interpreter: Interpreter, node: ast.Name) -> Value:
    return interpreter.look_up(node.id)


def _attribute(interpreter: Interpreter, node: ast.Attribute) -> Value:
    return attributes.read(interpreter, interpreter.evaluate(node.value), node.attr, node)


def _subscript(interpreter: Interpreter, node: ast.Subscript) -> Value:
    return subscripts.read(interpreter, interpreter.evaluate(node.value), node.slice, node)


def _collection(kind: str) -> Callable[[Interpreter, Any], Value]:
    def make(interpreter: Interpreter, node: ast.List | ast.Tuple | ast.Set) -> Value:
        items: list[Value] = []
        complete, grown = True, False
        lists: list[Value] = []
        for element in node.elts:
            if len(items) >= MOST_ITEMS and isinstance(element, ast.Constant):
                complete = False
                continue
            if isinstance(element, ast.Starred):
                inner = interpreter.evaluate(element.value)
                iterators.walk(interpreter, inner, element)
                known = iteration.known_elements(interpreter, inner)
                if known is None and isinstance(inner, WeightList):
                    lists += [Collection(kind, tuple(items), True, node), inner]
                    items = []
                elif known is None:
                    complete = False
                    items.append(iteration.element(interpreter, inner, element))
                else:
                    items.extend(known)
                    grown = grown or iteration.is_grown(inner)
            else:
                items.append(interpreter.evaluate(element))
        made = Collection(kind, *bounded(tuple(items), complete), node, grown)
        return (operators.joined_lists([*lists, made]) if lists else None) or made

    return make


def _dictionary(interpreter: Interpreter, node: ast.Dict) -> Value:
    entries: dict[Any, Value] = {}
    complete = True
    for key, value in zip(node.keys, node.values, strict=True):
        evaluated = interpreter.evaluate(value)
        if key is None:
            if isinstance(evaluated, Mapping):
                entries.update(evaluated.entries)
                complete = complete and evaluated.complete
            else:
                complete = False
            continue
        name = interpreter.evaluate(key)
        if isinstance(name, Constant) and isinstance(name.value, (str, int, float, bool, bytes, type(None))):
            entries[name.value] = evaluated
        else:
            complete = False
            # What a session is fed with stands under the placeholder itself.
            entries[name if isinstance(name, Tensor) else ("unknown", len(entries))] = evaluated
    return Mapping(entries, complete, node)


def _call(interpreter: Interpreter, node: ast.Call) -> Value:
    interpreter.steps += 1
    callee = interpreter.evaluate(node.func)
    return interpreter.call(callee, arguments(interpreter, node))


def arguments(interpreter: Interpreter, node: ast.Call) -> Call:
    """The arguments of a call expression, evaluated in order."""
    evaluate = interpreter.evaluate
    positional: list[Value] = []
    nodes: list[ast.AST | None] = []
    complete = True
    for argument in node.args:
        if type(argument) is ast.Starred:
            inner = evaluate(argument.value)
            iterators.walk(interpreter, inner, argument)
            known = iteration.known_elements(interpreter, inner)
            if known is None:
                complete = False
                positional.append(iteration.element(interpreter, inner, argument))
                nodes.append(argument)
            else:
                positional.extend(known)
                nodes.extend(argument for _ in known)
        else:
            positional.append(evaluate(argument))
            nodes.append(argument)
    if not node.keywords:
        return Call(node, tuple(positional), {}, complete, tuple(nodes), {})
    keywords: dict[str, Value] = {}
    keyword_nodes: dict[str, ast.AST] = {}
    for keyword in node.keywords:
        value = evaluate(keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
            keyword_nodes[keyword.arg] = keyword.value
        elif isinstance(value, Mapping):
            complete = complete and value.complete
            for name, entry in value.entries.items():
                if isinstance(name, str):
                    keywords[name] = entry
                    keyword_nodes[name] = keyword.value
        else:
            complete = False
    return Call(node, tuple(positional), keywords, complete, tuple(nodes), keyword_nodes)


def _binary(interpreter: Interpreter, node: ast.BinOp) -> Value:
    # A chain of ten thousand `+` nests as deep; its left spine is walked, not recursed into.
    spine: list[ast.BinOp] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        spine.append(left)
        left = left.left
    value = interpreter.evaluate(left)
    for link in reversed(spine):
        value = operators.binary(interpreter, link, link.op, value, interpreter.evaluate(link.right))
    return value


def _unary(interpreter: Interpreter, node: ast.UnaryOp) -> Value:
    return operators.unary(interpreter, node, interpreter.evaluate(node.operand))


def _compare(interpreter: Interpreter, node: ast.Compare) -> Value:
    left = interpreter.evaluate(node.left)
    result: Value = UNKNOWN
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        right = interpreter.evaluate(right_node)
        result = operators.compare(interpreter, node, operator, left, right)
        left = right
    return result if len(node.ops) == 1 else (result if not isinstance(result, Constant) else UNKNOWN)


def _boolean(interpreter: Interpreter, node: ast.BoolOp) -> Value:
    is_and = isinstance(node.op, ast.And)
    possible: list[Value] = []
    for part in node.values:
        value = interpreter.evaluate(part)
        known = truth(value)
        interpreter.decided += counting.decides(value)
        if known is None:
            possible.append(value)
        elif known is not is_and:
            if isinstance(value, Constant) and isinstance(value.value, bool):
                # Whatever the parts before it are, the whole is true (or false) with it.
                return value
            possible.append(value)
            break
        elif part is node.values[-1]:
            possible.append(value)
    return joining.join_all(interpreter, possible)


def _conditional(interpreter: Interpreter, node: ast.IfExp) -> Value:
    tested = interpreter.evaluate(node.test)
    known = truth(tested)
    interpreter.decided += counting.decides(tested)
    if known is True:
        return interpreter.evaluate(node.body)
    if known is False:
        return interpreter.evaluate(node.orelse)
    return joining.join(interpreter, interpreter.evaluate(node.body), interpreter.evaluate(node.orelse))  # type: ignore[no-any-return]


def _lambda(interpreter: Interpreter, node: ast.Lambda) -> Value:
    return interpreter.make_function(node)


def _named(interpreter: Interpreter, node: ast.NamedExpr) -> Value:
    value = interpreter.evaluate(node.value)
    interpreter.bind(node.target, value)
    return value


def _comprehension(kind: str) -> Callable[[Interpreter, Any], Value]:
    def make(interpreter: Interpreter, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        if isinstance(node, ast.ListComp) and _strings_weights(node):
            return _strung_together(interpreter, node)
        drawn: list[Value] = []
        results, complete, grown = _generate(
            interpreter, node.generators, lambda: interpreter.evaluate(node.elt), drawn
        )
        items, complete = bounded(tuple(results), complete)
        made = Collection(kind, Covering(items) if _all_made_here(node.elt, items) else items, complete, node, grown)
        if isinstance(node, ast.GeneratorExp):
            return iterators.lazy(made, *drawn)
        for iterable in drawn:
            iterators.walk(interpreter, iterable, node)
        return made

    return make


def _all_made_here(node: ast.expr, items: tuple[Value, ...]) -> bool:
    """Whether the results are variables that the expression made: one stands for all, however often it is evaluated."""
    made = {id(each) for each in ast.walk(node) if isinstance(each, ast.Call)}
    return bool(items) and all(isinstance(each, Variable) and id(each.node) in made for each in items)


def _strings_weights(node: ast.ListComp) -> bool:
    """Whether it is `[v for model in models for v in model.trainable_variables]`."""
    last = node.generators[-1]
    return (
        isinstance(last.iter, ast.Attribute)
        and last.iter.attr in weights.ATTRIBUTES
        and isinstance(last.target, ast.Name)
        and isinstance(node.elt, ast.Name)
        and node.elt.id == last.target.id
        and not any(each.ifs for each in node.generators)
    )


def _strung_together(interpreter: Interpreter, node: ast.ListComp) -> Value:
    """Lists of weights behind each other: what a model has stays one, where it is not known how many these are."""
    *outer, last = node.generators
    drawn: list[Value] = []
    lists, complete, grown = _generate(interpreter, outer, lambda: interpreter.evaluate(last.iter), drawn)
    for iterable in drawn:
        iterators.walk(interpreter, iterable, node)
    whole = operators.joined_lists(lists) if complete and not grown else None
    if whole is not None:
        return whole
    elements = tuple(iteration.element(interpreter, each, node) for each in lists)
    return Collection("list", *bounded(elements, False), node, grown)


def _dictionary_comprehension(interpreter: Interpreter, node: ast.DictComp) -> Value:
    entries: dict[Any, Value] = {}

    def one() -> Value:
        key, value = interpreter.evaluate(node.key), interpreter.evaluate(node.value)
        name = key.value if isinstance(key, Constant) else ("unknown", len(entries))
        try:
            entries[name] = value
        except TypeError:
            entries["unknown", len(entries)] = value
        return value

    drawn: list[Value] = []
    _, complete, _ = _generate(interpreter, node.generators, one, drawn)
    for iterable in drawn:
        iterators.walk(interpreter, iterable, node)
    complete = complete and not any(isinstance(key, tuple) for key in entries)
    return Mapping(entries, complete, node)


def _generate(
    interpreter: Interpreter, generators: list[ast.comprehension], one: Callable[[], Value], drawn: list[Value]
) -> tuple[list[Value], bool, bool]:
    """The results of a comprehension, whether these are all, in order, and whether each may stand for several; what
    it iterates over is added to `drawn`.
    """
    if not generators:
        return [one()], True, False
    first, rest = generators[0], generators[1:]
    iterable = interpreter.evaluate(first.iter)
    drawn.append(iterable)
    elements = iteration.known_elements(interpreter, iterable)
    complete, grown = elements is not None and len(elements) <= UNROLLED, iteration.is_grown(iterable)
    if elements is None or len(elements) > UNROLLED:
        elements = [iteration.element(interpreter, iterable, first.iter)]
    results: list[Value] = []
    scope = interpreter.frame.scope
    targets = (first.target,) if isinstance(first.target, ast.Name) else ast.walk(first.target)
    hidden = {name.id: scope.names.get(name.id) for name in targets if isinstance(name, ast.Name)}
    for value in elements:
        interpreter.steps += 1
        if interpreter.exhausted:
            complete = False
            break
        interpreter.bind(first.target, value)
        known: bool | None = True
        for condition in first.ifs:
            test = truth(interpreter.evaluate(condition))
            if test is False:
                known = False
                break
            if test is None:
                known = None
        if known is False:
            continue
        if known is None:
            complete = False
        inner, inner_complete, inner_grown = _generate(interpreter, rest, one, drawn)
        results.extend(inner)
        complete, grown = complete and inner_complete, grown or inner_grown
    for name, value_before in hidden.items():
        if value_before is None:
            interpreter.store.delete(scope.names, name)
        else:
            interpreter.store.put(scope.names, name, value_before)
    return results, complete, grown


def _starred(interpreter: Interpreter, node: ast.Starred) -> Value:
    return interpreter.evaluate(node.value)


def _await(interpreter: Interpreter, node: ast.Await) -> Value:
    return interpreter.evaluate(node.value)


def _yield(interpreter: Interpreter, node: ast.Yield) -> Value:
    if interpreter.yields is None:
        interpreter.yields = []
    interpreter.yields.append(Constant(None) if node.value is None else interpreter.evaluate(node.value))
    return UNKNOWN


def _yield_from(interpreter: Interpreter, node: ast.YieldFrom) -> Value:
    if interpreter.yields is None:
        interpreter.yields = []
    interpreter.yields.append(iteration.element(interpreter, interpreter.evaluate(node.value), node))
    return UNKNOWN


def _formatted(interpreter: Interpreter, node: ast.JoinedStr) -> Value:
    parts: list[str] | None = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = interpreter.evaluate(part.value)
            if parts is not None and isinstance(value, Constant) and part.format_spec is None:
                parts.append(str(value.value))
            else:
                parts = None
        elif parts is not None and isinstance(part, ast.Constant):
            parts.append(str(part.value))
    if parts is None or sum(map(len, parts)) > operators.LONGEST:
        return UNKNOWN
    return Constant("".join(parts), node)


def _slice(interpreter: Interpreter, node: ast.Slice) -> Value:
    return UNKNOWN


EVALUATORS: dict[type, Callable[[Interpreter, Any], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.List: _collection("list"),
    ast.Tuple: _collection("tuple"),
    ast.Set: _collection("set"),
    ast.Dict: _dictionary,
    ast.Call: _call,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _conditional,
    ast.Lambda: _lambda,
    ast.NamedExpr: _named,
    ast.ListComp: _comprehension("list"),
    ast.SetComp: _comprehension("set"),
    ast.GeneratorExp: _comprehension("list"),
    ast.DictComp: _dictionary_comprehension,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.JoinedStr: _formatted,
    ast.Slice: _slice,
}

__all__ = ["EVALUATORS", "arguments"]
