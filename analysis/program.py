"""A program that was read: an entry file with the modules that it imports, and what it was seen to do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from regrad.analysis.eager import speaks_of_graphs, speaks_of_tensorflow_2
from regrad.analysis.events import Applied, Event, GradientTaken, Minimized, Trained
from regrad.analysis.frames import Frame, made_up
from regrad.analysis.location import Location
from regrad.analysis.sinks import Sink, sinks_of
from regrad.analysis.source import SourceFile
from regrad.analysis.tree_index import TreeIndex

E = TypeVar("E", bound=Event)
N = TypeVar("N", bound=ast.AST)
T = TypeVar("T")


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
    _indexes: dict[str, TreeIndex] = field(default_factory=dict, repr=False)
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
            isinstance(event, (Trained, Applied, Minimized, GradientTaken)) and made_up(event.frame) is None
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
        return self._index(path).nodes

    def nodes_of(self, path: str, kind: type[N]) -> Sequence[N]:
        """The nodes of exactly one class in a file, in the order of `ast.walk`: what asks for calls does not have to
        look at everything.
        """
        return self._index(path).of(kind)

    @cached_property
    def eager(self) -> bool:
        """Whether it certainly runs eagerly in TensorFlow 2: it speaks of TensorFlow 2, and of nothing that only graphs
        have.
        """
        texts = [source.text for source in self.files.values()]
        return not self.graph and not speaks_of_graphs(texts) and speaks_of_tensorflow_2(texts)

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
        return self._index(path).parents

    def _index(self, path: str) -> TreeIndex:
        index = self._indexes.get(path)
        if index is None:
            index = self._indexes[path] = TreeIndex(self.trees[path])
        return index

    def statement(self, node: ast.AST, path: str) -> ast.stmt | None:
        """The innermost statement around a node."""
        parents = self.parents(path)
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = parents.get(current)
        return current
