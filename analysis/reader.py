"""Reads a program: follows the entry file through the modules of the project that it imports, and interprets them."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable

from regrad.analysis import room
from regrad.analysis.frames import Frame, Scope
from regrad.analysis.generation import generation
from regrad.analysis.interpreter import Interpreter
from regrad.analysis.modules import Modules
from regrad.analysis.program import Program
from regrad.analysis.prospects import FOREIGN, Prospects
from regrad.analysis.source import SourceFile, Unreadable, load, parse
from regrad.analysis.uncalled import interpret_uncalled
from regrad.analysis.values import Constant

STEPS_A_STATEMENT = 40
STEPS_AT_LEAST = 4000
RECURSION = 5000
KEPT = 100
"""So many trees of imported modules are kept for the programs that follow."""

Files = Callable[[str], "SourceFile | None"]


class Reader:
    """Reads programs of one project; a module that many entries import is parsed once."""

    def __init__(
        self,
        files: Files | None = None,
        keras: int | None = None,
        pinned: Callable[[str], int | None] | None = None,
        parsed: Callable[[], None] = lambda: None,
    ) -> None:
        """`keras` is the generation that the user states, `pinned` finds the one that a file's project requires;
        `parsed` is called between the parsing of a program and its interpretation.
        """
        self._load = files if files is not None else _from_disk
        self._keras = keras
        self._pinned = pinned
        self._on_parsed = parsed
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
        self._on_parsed()
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
            interpret_uncalled(interpreter, frame)
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
