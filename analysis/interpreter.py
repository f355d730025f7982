"""Interprets a program over abstract values: its state, branches, loops and calls of the program's own functions.

Total and bounded: a construct it does not know is unknown, a call chain that is too deep or a program that takes too
many steps goes on with unknown results. What is unknown lets gradients flow.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from regrad.analysis import counting, joining
from regrad.analysis.events import Event
from regrad.analysis.frames import Frame, Scope
from regrad.analysis.operations import Transfer
from regrad.analysis.store import Mark, Store, Writes
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    Class,
    Dataset,
    External,
    Function,
    FunctionNode,
    Imported,
    Instance,
    Module,
    Object,
    Operation,
    Shape,
    Tape,
    Tensor,
    Unknown,
    Value,
    Variable,
)

MAXIMUM_DEPTH = 40
MAXIMUM_ACTIVATIONS = 48
"""So often one function is interpreted anew; after that its results are unknown, which keeps the cost linear."""
HARD_LIMIT = 4
"""Past the budget calls are unknown; past so many budgets nothing is read any more, and of such a program nothing is
said.
"""
UNROLLED = 24
"""Loops over at most so many known elements are interpreted element by element."""


SYMBOLIC = frozenset({"symbolic"})


def any_symbolic(values: Iterable[Value]) -> bool:
    """The same of any of several. It is asked for every operation, so without a generator and by exact classes."""
    for value in values:
        kind = type(value)
        if kind is Tensor:
            if value.symbolic:  # type: ignore[attr-defined]
                return True
        elif kind is Unknown and "symbolic" in value.facts:  # type: ignore[attr-defined]
            return True
    return False


class Call:
    """The arguments of one call, evaluated. `complete` is False where `*unknown` or `**unknown` may add to them."""

    __slots__ = ("complete", "keyword_nodes", "keywords", "node", "nodes", "positional")

    def __init__(
        self,
        node: ast.AST,
        positional: tuple[Value, ...] = (),
        keywords: dict[str, Value] | None = None,
        complete: bool = True,
        nodes: tuple[ast.AST | None, ...] = (),
        keyword_nodes: dict[str, ast.AST] | None = None,
    ) -> None:
        self.node = node
        self.positional = positional
        self.keywords = keywords if keywords is not None else {}
        self.complete = complete
        self.nodes = nodes
        self.keyword_nodes = keyword_nodes if keyword_nodes is not None else {}

    def get(self, name: str | None, index: int | None = None) -> Value | None:
        """The argument of that keyword or position; None where it was not given."""
        if name is not None and name in self.keywords:
            return self.keywords[name]
        if index is not None and index < len(self.positional):
            return self.positional[index]
        return None

    def node_of(self, name: str | None, index: int | None = None) -> ast.AST | None:
        """Where that argument is written."""
        if name is not None and name in self.keyword_nodes:
            return self.keyword_nodes[name]
        if index is not None and index < len(self.nodes):
            return self.nodes[index]
        return None

    def all(self) -> tuple[Value, ...]:
        return (*self.positional, *self.keywords.values())

    def shifted(self, *first: Value) -> Call:
        """The same call with values in front of its positional arguments."""
        return Call(
            self.node,
            (*first, *self.positional),
            self.keywords,
            self.complete,
            (*(None for _ in first), *self.nodes),
            self.keyword_nodes,
        )


class _Loop:
    __slots__ = ("conditional", "exits", "frame", "left", "mark", "repeated", "returns")

    def __init__(self, interpreter: Interpreter, mark: Mark, repeated: bool) -> None:
        self.mark = mark
        self.repeated = repeated
        self.exits: list[Writes] = []
        self.frame = interpreter.frame
        self.conditional = interpreter.conditional
        self.returns = len(interpreter.exits)
        self.left = False
        """Whether a condition that is not known may have left it, or gone on with the next element."""


class Interpreter:
    """The state of one interpretation. `load_module` resolves an import of the project to an interpreted module, or
    None.
    """

    def __init__(
        self, load_module: Callable[[Interpreter, str, int, str], Module | None], budget: int, keras: int = 3
    ) -> None:
        self.load_module = load_module
        self.budget = budget
        self.keras = keras
        self.store = Store()
        self.events: list[Event] = []
        self.tapes: tuple[Tape, ...] = ()
        self.serial = 0
        self.steps = 0
        self.frame = Frame("", Scope())
        self.returns: list[Value] = []
        self.yields: list[Value] | None = None
        self.exits: list[Writes] = []
        self.frame_mark = Mark(0, 0)
        self.loops: list[_Loop] = []
        self.turning: list[_Loop] = []
        """The loops of all calls that are under way, outermost first."""
        self.conditional = 0
        self.decided = 0
        """How many conditions came out as known that were computed."""
        self.joins = 0
        self.called: set[int] = set()
        self.instances: dict[int, list[Instance]] = {}
        self.entered: list[ast.AST] = []
        self.activations: dict[ast.AST, int] = {}
        self.added_losses: list[Value] = []
        # What layers of the program's own code took as a whole, by the operations that gave their results.
        self.taken: dict[int, tuple[Operation, tuple[Value, ...]]] = {}
        # Of functions under `functools.cache`; the arguments are kept so that their identities stay theirs.
        self.results: dict[Any, tuple[Value, tuple[Value, ...]]] = {}
        self.training_steps: dict[tuple[int, int, int], Any] = {}
        self.graph = False
        # Variables of TensorFlow 1, whose assignments are operations that gradients do not pass.
        self.references = False
        self.describing = False
        self.attributes: dict[tuple[int, str], tuple[Value, Value]] = {}
        self.walks: dict[Any, Any] = {}
        self.scopes: tuple[str | None, ...] = ()
        self.named_variables: dict[str, Variable] = {}
        self.graph_variables: list[Variable] = []
        from regrad.analysis import attributes, calls, expressions, library, statements, subscripts
        from regrad.analysis.library import builtin

        self._evaluators = expressions.EVALUATORS
        self._handlers = statements.HANDLERS
        self._call = calls.call
        self._builtins = builtin.BUILTINS
        self.library_call: Callable[[Interpreter, str, Call], Value] = library.call
        self.library_method: Callable[[Interpreter, Value, str, Call], Value] = library.call_method
        # Kept here since an import inside `bind`, which runs for every assignment, is not free.
        self._attributes, self._subscripts = attributes, subscripts

    @property
    def exhausted(self) -> bool:
        """Whether even what costs no call has gone on for too long: loops in loops over known elements grow with their
        product.
        """
        return self.steps > HARD_LIMIT * self.budget

    # -- making things ---------------------------------------------------------------------------------------------

    def tick(self) -> int:
        """The next serial number: events and operations share one order."""
        self.serial += 1
        return self.serial

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def operation(
        self,
        kind: str,
        name: str,
        node: ast.AST | None,
        inputs: tuple[Value, ...],
        transfer: Transfer = Transfer.FLOWS,
        *,
        dtype: str | None = None,
        shape: Shape | None = None,
        numpy: bool = False,
        facts: frozenset[str] = frozenset(),
        high: int | None = None,
        symbolic: bool = False,
        sources: tuple[Value, ...] = (),
        callee: Value | None = None,
        arguments: dict[str, Value] | None = None,
    ) -> Tensor:
        """A new tensor (or array) that an operation made here and now, recorded by the tapes that are open."""
        symbolic = symbolic or self.describing or any_symbolic(inputs)
        made = Operation(
            kind, name, node, self.frame, inputs, self.tapes, transfer, self.tick(), sources, callee, arguments
        )
        return Tensor(made, dtype, shape, numpy, facts, high, symbolic)

    def unknown(self, origin: str, label: str = "", parents: tuple[Value, ...] = ()) -> Unknown:
        facts = SYMBOLIC if self.describing or any_symbolic(parents) else frozenset()
        return Unknown(origin, label, parents, self.tick(), facts)

    # -- names ------------------------------------------------------------------------------------------------------

    def assign_name(self, name: str, value: Value) -> None:
        scope = self.frame.scope
        if name in scope.declared_global:
            scope = scope.outermost()
        elif name in scope.declared_nonlocal and scope.parent is not None:
            scope = scope.parent.find(name) or scope
        self.store.put(scope.names, name, value)

    def look_up(self, name: str) -> Value:
        scope = self.frame.scope.find(name)
        if scope is not None:
            found = scope.names[name]
            if type(found) is Imported:
                found = scope.names[name] = found.value()
            return found
        if name in self._builtins:
            return External("builtins." + name)
        # One identity for each undefined name: `X_train` is the same thing wherever a snippet mentions it.
        value = Unknown("name", name)
        self.frame.scope.outermost().names[name] = value
        return value

    # -- statements -------------------------------------------------------------------------------------------------

    def body(self, statements: Iterable[ast.stmt]) -> str | None:
        """Interpret statements in order; returns how they ended: None, `return`, `break`, `continue`, `raise` or
        `ended`.
        """
        frame = self.frame
        if self.exhausted:
            return None
        handlers = self._handlers
        for statement in statements:
            self.steps += 1
            frame.statement = statement
            handler = handlers.get(type(statement))
            if handler is not None:
                end = handler(self, statement)
                if end is not None:
                    return end
        return None

    def evaluate(self, node: ast.AST) -> Value:
        """The value of an expression."""
        evaluator = self._evaluators.get(type(node))
        if evaluator is None:
            return UNKNOWN
        return evaluator(self, node)

    def branches(self, ways: list[Callable[[], str | None]]) -> str | None:
        """Interpret alternatives from the same state and join their ends."""
        mark = self.store.mark()
        alternatives: list[Writes] = []
        ends: list[str | None] = []
        self.conditional += 1
        tapes = self.tapes
        for way in ways:
            end = way()
            self.tapes = tapes
            if end is None:
                alternatives.append(self.store.rollback(mark))
            else:
                self._leave(end)
                self.store.rollback(mark)
            ends.append(end)
        self.conditional -= 1
        if alternatives:
            self.store.merge(alternatives, self.join)
            return None
        return "raise" if all(end == "raise" for end in ends) else "ended"

    def _leave(self, end: str) -> None:
        if end == "return":
            self.exits.append(self.store.writes_since(self.frame_mark))
        elif end in ("break", "continue") and self.loops:
            self.loops[-1].exits.append(self.store.writes_since(self.loops[-1].mark))
            self.loops[-1].left = True

    def chosen_by_element(self, owner: Object) -> bool:
        """Whether what happens to an object now depends on a condition that each turn of a loop decides anew, so that
        nobody knows of how many objects it holds.
        """
        return any(
            loop.left
            or self.conditional > loop.conditional
            or len(self.exits) > (loop.returns if loop.frame is self.frame else 0)
            for loop in self.turning
            if owner.fields.born <= loop.mark.birth
        )

    def join(self, one: Any, other: Any) -> Any:
        return joining.join(self, one, other)

    def run_loop(self, statements: list[ast.stmt], bind: Callable[[], None]) -> str | None:
        """A loop whose elements are alike: once, and once more where the first pass changed what the second sees.

        Where it goes by a count, a flag may change in the second pass, and the third is the one that sees it.
        """
        mark = self.store.mark()
        loop = _Loop(self, mark, True)
        self.loops.append(loop)
        self.turning.append(loop)
        end = None
        by_count = False
        for passing in range(3):
            before, decided = self.store.mark(), self.decided
            bind()
            end = self.body(statements)
            if end in ("return", "break", "ended"):
                break
            replaced = self.store.replaced_since(before)
            again = joining.carried(replaced)
            goes_on = counting.goes_on(self, replaced)
            if passing == 0:
                by_count = goes_on and self.decided > decided
            # The first pass asks for a second by either, the second for a third by both.
            if not ((again or by_count) if passing == 0 else (again and by_count)):
                break
        self.loops.pop()
        self.turning.pop()
        if loop.exits:
            final = self.store.rollback(mark)
            ways = loop.exits if end in ("ended", "raise") else [*loop.exits, final]
            self.store.merge(ways, self.join)
        return end if end == "return" else None

    def run_unrolled(self, statements: list[ast.stmt], target: ast.expr, elements: Iterable[Value]) -> str | None:
        """A loop over known elements, one by one."""
        mark = self.store.mark()
        loop = _Loop(self, mark, False)
        self.loops.append(loop)
        self.turning.append(loop)
        end = None
        for element in elements:
            self.bind(target, element)
            end = self.body(statements)
            if end in ("return", "break") or self.exhausted:
                break
        self.loops.pop()
        self.turning.pop()
        if loop.exits:
            final = self.store.rollback(mark)
            self.store.merge([*loop.exits, final], self.join)
        return end if end == "return" else None

    # -- binding ----------------------------------------------------------------------------------------------------

    def bind(self, target: ast.AST, value: Value) -> None:
        """Assign a value to a target: name, attribute, subscript, or a pattern of these."""
        if isinstance(target, ast.Name):
            self.assign_name(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            starred = next((i for i, item in enumerate(target.elts) if isinstance(item, ast.Starred)), None)
            parts = self._subscripts.unpack(self, value, len(target.elts), starred, target)
            for item, part in zip(target.elts, parts, strict=False):
                self.bind(item.value if isinstance(item, ast.Starred) else item, part)
        elif isinstance(target, ast.Attribute):
            self._attributes.write(self, self.evaluate(target.value), target.attr, value, target)
        elif isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value)
            self._subscripts.write(self, owner, self.evaluate(target.slice), value)
            if isinstance(owner, Tensor) and owner.numpy and isinstance(target.value, ast.Name):
                self.assign_name(target.value.id, self._subscripts.filled(self, owner, value, target))
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value)

    # -- calls ------------------------------------------------------------------------------------------------------

    def call(self, callee: Value, call: Call) -> Value:
        return self._call(self, callee, call)

    def make_function(
        self, node: FunctionNode, decorators: tuple[Value, ...] = (), owner: Class | None = None
    ) -> Function:
        arguments = node.args
        return Function(
            node,
            self.frame.scope,
            self.frame.path,
            tuple(self.evaluate(default) for default in arguments.defaults),
            tuple(None if default is None else self.evaluate(default) for default in arguments.kw_defaults),
            decorators,
            owner,
        )

    @contextmanager
    def describing_with(self, values: Iterable[Value]) -> Iterator[None]:
        """While a layer is called with symbolic tensors, all that it computes is a description, run anew with each call
        of the model.
        """
        saved = self.describing
        self.describing = saved or any_symbolic(values)
        try:
            yield
        finally:
            self.describing = saved

    @contextmanager
    def entering(self, frame: Frame) -> Iterator[None]:
        """Run in another frame; returns, yields, exits and loops of the present one are kept apart."""
        saved = (self.frame, self.returns, self.yields, self.exits, self.frame_mark, self.loops)
        self.frame, self.returns, self.yields, self.exits, self.loops = frame, [], None, [], []
        self.frame_mark = self.store.mark()
        try:
            yield
        finally:
            self.frame, self.returns, self.yields, self.exits, self.frame_mark, self.loops = saved

    def run_function(
        self, function: Function, scope: Scope, call_node: ast.AST | None, this: Value | None = None
    ) -> Value:
        """Interpret a function's body in a scope that already binds its parameters."""
        node = function.node
        activations = self.activations.get(node, 0)
        exhausted = self.steps > self.budget or activations >= MAXIMUM_ACTIVATIONS
        if exhausted or self.frame.depth >= MAXIMUM_DEPTH or self.entered.count(node) >= 2:
            return self.unknown("call", function.name, tuple(scope.names.values()))
        self.activations[node] = activations + 1
        self.called.add(id(node))
        frame = Frame(function.module, scope, function, call_node, self.frame, this)
        self.entered.append(node)
        try:
            with self.entering(frame):
                if isinstance(node, ast.Lambda):
                    frame.statement = None
                    return self.evaluate(node.body)
                end = self.body(node.body)
                if self.exits:
                    outside = [
                        {place: write for place, write in writes.items() if write[0] is not scope.names}
                        for writes in self.exits
                    ]
                    final = self.store.rollback(self.frame_mark)
                    if end in (None, "return"):
                        outside.append(final)
                    self.store.merge(outside, self.join)
                if self.yields is not None:
                    element = joining.join_all(self, self.yields)
                    return Dataset("generator", element, node)
                if end is None and self.returns:
                    self.returns.append(NONE)
                if not self.returns:
                    return NONE if end is None else self.unknown("call", function.name)
                return joining.join_all(self, self.returns)
        finally:
            self.entered.pop()
