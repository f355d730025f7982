"""What a statement reads, writes, prints and draws, so that it can be told which statements may pass each other.

Things are named by paths: `x`, `self.hidden.kernel`. Two paths meet where one is the beginning of the other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from regrad.analysis.assigning import ASSIGNING
from regrad.analysis.callee import called

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_RANDOM = ("random", "shuffle", "sample", "seed", "rand", "choice", "permutation", "normal", "uniform", "bernoulli")
"""Calls whose names hold one of these draw random numbers."""
_NOT_RANDOM = ("normali", "operand", "initializer")
_PRINTS = frozenset({"print", "info", "debug", "warning", "write", "log_scalar", "display"})
_CHANGES_OWNER = ASSIGNING.union(
    "pop popleft popitem append appendleft extend insert remove clear update add discard sort reverse fill setdefault "
    "set_weights load_weights set_value write".split()
)
_CHANGES_ARGUMENTS = frozenset(
    "shuffle copyto fill setattr delattr apply_gradients apply minimize fit fit_generator train_on_batch next".split()
)
"""Calls that change what they are given: `random.shuffle(order)`, `optimizer.apply_gradients(zip(g, variables))`."""
KEEPING = ASSIGNING | {"add_loss", "add_metric", "update_state", "set_weights", "setattr", "enqueue", "write"}
"""Calls by which a layer or a function does more with a value than to make another of it."""


class Effects(NamedTuple):
    """What running a statement reads and does. `leaves`: it may leave the block that it stands in."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    prints: bool = False
    draws: bool = False
    leaves: bool = False

    def joined(self, other: Effects) -> Effects:
        """The effects of both."""
        return Effects(
            self.reads | other.reads,
            self.writes | other.writes,
            self.prints or other.prints,
            self.draws or other.draws,
            self.leaves or other.leaves,
        )


def meet(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether any path of one is, holds, or is part of, one of the other."""
    others = list(other)
    return any(a == b or a.startswith(b + ".") or b.startswith(a + ".") for a in one for b in others)


def swap(earlier: Effects, later: Effects) -> bool:
    """Whether two statements may change places without any difference."""
    return not (
        meet(earlier.writes, later.reads)
        or meet(earlier.reads, later.writes)
        or meet(earlier.writes, later.writes)
        or (earlier.prints and later.prints)
        or (earlier.draws and later.draws)
    )


def followed(reading: Reading, ordered: Sequence[ast.stmt], asked: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Some statements out of a row, with those behind them that have to move along when they move behind the row."""
    moved: list[ast.stmt] = []
    for statement in ordered:
        wanted = any(statement is other for other in asked)
        if wanted or not all(swap(reading.of(earlier), reading.of(statement)) for earlier in moved):
            moved.append(statement)
    return moved


@lru_cache(maxsize=4)
def reading_of(tree: ast.Module) -> Reading:
    """The reading of a file; kept for a while, since every finding in the file asks for it again."""
    return Reading(tree)


class Reading:
    """Reads the statements of one file. `modules` are imported names, whose functions change nothing here."""

    def __init__(self, tree: ast.Module) -> None:
        self.modules = _imported(tree)
        self.functions: Mapping[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = _functions(tree)
        self.classes: Mapping[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = _plain_classes(tree)
        self._known: dict[int, Effects] = {}
        self._open: set[int] = set()

    def of(self, statement: ast.AST) -> Effects:
        """The effects of a statement, with those of the program's own functions that it calls."""
        found = self._known.get(id(statement))
        if found is None:
            found = self._known[id(statement)] = self._read(statement)
        return found

    def _read(self, statement: ast.AST) -> Effects:
        reads: set[str] = set()
        writes: set[str] = set()
        prints = draws = False
        inner = Effects()
        for node in own(statement):
            if isinstance(node, (ast.Name, ast.Attribute)):
                path = path_of(node)
                if path is None or path.partition(".")[0] in self.modules:
                    continue
                if isinstance(node.ctx, ast.Load):
                    reads.add(path)
                else:
                    writes.add(path)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                writes.add(node.name)
                reads |= {name for name in _names_read(node) if name not in self.modules}
            elif isinstance(node, ast.Lambda):
                reads |= {name for name in _names_read(node) if name not in self.modules}
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                writes.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.AugAssign):
                path = path_of(node.target)
                if path is not None:
                    reads.add(path)
            elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
                path = path_of(node.value)
                if path is not None:
                    writes.add(path)
            elif isinstance(node, ast.Call):
                name = called(node)
                owner = path_of(node.func.value) if isinstance(node.func, ast.Attribute) else None
                foreign = owner is None or owner.partition(".")[0] in self.modules
                draws = draws or self._draws(node, name)
                prints = prints or name in _PRINTS
                if name in _CHANGES_OWNER and not foreign and owner is not None:
                    writes.add(owner)
                if name in _CHANGES_ARGUMENTS:
                    writes |= {path for path in _arguments(node) if path.partition(".")[0] not in self.modules}
                for function in self.functions.get("call" if name == "self" else name, ()):
                    inner = inner.joined(self._of_function(function))
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            # A call for its own sake is there for what it does; of what only changes something, it is known what.
            prints = prints or called(statement.value) not in _CHANGES_OWNER | _CHANGES_ARGUMENTS
            callee = statement.value.func
            owner = path_of(callee.value) if isinstance(callee, ast.Attribute) else None
            if owner is not None and owner.partition(".")[0] not in self.modules and owner not in ("self", "cls"):
                writes.add(owner)
        # What a path is read for (`self.model.fit`) is read of each of its beginnings only where that is used as such.
        found = Effects(frozenset(reads), frozenset(writes), prints, draws, leaves(statement))
        return found.joined(inner)

    def _draws(self, node: ast.Call, name: str) -> bool:
        """Whether a call draws random numbers: an object of a plain class (`Normal`) does where its `__init__` does."""
        makers = self.classes.get(name) if isinstance(node.func, ast.Name) else None
        if makers is None:
            return draws_by_name(name)
        return any(self._of_function(maker).draws for maker in makers)

    def _of_function(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Effects:
        """What calling a function of the program reads and does outside itself."""
        found = self._known.get(id(function))
        if found is not None:
            return found
        if id(function) in self._open:
            return Effects()
        self._open.add(id(function))
        local = _locals(function)
        total = Effects()
        for statement in function.body:
            total = total.joined(self._read(statement))
        found = Effects(
            frozenset(path for path in total.reads if path.partition(".")[0] not in local),
            frozenset(path for path in total.writes if path.partition(".")[0] not in local),
            total.prints and any(isinstance(node, ast.Call) and called(node) in _PRINTS for node in ast.walk(function)),
            total.draws,
        )
        self._open.discard(id(function))
        self._known[id(function)] = found
        return found


def path_of(node: ast.AST) -> str | None:
    """`self.model.head` of a name or a chain of attributes; None for what hangs on a call or an index."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without the insides of functions and classes; of a chain of attributes the whole."""
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, (*FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(current, ast.Attribute) and path_of(current) is not None:
            continue
        stack.extend(ast.iter_child_nodes(current))


def draws_by_name(name: str) -> bool:
    """Whether a call of this name draws random numbers, by what it is called."""
    lowered = name.lower()
    return any(word in lowered for word in _RANDOM) and not any(word in lowered for word in _NOT_RANDOM)


def leaves(statement: ast.AST) -> bool:
    """Whether a statement may end the block that it stands in, or hand something out of it."""
    stack: list[tuple[ast.AST, bool]] = [(statement, False)]
    while stack:
        node, looping = stack.pop()
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(node, (ast.Break, ast.Continue)) and not looping:
            return True
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        inside = looping or isinstance(node, (ast.For, ast.AsyncFor, ast.While))
        stack.extend((child, inside) for child in ast.iter_child_nodes(node))
    return False


def _arguments(node: ast.Call) -> set[str]:
    paths: set[str] = set()
    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
        for inner in own(argument):
            path = path_of(inner)
            if path is not None:
                paths.add(path)
    return paths


def _names_read(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)}


def _locals(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    declared = {
        name for node in ast.walk(function) if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names
    }
    bound = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    bound |= {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    return bound - declared - {"self", "cls"}


def _imported(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    )


def _functions(tree: ast.Module) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.setdefault(node.name, []).append(node)
    return found


def _plain_classes(tree: ast.Module) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The classes of a file that extend nothing, by their names, with what runs when an object is made."""
    found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and all(ast.unparse(base) == "object" for base in node.bases):
            makers = found.setdefault(node.name, [])
            makers.extend(
                member
                for member in node.body
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef))
                and member.name in ("__new__", "__init__", "__post_init__")
            )
    return found
