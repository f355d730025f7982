"""The modules of the project that a program imports: found at the import, interpreted when the first of their names is
used.

What only defines something is the same whenever it is interpreted, and most of what a program imports it never comes
to. A module that acts when it is imported (trains, sets a switch, changes another module) is interpreted at once.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

from regrad.analysis.events import Event
from regrad.analysis.frames import Frame, Scope
from regrad.analysis.interpreter import Interpreter
from regrad.analysis.source import SourceFile
from regrad.analysis.store import Store
from regrad.analysis.values import Collection, Constant, Fields, Mapping, Module, Object, Value, birth

FOLLOWED = 60
"""So many modules of the project are followed from one entry."""
BEFORE = 10**9
"""More than anything that one module does: its numbers lie before those of the program, since that imports it first."""
_ACTS = re.compile(
    r"^(?:for|while|with|async)\b|^[\w.]+\(|^[A-Za-z_]\w*[.\[][^=\n#(]*=(?!=)"
    r"|^if\s[^\n:]*:[^\n]*\n(?:[ \t][^\n]*\n)*?[ \t]+[\w.]+\("
    r"|\b(?:disable_eager_execution|disable_v2_behavior|set_floatx|set_image_data_format)\b",
    re.MULTILINE,
)
"""What a module says that does something when it is imported: a call or a loop that stands for itself, a change of what
belongs to another.
"""

Parsed = tuple[SourceFile, ast.Module]


class Modules:
    """The modules of one program."""

    def __init__(
        self,
        entry: SourceFile,
        tree: ast.Module,
        find: Callable[[str, int, str, str], tuple[str | None, tuple[str, ...]]],
        parsed: Callable[[str], Parsed | None],
        text: Callable[[str], str | None],
        budget: Callable[[SourceFile], int],
    ) -> None:
        self._entry = entry.path
        self._find = find
        self._parsed = parsed
        self._text = text
        self._budget = budget
        self._modules: dict[str, Module] = {}
        self._events: list[tuple[int, list[Event]]] = []
        self.files: dict[str, SourceFile] = {entry.path: entry}
        self.trees: dict[str, ast.Module] = {entry.path: tree}
        self.absent: dict[str, None] = {}

    def load(self, interpreter: Interpreter, name: str, level: int, importer: str) -> Module | None:
        """The module of that name, as a file imports it; None where it is none of the project's."""
        place, before = self._find(name, level, importer, self._entry)
        self.absent.update(dict.fromkeys(before))
        if place is None or place == self._entry:
            return None
        module = self._modules.get(place)
        if module is None:
            outer, born = interpreter.frame, birth()
            module = Module(name, place)
            self._modules[place] = module
            text = self._text(place)
            if text is not None and _ACTS.search(text):
                self._run(interpreter, module, outer)
            else:
                made = module
                module.waiting = lambda: self._run_apart(interpreter, made, outer, born)
        return module

    def events(self, own: list[Event]) -> tuple[Event, ...]:
        """What happens in the program, in order: first what happens in the modules that it imports."""
        before = [event for _, events in sorted(self._events, key=lambda each: each[0]) for event in events]
        return (*before, *own)

    def _run(self, interpreter: Interpreter, module: Module, outer: Frame) -> None:
        if len(self.files) > FOLLOWED:
            module.followed = False
            return
        parsed = self._parsed(module.path)
        if parsed is None:
            module.followed = False
            return
        self.files[module.path], self.trees[module.path] = parsed
        interpreter.budget += self._budget(parsed[0])
        names = module.scope.names
        names["__name__"] = Constant(module.name)
        tapes, interpreter.tapes = interpreter.tapes, ()
        with interpreter.entering(Frame(module.path, module.scope, None, None, outer)):
            interpreter.body(parsed[1].body)
        interpreter.tapes = tapes

    def _run_apart(self, interpreter: Interpreter, module: Module, outer: Frame, born: int) -> None:
        """Interpret a module in the middle of something else, as if that had been done where it is imported."""
        kept = (
            interpreter.store,
            interpreter.events,
            interpreter.serial,
            interpreter.conditional,
            interpreter.describing,
            interpreter.joins,
        )
        start = -BEFORE * (len(self._events) + 1)
        interpreter.store, interpreter.events, interpreter.serial = Store(), [], start
        interpreter.conditional, interpreter.describing, interpreter.joins = 0, False, 0
        self._events.append((start, interpreter.events))
        try:
            self._run(interpreter, module, outer)
        finally:
            (
                interpreter.store,
                interpreter.events,
                interpreter.serial,
                interpreter.conditional,
                interpreter.describing,
                interpreter.joins,
            ) = kept
        # A branch that is undone must undo what it did to these objects, although they were made in the midst of it.
        _make_older(module.scope, born)


def _make_older(scope: Scope, born: int) -> None:
    seen: set[int] = set()
    stack: list[Any] = list(scope.names.values())
    while stack:
        value = stack.pop()
        if isinstance(value, tuple):
            stack.extend(value)
        elif isinstance(value, Object) and id(value) not in seen:
            seen.add(id(value))
            fields: dict[str, Any] = value.fields
            if isinstance(fields, Fields) and fields.born > born:
                fields.born = born
                if isinstance(value, Mapping) and isinstance(value.entries, Fields):
                    value.entries.born = min(value.entries.born, born)
                    stack.extend(value.entries.values())
                if isinstance(value, Collection):
                    stack.extend(value.items)
                else:
                    stack.extend(each for each in fields.values() if isinstance(each, (Value, tuple)))
