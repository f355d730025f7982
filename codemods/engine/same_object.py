"""Which expressions hand an object on as it is, alone or in a container, and which only compute with it.

`w`, `(loss, w)` and `keep = {"w": w}` hand the variable on, so that who has them sees every later change of it; `w + 1`
and `tf.identity(w)` are new values. It is asked of the text: what is not known to hand on is taken to compute.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.parameters import positional_names
from regrad.codemods.engine.effects import path_of

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
KEEPING = frozenset(
    "append appendleft add insert extend extendleft update setdefault push put put_nowait write register "
    "__setitem__ __setattr__ heappush setattr store save record remember".split()
)
"""Methods and functions that put what they are given into something that stays."""
_GATHERING = frozenset(
    "list tuple set dict zip enumerate sorted reversed iter filter frozenset deque OrderedDict defaultdict chain cycle "
    "islice flatten flatten_up_to pack_sequence_as items values".split()
)
_WRAPPING = frozenset({"partial", "repeat", "SimpleNamespace", "namedtuple", "dict", "replace"})
_CHOOSING = frozenset({"min", "max", "next", "choice", "copy"})
_TAKING = frozenset({"get", "pop", "popleft", "popitem", "values", "items", "copy", "setdefault", "__getitem__"})
_DESCRIBING = frozenset({"shape", "dtype", "name", "device", "ndim", "size", "trainable"})
_DEEPEST = 3


class Kind(Enum):
    """What comes with a value: nothing of the object, the object, a container with it, or something out of one."""

    NOTHING = 0
    ITSELF = 1
    BOX = 2
    PART = 3


class Carried(NamedTuple):
    """How a value brings the object along, and the expressions by which it was taken over."""

    kind: Kind = Kind.NOTHING
    by: frozenset[ast.expr | None] = frozenset()

    def __bool__(self) -> bool:
        return self.kind is not Kind.NOTHING


NOTHING = Carried()
Look = Callable[[ast.expr], Carried]


class Definitions(NamedTuple):
    """The functions and classes of a program, by name; `imported` are names that come from elsewhere."""

    functions: Mapping[str, Sequence[FunctionNode]]
    classes: frozenset[str]
    imported: frozenset[str]


def carried(node: ast.expr, look: Look, known: Definitions, depth: int = 0) -> Carried:
    """What the value of an expression brings along of the object that `look` knows some names of."""
    own = look(node)
    if own:
        return own
    of = partial(carried, look=look, known=known, depth=depth)
    if isinstance(node, (ast.Starred, ast.NamedExpr, ast.Await)):
        return of(node.value)
    if isinstance(node, ast.Attribute):
        inner = of(node.value)
        whole = inner.kind in (Kind.BOX, Kind.PART) and node.attr not in _DESCRIBING
        return inner._replace(kind=Kind.PART) if whole else NOTHING
    if isinstance(node, ast.Subscript):
        inner = of(node.value)
        return inner._replace(kind=Kind.PART) if inner.kind in (Kind.BOX, Kind.PART) else NOTHING
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return _boxed(map(of, node.elts))
    if isinstance(node, ast.Dict):
        return _boxed(map(of, node.values))
    if isinstance(node, ast.IfExp):
        return joined((of(node.body), of(node.orelse)))
    if isinstance(node, ast.BoolOp):
        return joined(map(of, node.values))
    if isinstance(node, ast.BinOp):
        # Lists and dictionaries are put together; numbers are computed with.
        return joined(each for each in (of(node.left), of(node.right)) if each.kind is Kind.BOX)
    if isinstance(node, COMPREHENSIONS):
        return _comprehended(node, look, known, depth)
    return _called(node, look, known, depth) if isinstance(node, ast.Call) else NOTHING


def joined(parts: Iterable[Carried]) -> Carried:
    """One of several."""
    found = [each for each in parts if each]
    if not found:
        return NOTHING
    kinds = {each.kind for each in found}
    return Carried(kinds.pop() if len(kinds) == 1 else Kind.PART, frozenset().union(*(each.by for each in found)))


def _boxed(parts: Iterable[Carried]) -> Carried:
    return joined(each._replace(kind=Kind.BOX) for each in parts if each)


def _comprehended(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, look: Look, known: Definitions, depth: int
) -> Carried:
    names: dict[str, Carried] = {}

    def inner(part: ast.expr) -> Carried:
        if isinstance(part, ast.Name) and part.id in names:
            return names[part.id]
        return look(part)

    for generator in node.generators:
        names.update(stepped(generator.target, generator.iter, inner, known, depth))
    result = node.value if isinstance(node, ast.DictComp) else node.elt
    return _boxed((carried(result, inner, known, depth),))


def stepped(target: ast.expr, walked: ast.expr, look: Look, known: Definitions, depth: int = 0) -> dict[str, Carried]:
    """What the names that a loop binds bring along: elements of what is walked through."""
    pairs = walked.args if isinstance(walked, ast.Call) and called(walked) == "zip" else []
    if pairs and isinstance(target, ast.Tuple) and len(pairs) == len(target.elts):
        found: dict[str, Carried] = {}
        for part, source in zip(target.elts, pairs, strict=True):
            found.update(stepped(part, source, look, known, depth))
        return found
    whole = carried(walked, look, known, depth)
    # The elements of a variable itself are new tensors.
    element = whole._replace(kind=Kind.PART) if whole.kind in (Kind.BOX, Kind.PART) else NOTHING
    return {name.id: element for name in ast.walk(target) if isinstance(name, ast.Name)}


def _called(node: ast.Call, look: Look, known: Definitions, depth: int) -> Carried:
    name = called(node)
    of = partial(carried, look=look, known=known, depth=depth)
    owner = of(node.func.value) if isinstance(node.func, ast.Attribute) else NOTHING
    if owner:
        if owner.kind is not Kind.BOX and name.startswith("assign"):
            return owner
        return owner._replace(kind=Kind.PART) if owner.kind is not Kind.ITSELF and name in _TAKING else NOTHING
    plain = [of(each) for each in node.args]
    named = [of(each.value) for each in node.keywords]
    given = joined((*plain, *named))
    if not given:
        return NOTHING
    if name in known.functions and depth < _DEEPEST:
        handed = [
            what._replace(kind=Kind.PART)
            for function in known.functions[name]
            for parameter, what in matched(function, node, of)
            if what and returned(function, parameter, known, depth + 1)
        ]
        return joined(handed)
    if name in known.classes or (isinstance(node.func, ast.Name) and name[:1].isupper() and name not in known.imported):
        return given._replace(kind=Kind.BOX)
    if name in _WRAPPING:
        return _boxed((*plain, *named))
    if name in _GATHERING:
        return _boxed(each for each in (*plain, *named) if each.kind is not Kind.ITSELF)
    plainly = isinstance(node.func, ast.Name) or path_of(node.func) in ("copy.copy", "random.choice")
    return given if name in _CHOOSING and plainly else NOTHING


def unpacked(value: ast.expr, count: int, look: Look, known: Definitions) -> list[Carried]:
    """What each of the names brings along that a value is unpacked into: the functions of the program are asked."""
    whole = carried(value, look, known)
    whole = whole._replace(kind=Kind.PART) if whole else NOTHING
    functions = known.functions.get(called(value), ()) if isinstance(value, ast.Call) else ()
    if not whole or not functions or not isinstance(value, ast.Call):
        return [whole] * count
    parts: list[list[Carried]] = [[] for _ in range(count)]
    for function in functions:
        given = [
            (name, what) for name, what in matched(function, value, lambda each: carried(each, look, known)) if what
        ]
        handed = [node.value for node in own_nodes(function) if isinstance(node, ast.Return) and node.value is not None]
        for result in handed:
            if not isinstance(result, ast.Tuple) or len(result.elts) != count:
                return [whole] * count
            for name, what in given:
                aliases = _aliases(function, name, known, 1)
                for index, element in enumerate(result.elts):
                    if carried(element, aliases, known, 1):
                        parts[index].append(what._replace(kind=Kind.PART))
    return [joined(each) for each in parts]


def matched(function: FunctionNode, call: ast.Call, of: Callable[[ast.expr], Carried]) -> Iterator[tuple[str, Carried]]:
    """What a call brings along for each parameter of the function."""
    for parameter, value in arguments(function, call):
        yield parameter, of(value)


def arguments(function: FunctionNode, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The parameters of a function with the expressions that a call gives for them, as far as these are spelled out;
    with a starred argument, it stands for all that follow.
    """
    rest = function.args.vararg.arg if function.args.vararg is not None else None
    names = positional_names(function.args)
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    position = 0
    for value in call.args:
        if isinstance(value, ast.Starred):
            for name in names[position:]:
                yield name, value.value
            position = len(names)
            continue
        if position < len(names):
            yield names[position], value
        elif rest is not None:
            yield rest, value
        position += 1
    last = function.args.kwarg.arg if function.args.kwarg is not None else None
    every = {*names, *(each.arg for each in function.args.kwonlyargs)}
    for word in call.keywords:
        if word.arg is None:
            yield from ((name, word.value) for name in names[position:])
        elif word.arg in every or last is not None:
            yield (word.arg if word.arg in every else last or ""), word.value


def returned(function: FunctionNode, parameter: str, known: Definitions, depth: int = 0) -> bool:
    """Whether a function may hand out what it was given."""
    look = _aliases(function, parameter, known, depth)
    for node in own_nodes(function):
        value = node.value if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) else None
        if value is not None and carried(value, look, known, depth):
            return True
    return False


def kept(function: FunctionNode, parameter: str, known: Definitions, depth: int = 0) -> bool:
    """Whether a function may put what it was given where it stays after its end."""
    look = _aliases(function, parameter, known, depth)
    lasting = {
        name for node in own_nodes(function) if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names
    }
    for node in own_nodes(function):
        if isinstance(node, ast.Assign) and carried(node.value, look, known, depth):
            for target in node.targets:
                for part in ast.walk(target):
                    named = isinstance(part, ast.Name) and part.id in lasting and isinstance(part.ctx, ast.Store)
                    if named or (isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(part.ctx, ast.Store)):
                        return True
        elif isinstance(node, ast.Call) and puts_away(node, look, known, depth):
            return True
    return False


def puts_away(call: ast.Call, look: Look, known: Definitions, depth: int = 0) -> Carried:
    """What of the object a call leaves behind somewhere: in the container it is a method of, or in a function of the
    program.
    """
    of = partial(carried, look=look, known=known, depth=depth)
    given = joined(of(each) for each in (*call.args, *(word.value for word in call.keywords)))
    if not given:
        return NOTHING
    name = called(call)
    if name in known.functions:
        if depth >= _DEEPEST:
            return given
        return joined(
            what
            for function in known.functions[name]
            for parameter, what in matched(function, call, of)
            if what and kept(function, parameter, known, depth + 1)
        )
    return (
        given
        if name in KEEPING and (isinstance(call.func, ast.Attribute) or name in ("setattr", "heappush"))
        else NOTHING
    )


def _aliases(function: FunctionNode, parameter: str, known: Definitions, depth: int) -> Look:
    names: dict[str, Carried] = {parameter: Carried(Kind.PART)}

    def look(node: ast.expr) -> Carried:
        return names.get(node.id, NOTHING) if isinstance(node, ast.Name) else NOTHING

    for _ in range(2):
        for node in own_nodes(function):
            if isinstance(node, ast.Assign):
                what = carried(node.value, look, known, depth)
                if what:
                    names.update({t.id: what for t in node.targets if isinstance(t, ast.Name) and t.id not in names})
            elif isinstance(node, ast.For):
                stepping = stepped(node.target, node.iter, look, known, depth)
                names.update({name: what for name, what in stepping.items() if what and name not in names})
    return look


def own_nodes(owner: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or module in the order of the text, without those of functions and classes in it."""
    for child in ast.iter_child_nodes(owner):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield from own_nodes(child)
