"""The abstract values of a program: what the interpreter knows about each thing that the program handles.

Immutable values are plain records. Objects that a program can change keep their state in `fields`, which only
`store.Store.put` writes, so that branches can be undone and joined. Whatever is not known is an `Unknown`.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regrad.analysis.frames import Frame, Scope

Shape = tuple[int | None, ...]


class Value:
    """Anything a name can stand for."""

    __slots__ = ()


class Unknown(Value):
    """A thing of which nothing is known; gradients are assumed to flow through it.

    `origin` says where it came from: `parameter` (the argument of a function nobody here calls), `call` (the result of
    a call
    that is not known), `attribute`, `element`, `name`, `join`. `parents` are the values it was made from. `label` is
    the spelling.
    The result of a call also knows the `operation`, so that it can be said which tapes saw the call.
    """

    __slots__ = ("facts", "label", "operation", "origin", "parents", "serial")

    def __init__(
        self,
        origin: str = "name",
        label: str = "",
        parents: tuple[Value, ...] = (),
        serial: int = 0,
        facts: frozenset[str] = frozenset(),
        operation: Operation | None = None,
    ) -> None:
        self.origin = origin
        self.label = label
        self.parents = parents
        self.serial = serial
        self.facts = facts
        self.operation = operation

    def root(self) -> Unknown:
        """The unknown thing that this is an attribute or element of."""
        value = self
        while value.origin in ("attribute", "element") and value.parents and isinstance(value.parents[0], Unknown):
            value = value.parents[0]
        return value


UNKNOWN = Unknown()
PLAIN = "plain"
"""The origin of a number, text or flag of Python that is not known: no gradient comes with it."""
GIVEN = "given"
"""The fact of something unknown that it is never None."""


class Constant(Value):
    """A Python literal or what constant folding made of one; `node` is where it is written, so that it can be changed
    there.
    """

    __slots__ = ("node", "value")

    def __init__(self, value: Any, node: ast.AST | None = None) -> None:
        self.value = value
        self.node = node


NONE = Constant(None)


class Absent(Constant):
    """The None that a dictionary or record gives for `key`, which it does not have; `node` is where it is asked."""

    __slots__ = ("key", "owner")

    def __init__(self, node: ast.AST, owner: Value, key: str) -> None:
        super().__init__(None, node)
        self.owner = owner
        self.key = key


def is_none(value: Value | None) -> bool:
    """Whether it certainly is None."""
    return isinstance(value, Constant) and value.value is None


class External(Value):
    """A name of a library that is not part of the project, by its canonical dotted name (see `names`)."""

    __slots__ = ("name", "spelled")

    def __init__(self, name: str, spelled: str = "") -> None:
        self.name = name
        self.spelled = spelled or name


class BoundExternal(Value):
    """A method of a known or unknown object that the program does not define itself."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: Value, name: str) -> None:
        self.owner = owner
        self.name = name


class Module(Value):
    """A module of the project, interpreted when its scope is first asked for. `followed` is False where it could not
    be: what it holds is as unknown as what a library holds.
    """

    __slots__ = ("_scope", "followed", "name", "path", "waiting")

    def __init__(self, name: str, path: str) -> None:
        from regrad.analysis.frames import Scope

        self.name = name
        self.path = path
        self.followed = True
        self.waiting: Callable[[], None] | None = None
        self._scope = Scope()

    @property
    def scope(self) -> Scope:
        waiting, self.waiting = self.waiting, None
        # A module that imports itself, directly or around corners, sees what there is of it so far, as in Python.
        if waiting is not None:
            waiting()
        return self._scope


class Imported(Value):
    """A name that was imported from a module of the project and not used yet."""

    __slots__ = ("_find", "_found")

    def __init__(self, find: Callable[[], Value]) -> None:
        self._find = find
        self._found: Value | None = None

    def value(self) -> Value:
        """What the name stands for; the module is interpreted for it, if nothing needed that before."""
        if self._found is None:
            self._found = self._find()
            if isinstance(self._found, Imported):
                self._found = self._found.value()
        return self._found


FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Function(Value):
    """A function or lambda of the program; `owner` is the class that defines it, `decorators` are values."""

    __slots__ = ("decorators", "defaults", "keyword_defaults", "module", "name", "node", "owner", "scope")

    def __init__(
        self,
        node: FunctionNode,
        scope: Scope,
        module: str,
        defaults: tuple[Value, ...],
        keyword_defaults: tuple[Value | None, ...],
        decorators: tuple[Value, ...] = (),
        owner: Class | None = None,
    ) -> None:
        self.node = node
        self.scope = scope
        self.module = module
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults
        self.decorators = decorators
        self.owner = owner
        self.name = "<lambda>" if isinstance(node, ast.Lambda) else node.name

    def decorated(self, *names: str) -> bool:
        """Whether one of its decorators is, or is a call of, a library name that ends in one of `names`."""
        for value in self.decorators:
            name = value.name if isinstance(value, (External, BoundExternal)) else ""
            if name.rpartition(".")[2] in names:
                return True
        return False


class BoundMethod(Value):
    """A function of the program together with the object (or class) it is called on."""

    __slots__ = ("function", "owner")

    def __init__(self, owner: Value, function: Function) -> None:
        self.owner = owner
        self.function = function


class Partial(Value):
    """`functools.partial`: a callable with arguments already given."""

    __slots__ = ("arguments", "callee", "keywords")

    def __init__(self, callee: Value, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> None:
        self.callee = callee
        self.arguments = arguments
        self.keywords = keywords


class Class(Value):
    """A class of the program."""

    __slots__ = ("bases", "fields", "module", "name", "node", "scope")

    def __init__(self, node: ast.ClassDef, bases: tuple[Value, ...], scope: Scope, module: str) -> None:
        self.node = node
        self.name = node.name
        self.bases = bases
        self.scope = scope
        self.module = module
        self.fields: dict[str, Value] = {}

    def ancestry(self) -> Iterator[Class]:
        """The class and its bases of the program, in lookup order."""
        seen: set[int] = set()
        queue: list[Class] = [self]
        while queue:
            current = queue.pop(0)
            if id(current) in seen:
                continue
            seen.add(id(current))
            yield current
            queue.extend(base for base in current.bases if isinstance(base, Class))

    def external_bases(self) -> list[str]:
        """The canonical names of the library classes that it inherits from."""
        return [base.name for cls in self.ancestry() for base in cls.bases if isinstance(base, External)]

    def bases_known(self) -> bool:
        """Whether every base is a class of the program or a named library class."""
        return all(isinstance(base, (Class, External)) for cls in self.ancestry() for base in cls.bases)

    def find(self, name: str) -> tuple[Value, Class] | None:
        """The member of that name and the class that defines it."""
        for cls in self.ancestry():
            if name in cls.fields:
                return cls.fields[name], cls
        return None


_BIRTHS = itertools.count(1)


def birth() -> int:
    """A number larger than those of all objects made so far. It orders them only; nothing depends on its value."""
    return next(_BIRTHS)


class Fields(dict[Any, Any]):
    """The state of one object, and when the object came into being: what is younger than a branch need not be undone
    with it.
    """

    __slots__ = ("born",)

    def __init__(self) -> None:
        self.born = birth()


class Object(Value):
    """Something with an identity and a state. `node` is where the program made it, `frame` in which call."""

    __slots__ = ("fields", "frame", "node", "serial")

    def __init__(self, node: ast.AST | None = None, frame: Frame | None = None, serial: int = 0) -> None:
        self.node = node
        self.frame = frame
        self.serial = serial
        self.fields = Fields()


class Instance(Object):
    """An object of a class of the program.

    `role` is what Keras takes it for: model, layer, loss, metric, data, callback or None.
    """

    __slots__ = ("cls", "role")

    def __init__(self, cls: Class, role: str | None, node: ast.AST | None, frame: Frame | None, serial: int) -> None:
        super().__init__(node, frame, serial)
        self.cls = cls
        self.role = role


class Layer(Object):
    """A layer of the Keras library.

    `arguments` are those of its constructor by name; fields: trainable, loaded, calls.
    """

    __slots__ = ("arguments", "kind")

    def __init__(
        self, kind: str, arguments: dict[str, Value], node: ast.AST | None, frame: Frame | None, serial: int
    ) -> None:
        super().__init__(node, frame, serial)
        self.kind = kind
        self.arguments = arguments


class Network(Object):
    """A model of the Keras library: `sequential`, `functional`, or `opaque` (applications, loaded, another library's).

    Fields: layers (tuple or None when not known), inputs, outputs, trainable, children (what was last set on every
    layer one by one),
    compiled, loaded.
    """

    __slots__ = ("form", "name")

    def __init__(self, form: str, name: str, node: ast.AST | None, frame: Frame | None, serial: int) -> None:
        super().__init__(node, frame, serial)
        self.form = form
        self.name = name


class Variable(Object):
    """A variable.

    Fields: trainable (Value), dtype, loaded. `maker` is the library call (`tf.Variable`, `add_weight`, …).
    """

    __slots__ = ("arguments", "initial", "maker", "owner")

    def __init__(
        self,
        maker: str,
        arguments: dict[str, Value],
        initial: Value | None,
        owner: Value | None,
        node: ast.AST | None,
        frame: Frame | None,
        serial: int,
    ) -> None:
        super().__init__(node, frame, serial)
        self.maker = maker
        self.arguments = arguments
        self.initial = initial
        self.owner = owner


class Tape(Object):
    """A gradient tape. Fields: persistent, watch_accessed (Value), watched {id(value): serial}, used (how many
    gradients were taken).

    `implicit` marks the tape that Keras itself opens in `fit`.
    """

    __slots__ = ("implicit",)

    def __init__(self, node: ast.AST | None, frame: Frame | None, serial: int, implicit: bool = False) -> None:
        super().__init__(node, frame, serial)
        self.implicit = implicit


class Optimizer(Object):
    """An optimizer; `name` is canonical (`keras.optimizers.Adam`, `tf.compat.v1.train.AdamOptimizer`)."""

    __slots__ = ("arguments", "name")

    def __init__(
        self, name: str, arguments: dict[str, Value], node: ast.AST | None, frame: Frame | None, serial: int
    ) -> None:
        super().__init__(node, frame, serial)
        self.name = name
        self.arguments = arguments


class Loss(Object):
    """A loss object of the library: `name` is the snake-case name of its function (`binary_crossentropy`)."""

    __slots__ = ("arguments", "name")

    def __init__(
        self, name: str, arguments: dict[str, Value], node: ast.AST | None, frame: Frame | None, serial: int
    ) -> None:
        super().__init__(node, frame, serial)
        self.name = name
        self.arguments = arguments


class Metric(Object):
    """A metric object of the library, by its class name."""

    __slots__ = ("name",)

    def __init__(self, name: str, node: ast.AST | None, frame: Frame | None, serial: int) -> None:
        super().__init__(node, frame, serial)
        self.name = name


MOST_ITEMS = 1024
"""So many elements of one list are told apart."""


def bounded(items: tuple[Value, ...], complete: bool) -> tuple[tuple[Value, ...], bool]:
    """The elements of a list, and whether these are all: of a longer one the rest is one unknown thing, through which
    gradients flow.
    """
    if len(items) <= MOST_ITEMS:
        return items, complete
    return (*items[: MOST_ITEMS - 1], Unknown("join")), False


class Collection(Object):
    """A list, tuple or set. Fields: items (a tuple of values), complete (whether these are all, in order).

    A list that grew in a loop is complete, since its items stand for all that is in it, but how many there are is not
    known: it is `grown`, and so is what is made of it.
    """

    __slots__ = ("kind",)

    def __init__(
        self,
        kind: str,
        items: tuple[Value, ...],
        complete: bool = True,
        node: ast.AST | None = None,
        grown: bool = False,
    ) -> None:
        super().__init__(node)
        self.kind = kind
        self.fields["items"] = items
        self.fields["complete"] = complete
        if grown:
            self.fields["#grown"] = True

    @property
    def items(self) -> tuple[Value, ...]:
        items: tuple[Value, ...] = self.fields["items"]
        return items

    @property
    def complete(self) -> bool:
        return bool(self.fields["complete"])

    @property
    def grown(self) -> bool:
        """Whether each item may stand for several elements, or for none."""
        return bool(self.fields.get("#grown"))

    @property
    def tail(self) -> int | None:
        """How many items at the end stand for one element each, where those before them stand for several that are not
        known apart; None for any other list.
        """
        tail: int | None = self.fields.get("#tail")
        return tail

    @property
    def size(self) -> int | None:
        """How many elements there certainly are."""
        if not self.complete or self.grown:
            return None
        if self.kind != "set":
            return len(self.items)
        try:
            return len({item.value for item in self.items if isinstance(item, Constant)}) if self.plain else None
        except TypeError:
            return None

    @property
    def plain(self) -> bool:
        """Whether all items are constants."""
        return all(isinstance(item, Constant) for item in self.items)

    @property
    def covered(self) -> bool:
        """Whether the items stand for all that is in the list, if not one for one."""
        return self.complete or isinstance(self.items, Covering)

    def with_weights(self, weights: WeightList) -> tuple[Value, ...]:
        """The items, and all those weights as one more."""
        items, whole = bounded((*self.items, weights), self.covered and weights.complete)
        return Covering(items) if whole else items


class Covering(tuple[Value, ...]):
    """The items of a list some of which stand for several elements.

    Whatever else becomes of the list makes a plain tuple of them.
    """

    __slots__ = ()


class Mapping(Object):
    """A dictionary. Fields: entries {key: value} with constant keys, complete, element (what unknown keys hold)."""

    __slots__ = ()

    def __init__(self, entries: dict[Any, Value], complete: bool = True, node: ast.AST | None = None) -> None:
        super().__init__(node)
        # Written in place, so that a dictionary which grows by thousands of keys is not copied for each.
        self.fields["entries"] = kept = Fields()
        kept.update(entries)
        self.fields["complete"] = complete

    @property
    def entries(self) -> dict[Any, Value]:
        entries: dict[Any, Value] = self.fields["entries"]
        return entries

    @property
    def complete(self) -> bool:
        return bool(self.fields["complete"])


class WeightList(Value):
    """`model.trainable_variables` and its like: the weights of `owners`, as they are when asked for.

    `attribute` is the spelling; `sources` are those known; `complete` says whether these are all. `reads` are the
    places where they were asked for, several where lists were put together.
    """

    __slots__ = ("attribute", "complete", "node", "owners", "reads", "sources")

    def __init__(
        self,
        owners: tuple[Value, ...],
        attribute: str,
        sources: tuple[Value, ...],
        complete: bool,
        node: ast.AST | None = None,
        reads: tuple[ast.AST, ...] = (),
    ) -> None:
        self.reads = reads or ((node,) if node is not None else ())
        self.owners = owners
        self.attribute = attribute
        self.sources = sources
        self.complete = complete
        self.node = node

    @property
    def trainable_only(self) -> bool:
        return self.attribute.startswith("trainable")


class Operation:
    """One operation that made a tensor or array: what it was, on what, where, and which tapes were recording it.

    `transfer` is how gradients pass it (see `operations.Transfer`); `sources` are the weights that it brings in itself
    (a layer call).
    """

    __slots__ = (
        "arguments",
        "callee",
        "frame",
        "inputs",
        "kind",
        "name",
        "node",
        "serial",
        "sources",
        "tapes",
        "transfer",
    )

    def __init__(
        self,
        kind: str,
        name: str,
        node: ast.AST | None,
        frame: Frame | None,
        inputs: tuple[Value, ...],
        tapes: tuple[Tape, ...],
        transfer: str,
        serial: int,
        sources: tuple[Value, ...] = (),
        callee: Value | None = None,
        arguments: dict[str, Value] | None = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.node = node
        self.frame = frame
        self.inputs = inputs
        self.tapes = tapes
        self.transfer = transfer
        self.serial = serial
        self.sources = sources
        self.callee = callee
        self.arguments = arguments


class Tensor(Value):
    """A tensor, or (`numpy`) an array. Shape entries that are not known are None; an unknown rank is `shape=None`.

    `facts` are what is known of the numbers: `labels` (integers that name classes), `one-hot`, `binary`,
    `probabilities`, `constant`.
    """

    __slots__ = ("dtype", "facts", "high", "numpy", "operation", "shape", "symbolic")

    def __init__(
        self,
        operation: Operation,
        dtype: str | None = None,
        shape: Shape | None = None,
        numpy: bool = False,
        facts: frozenset[str] = frozenset(),
        high: int | None = None,
        symbolic: bool = False,
    ) -> None:
        self.operation = operation
        self.dtype = dtype
        self.shape = shape
        self.numpy = numpy
        self.facts = facts
        self.high = high
        self.symbolic = symbolic


class Dataset(Value):
    """A `tf.data.Dataset`, generator, `Sequence` or directory iterator.

    `element` is what one step yields (None: not known).
    """

    __slots__ = ("element", "kind", "node", "structured")

    def __init__(self, kind: str, element: Value | None, node: ast.AST | None = None) -> None:
        self.kind = kind
        self.element = element
        self.node = node


class Gradients(Value):
    """What `tape.gradient` returned: one gradient per source. `index` narrows it to one of them."""

    __slots__ = ("event", "index", "sources", "target", "tensor")

    def __init__(self, event: Any, sources: Value, target: Value, tensor: Tensor, index: int | None = None) -> None:
        self.event = event
        self.sources = sources
        self.target = target
        self.tensor = tensor
        self.index = index


class Zip(Value):
    """`zip(a, b, …)`; `held` where it was made a list, which can be read more than once."""

    __slots__ = ("held", "node", "parts")

    def __init__(self, parts: tuple[Value, ...], node: ast.AST | None, held: bool = False) -> None:
        self.parts = parts
        self.node = node
        self.held = held


class Union_(Value):
    """One of a few alternatives, where branches meet."""

    __slots__ = ("alternatives",)

    def __init__(self, alternatives: tuple[Value, ...]) -> None:
        self.alternatives = alternatives
