"""Reads a program: one entry file with the modules of the project that it imports, interpreted, and what it was seen to
do.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from regrad.analysis import calls, room
from regrad.analysis.events import Applied, Event, GradientTaken, Minimized, Trained
from regrad.analysis.frames import Frame, Scope
from regrad.analysis.interpreter import Call, Interpreter
from regrad.analysis.location import Location
from regrad.analysis.modules import Modules
from regrad.analysis.prospects import FOREIGN, Prospects
from regrad.analysis.sinks import Sink, sinks_of
from regrad.analysis.source import SourceFile, SyntaxProblem, Unreadable, load, parse, relevant
from regrad.analysis.values import BoundMethod, Class, Constant, Function, Instance

STEPS_A_STATEMENT = 40
STEPS_AT_LEAST = 4000
RECURSION = 5000
KEPT = 100
"""So many trees of imported modules are kept for the programs that follow."""


class _Words:
    """Words that a text may speak of. Most texts have none of them, which needs no regular expression to be seen."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b")

    def speaks(self, text: str) -> bool:
        return any(word in text for word in self._words) and self._pattern.search(text) is not None


_GRAPH = _Words(
    *("placeholder", "Session", "InteractiveSession", "global_variables_initializer", "disable_eager_execution"),
    *("disable_v2_behavior", "EstimatorSpec", "Estimator", "model_fn", "contrib", "as_default", "set_session"),
    *("get_session", "Graph", "monitored_session"),
)
"""Names of graph programs, in which `minimize(tensor)` and `tf.gradients` are right."""
_SECOND = _Words(
    *("GradientTape", "compat.v1", "tf.function", "tf.keras", "tensorflow.keras", "from tensorflow import keras")
)

_WORDS = {"id", "attr", "asname", "module", "level", "kind", "type_comment", "conversion"}
_SHARED = {"ctx", "op", "ops"}
_INNER = {
    kind: tuple(name for name in kind._fields if kind is not ast.Constant and name not in _WORDS | _SHARED)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""By the class of a node, its fields that may hold nodes which have one place."""

E = TypeVar("E", bound=Event)
N = TypeVar("N", bound=ast.AST)
T = TypeVar("T")
Files = Callable[[str], "SourceFile | None"]


@dataclass
class Program:
    """What was read. `files` are those it is made of, by path; `events` what it does, in order."""

    entry: str
    files: dict[str, SourceFile]
    trees: dict[str, ast.Module]
    events: tuple[Event, ...]
    keras: int = 3
    keras_known: bool = False
    graph: bool = False
    truncated: bool = False
    absent: tuple[str, ...] = ()
    """Files that an import looked for and that are not there."""
    searched: tuple[str, ...] = ()
    """Files that were only searched for words, and had none that matter."""
    _parents: dict[str, dict[ast.AST, ast.AST]] = field(default_factory=dict, repr=False)
    _nodes: dict[str, tuple[ast.AST, ...]] = field(default_factory=dict, repr=False)
    _nodes_of: dict[str, dict[type[ast.AST], list[Any]]] = field(default_factory=dict, repr=False)
    _shared: dict[Any, Any] = field(default_factory=dict, repr=False)
    _of_kind: dict[type[Event], tuple[Any, ...]] = field(default_factory=dict, repr=False)

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of one kind, in order."""
        if kind not in self._of_kind:
            self._of_kind[kind] = tuple(event for event in self.events if isinstance(event, kind))
        return iter(self._of_kind[kind])

    @property
    def trains(self) -> bool:
        """Whether the entry, run as a script, comes to a training step."""
        return any(
            isinstance(event, (Trained, Applied, Minimized, GradientTaken)) and not _speculative(event.frame)
            for event in self.events
        )

    @cached_property
    def sinks(self) -> tuple[Sink, ...]:
        """Every place where gradients are asked for."""
        return sinks_of(self.events)

    def once(self, compute: Callable[[Program], T]) -> T:
        """What a function finds in the program, computed at first use: rules share what they look at."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        found: T = self._shared[compute]
        return found

    def nodes(self, path: str) -> tuple[ast.AST, ...]:
        """Every node of a file, in the order of `ast.walk`; made at first use."""
        if path not in self._nodes:
            self._walk(path)
        return self._nodes[path]

    def nodes_of(self, path: str, kind: type[N]) -> Sequence[N]:
        """The nodes of exactly one class in a file, in the order of `ast.walk`: what asks for calls does not have to
        look at everything.
        """
        if path not in self._nodes_of:
            self._walk(path)
        return self._nodes_of[path].get(kind, ())

    @cached_property
    def eager(self) -> bool:
        """Whether it certainly runs eagerly in TensorFlow 2: it speaks of TensorFlow 2, and of nothing that only graphs
        have.
        """
        texts = [source.text for source in self.files.values()]
        return (
            not self.graph
            and not any(_GRAPH.speaks(text) for text in texts)
            and any(_SECOND.speaks(text) for text in texts)
        )

    def location(self, node: ast.AST, frame: Frame | str) -> Location:
        """The place of a node that was interpreted in that frame (or file)."""
        path = frame if isinstance(frame, str) else frame.path
        return self.files[path].location(node)

    def source(self, node: ast.AST, path: str) -> str:
        """The exact text of a node."""
        source = self.files[path]
        return source.segment(source.span(node))

    def parents(self, path: str) -> Mapping[ast.AST, ast.AST]:
        """The parent of every node of a file; made at first use."""
        if path not in self._parents:
            self._walk(path)
        return self._parents[path]

    def _walk(self, path: str) -> None:
        """Nodes and parents in one go, without the generators of `ast.walk`; contexts and operators, of which all
        expressions share one node each, are left out.
        """
        nodes: list[ast.AST] = [self.trees[path]]
        parents: dict[ast.AST, ast.AST] = {}
        kinds: dict[type[ast.AST], list[Any]] = {}
        for node in nodes:
            kind = type(node)
            if kind in kinds:
                kinds[kind].append(node)
            else:
                kinds[kind] = [node]
            for name in _INNER[kind]:
                child = getattr(node, name, None)
                if type(child) is list:
                    for part in child:
                        if isinstance(part, ast.AST):
                            parents[part] = node
                            nodes.append(part)
                elif child is not None and isinstance(child, ast.AST):
                    parents[child] = node
                    nodes.append(child)
        self._nodes[path], self._nodes_of[path], self._parents[path] = tuple(nodes), kinds, parents

    def statement(self, node: ast.AST, path: str) -> ast.stmt | None:
        """The innermost statement around a node."""
        parents = self.parents(path)
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = parents.get(current)
        return current


def _speculative(frame: Frame | None) -> bool:
    """Whether a frame hangs below a call that the reader made up for a function nobody calls."""
    while frame is not None:
        if frame.caller is None:
            return frame.function is not None
        if frame.call is None and frame.function is not None:
            return True
        frame = frame.caller
    return False


class Reader:
    """Reads programs of one project; a module that many entries import is parsed once."""

    def __init__(
        self,
        files: Files | None = None,
        keras: int | None = None,
        pinned: Callable[[str], int | None] | None = None,
    ) -> None:
        """`keras` is the generation that the user states, `pinned` finds the one that a file's project requires."""
        self._load = files if files is not None else _from_disk
        self._keras = keras
        self._pinned = pinned
        self._parsed: dict[str, tuple[SourceFile, ast.Module] | None] = {}
        self._places: dict[str, tuple[str | None, tuple[str, ...]]] = {}
        self._folders: dict[str, frozenset[str]] = {}
        self._prospects = Prospects(self._text, self._find_anywhere, self._modules_in)

    def read(self, path: str) -> Program:
        """Read a program. Raises `Unreadable` (or `SyntaxProblem`) for an entry that cannot be read; imports that
        cannot be read are unknown.
        """
        source = self._load(path)
        if source is None:
            raise Unreadable(path, "no such file")
        return self.read_source(source)

    def read_source(self, source: SourceFile) -> Program:
        """Read a program whose entry is already loaded."""
        tree = parse(source)
        prospect = self._prospects.of(source.path, source.text)
        if not prospect.any:
            keras, known = self._generation(source)
            files, trees = {source.path: source}, {source.path: tree}
            absent, searched = prospect.absent, prospect.files
            return Program(source.path, files, trees, (), keras, known, absent=absent, searched=searched)
        limit = sys.getrecursionlimit()
        try:
            sys.setrecursionlimit(max(limit, RECURSION))
            return self._interpreted(source, tree)
        except RecursionError:
            sys.setrecursionlimit(limit)
            try:
                return room.with_room(lambda: self._interpreted(source, tree))
            except (RecursionError, MemoryError):
                keras, known = self._generation(source)
                return Program(source.path, {source.path: source}, {source.path: tree}, (), keras, known, False, True)
        finally:
            sys.setrecursionlimit(limit)

    def _generation(self, source: SourceFile) -> tuple[int, bool]:
        found = generation(source.text, self._keras)
        if found[1] or self._pinned is None:
            return found
        return generation(source.text, None, self._pinned(source.path))

    def _interpreted(self, source: SourceFile, tree: ast.Module) -> Program:
        keras, known = self._generation(source)
        modules = Modules(source, tree, self._find, self._parse, self._text, _budget)
        interpreter = Interpreter(modules.load, _budget(source) + STEPS_AT_LEAST, keras)
        frame = Frame(source.path, Scope())
        frame.scope.names["__name__"] = Constant("__main__")
        frame.scope.names["__file__"] = Constant(os.path.basename(source.path))
        with interpreter.entering(frame):
            interpreter.body(tree.body)
            _uncalled(interpreter, frame)
        # What a program did not come to may be what would have made all well: of one that was given up nothing is said.
        events = () if interpreter.exhausted else modules.events(interpreter.events)
        return Program(
            source.path,
            modules.files,
            modules.trees,
            events,
            keras,
            known,
            interpreter.graph,
            interpreter.steps > interpreter.budget,
            tuple(modules.absent),
        )

    def _parse(self, path: str) -> tuple[SourceFile, ast.Module] | None:
        if path not in self._parsed:
            if len(self._parsed) >= KEPT:
                # The oldest goes, so that memory stays flat over many files.
                del self._parsed[next(iter(self._parsed))]
            try:
                source = self._load(path)
                self._parsed[path] = None if source is None else (source, parse(source))
            except (Unreadable, OSError):
                self._parsed[path] = None
        return self._parsed[path]

    def _text(self, path: str) -> str | None:
        try:
            source = self._load(path)
        except (Unreadable, OSError):
            return None
        return None if source is None else source.text

    def _find(self, name: str, level: int, importer: str, entry: str) -> tuple[str | None, tuple[str, ...]]:
        """The file of a module, and the files in whose place it would have been taken."""
        return self._find_anywhere(name, level, importer, os.path.dirname(entry))

    def _find_anywhere(
        self, name: str, level: int, importer: str, first: str | None
    ) -> tuple[str | None, tuple[str, ...]]:
        """The same, with the folder in which modules are looked for first, if any."""
        if level == 0 and name.partition(".")[0] in FOREIGN:
            return None, ()
        key = f"{level}:{name}:{os.path.dirname(importer)}:{first}"
        if key not in self._places:
            if len(self._places) > 100 * KEPT:
                self._places.clear()
            places = _places(name, level, importer, first)
            found = next((place for place in places if self._is_file(place)), None)
            self._places[key] = found, tuple(places if found is None else places[: places.index(found)])
        return self._places[key]

    def _is_file(self, path: str) -> bool:
        folder, name = os.path.split(path)
        return name in self._listed(folder) and os.path.isfile(path)

    def _listed(self, folder: str) -> frozenset[str]:
        """The names in a folder; each folder is looked at once, since most imports name a library that is not here."""
        if folder not in self._folders:
            around, name = os.path.split(folder)
            if around in self._folders and name not in (*self._folders[around], "", os.curdir, os.pardir):
                return frozenset()
            try:
                self._folders[folder] = frozenset(os.listdir(folder or os.curdir))
            except (OSError, ValueError):
                self._folders[folder] = frozenset()
        return self._folders[folder]

    def _modules_in(self, folder: str) -> frozenset[str]:
        return frozenset(name.removesuffix(".py") for name in self._listed(folder))


def read(path: str, *, files: Files | None = None, keras: int | None = None) -> Program:
    """Read one program with fresh caches; `files` gives the text of a path (None: not there) instead of the disk."""
    return Reader(files, keras).read(path)


def _from_disk(path: str) -> SourceFile | None:
    return load(path) if os.path.isfile(path) else None


def _budget(source: SourceFile) -> int:
    return STEPS_A_STATEMENT * (source.text.count("\n") + 1)


def _places(name: str, level: int, importer: str, first: str | None) -> list[str]:
    """Where a module of the project would be, in the order in which it is looked for."""
    parts = name.split(".") if name else []
    if level == 0 and (not parts or parts[0] in FOREIGN):
        return []
    here = os.path.dirname(importer)
    if level:
        for _ in range(level - 1):
            here = os.path.dirname(here)
        folders = [here]
    else:
        folders = [] if first is None else [first]
        while os.path.isfile(os.path.join(here, "__init__.py")) and os.path.dirname(here) != here:
            here = os.path.dirname(here)
        if here not in folders:
            folders.append(here)
    found: list[str] = []
    for folder in folders:
        place = os.path.join(folder, *parts)
        if parts:
            found.append(place + ".py")
        found.append(os.path.join(place, "__init__.py"))
    return found


def generation(text: str, stated: int | None, pinned: int | None = None) -> tuple[int, bool]:
    """Whether Keras 2 or 3 semantics hold, and whether anything says so.

    The configuration says it first, then the program, then the versions that its project requires.
    """
    if stated is not None:
        return stated, True
    if "tf_keras" in text or "TF_USE_LEGACY_KERAS" in text:
        return 2, True
    if "import keras_core" in text or "keras.ops" in text or "from keras import ops" in text:
        return 3, True
    if pinned is not None:
        return pinned, True
    return 3, False


def _uncalled(interpreter: Interpreter, frame: Frame) -> None:
    """Interpret the functions and methods that nothing in the program calls, with unknown arguments."""
    values = list(frame.scope.names.values())
    for value in values:
        if isinstance(value, Class) and value.module == frame.path:
            _uncalled_methods(interpreter, value)
        elif isinstance(value, Function) and value.module == frame.path and id(value.node) not in interpreter.called:
            _speculate(interpreter, value)


def _uncalled_methods(interpreter: Interpreter, cls: Class) -> None:
    mark = interpreter.store.mark()
    known = interpreter.instances.get(id(cls)) or []
    if known:
        instance: object = known[0]
    else:
        initializer = cls.find("__init__")
        arguments: tuple[object, ...] = ()
        if initializer is not None and isinstance(initializer[0], Function):
            parameters = initializer[0].node.args
            arguments = tuple(
                interpreter.unknown("parameter", name.arg) for name in (*parameters.posonlyargs, *parameters.args)[1:]
            )
        instance = calls.instantiate(interpreter, cls, Call(cls.node, arguments, {}, False))  # type: ignore[arg-type]
    if isinstance(instance, Instance):
        order = sorted(cls.fields.items(), key=lambda item: item[0] not in ("build", "call"))
        for name, member in order:
            if (
                isinstance(member, Function)
                and id(member.node) not in interpreter.called
                and not (name.startswith("__") and name not in ("__call__", "__getitem__", "__iter__"))
            ):
                _speculate(interpreter, member if member.decorated("staticmethod") else BoundMethod(instance, member))
    interpreter.store.rollback(mark)


def _speculate(interpreter: Interpreter, callee: Function | BoundMethod) -> None:
    mark = interpreter.store.mark()
    function = callee.function if isinstance(callee, BoundMethod) else callee
    calls.call_unknown(interpreter, callee, function.node)
    interpreter.store.rollback(mark)


__all__ = ["Program", "Reader", "SyntaxProblem", "Unreadable", "read", "relevant"]
