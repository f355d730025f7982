"""Whether a program could come to a training or a request for gradients at all, found out from the words of its files.

Most files of a library cannot: they ask for no gradient, and use nothing of another file that does. They are parsed and
not interpreted.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple

_ASKS = tuple(
    re.compile(pattern)
    for pattern in (
        # Each begins with letters that `re` looks for quickly, which one pattern of them all would not.
        r"GradientTape",
        r"gradients?\b",
        r"jacobian\b",
        r"hessian",
        r"minimize\b",
        r"get_updates\b",
        r"train_on_batch\b",
        r"train_step\b",
        r"fit_generator\b",
        r"\.[ \t]*fit\b",
        r"\.[ \t]*compile\b(?<!\bre\.compile)",
        r"def[ \t]+(?:fit|compile)\b",
    )
)
"""What a program says that trains a model or asks for gradients."""
_BY_NAME = re.compile(r"getattr\([^\n]*[\"'](?:fit|compile|minimize|gradient|train_on_batch|apply_gradients)[\"']")
_STRING = re.compile(
    r"#[^\n]*|\"\"\"(?:\\.|[^\\])*?\"\"\"|\'\'\'(?:\\.|[^\\])*?\'\'\'"
    r"|\"(?:\\.|[^\"\\\n])*\"|\'(?:\\.|[^\'\\\n])*\'",
    re.DOTALL,
)
"""Strings and comments, in which an example may be told that is never run."""
_IMPORTS = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>\.*[ \t]*[\w.]*)[ \t]+import[ \t]*"
    r"(?P<members>\([^)]*\)|[^\n#;]*(?:\\\n[^\n#;]*)*)"
    r"|import[ \t]+(?P<plain>[^\n#;]*(?:\\\n[^\n#;]*)*))",
    re.MULTILINE,
)
_RENAMED = re.compile(r"(\w+)\s+as\s+(\w+)")
_WORD = re.compile(r"\.?[^\W\d]\w*")
_UNIT = re.compile(
    r"^(?:@[^\n]*\n(?:[ \t)\]}][^\n]*\n|\n)*)*(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)[^\n]*", re.MULTILINE
)
"""Where a function or class of a module begins."""
_INNER = re.compile(r"^[ \t]+(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNED = re.compile(r"^([^\W\d]\w*)[ \t]*(?::[^=\n]+)?=(?!=)([^\n]*(?:\n[ \t)\]}][^\n]*)*)", re.MULTILINE)
_AFTER = re.compile(r"^[^\s)\]}#]", re.MULTILINE)
NONE: frozenset[str] = frozenset()
FOREIGN = (
    frozenset("tensorflow keras numpy pandas matplotlib sklearn scipy tf_keras PIL cv2 tqdm absl".split())
    | sys.stdlib_module_names
)
"""What is never looked for in the project."""

Imported = tuple[str, int]
"""The name of a module, and the number of dots before it."""
Find = Callable[[str, int, str, "str | None"], "tuple[str | None, tuple[str, ...]]"]
"""The file of a module as a file imports it, and the places where it would have been taken from before; with the
folder of the program's entry, where modules are looked for first."""


class Prospect(NamedTuple):
    """What is known of a program: whether anything can come of it, and the files that this answer rests on."""

    any: bool
    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class _Unit(NamedTuple):
    """A function, a class or an assignment of a module, or all that stands between them: the names that it gives to
    what imports it, and the words by which it uses others.
    """

    defined: frozenset[str]
    asks: bool
    names: frozenset[str]
    attributes: frozenset[str]


class _File:
    """One file: what it imports, and its parts, which are told apart only where that matters."""

    def __init__(self, text: str) -> None:
        self._text = text
        imports: dict[Imported, None] = {}
        modules: set[Imported] = set()
        for found in _IMPORTS.finditer(text):
            for name, is_module in _imported(found):
                imports[name] = None
                if is_module:
                    modules.add(name)
        self.imports = tuple(imports)
        self.modules = frozenset(modules)
        """Those that are modules if they are there at all, and not names in modules."""
        self.may_ask = _says_so(text) or _trains_by_name(text)

    @cached_property
    def parts(self) -> tuple[frozenset[str] | None, tuple[_Unit, ...]]:
        """The names that come from elsewhere or are given here (None where all names may), and the parts."""
        return _parts(self._text)

    def uses(self, unit: _Unit, names: set[str] | frozenset[str], with_modules: bool) -> bool:
        """Whether a part of the file uses one of these names."""
        if with_modules and not names.isdisjoint(unit.attributes):
            return True
        members = self.parts[0]
        return any(members is None or name in members for name in names & unit.names)


class _Numbered:
    """Names as the bits of a number: thousands of files each know thousands of files."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._names: list[str] = []

    def mask(self, names: Iterable[str]) -> int:
        mask = 0
        for name in names:
            place = self._places.get(name)
            if place is None:
                place = self._places[name] = len(self._names)
                self._names.append(name)
            mask |= 1 << place
        return mask

    def names(self, mask: int) -> list[str]:
        digits = bin(mask)[:1:-1]
        found: list[str] = []
        place = digits.find("1")
        while place >= 0:
            found.append(self._names[place])
            place = digits.find("1", place + 1)
        return sorted(found)


class _Known(NamedTuple):
    """A file with all that it imports: the names of what may ask for gradients, and the files looked at."""

    names: frozenset[str] = NONE
    files: int = 0
    absent: int = 0
    asked: int = 0
    """The first parts of the names by which modules are imported: were one of them in the folder of the entry, that
    would be the one."""


@dataclass
class _Visit:
    """A file on the way down through the imports (Tarjan's algorithm: files that import each other are one)."""

    path: str
    file: _File
    with_modules: bool
    number: int
    lowest: int
    following: Iterator[str]
    below: list[str] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)


class Prospects:
    """The answers for the files of one run; a file that many import is looked at once."""

    def __init__(self, text: Callable[[str], str | None], find: Find, modules: Callable[[str], frozenset[str]]) -> None:
        """`text` gives the program text of a file, None for one that cannot be read; `modules` the names of what can be
        imported from a folder.
        """
        self._text = text
        self._find = find
        self._modules = modules
        self._known: dict[str | None, dict[str, _Known]] = {None: {}}
        self._numbered = _Numbered()

    def of(self, path: str, text: str) -> Prospect:
        """What can be expected of the program whose entry is that file."""
        if _asks(text):
            return Prospect(True)
        file = _File(text)
        if not file.imports:
            return Prospect(False)
        folder = os.path.dirname(path)
        known, with_modules = self._together(path, file, folder, None)
        # Most programs mean the same files by their imports, wherever their entry is.
        if known.asked & self._numbered.mask(self._modules(folder)):
            known, with_modules = self._together(path, file, folder, folder)
        files = tuple(each for each in self._numbered.names(known.files) if each != path)
        used = bool(known.names) and any(file.uses(unit, known.names, with_modules) for unit in file.parts[1])
        return Prospect(used, files, tuple(self._numbered.names(known.absent)))

    def _together(self, path: str, file: _File, folder: str, first: str | None) -> tuple[_Known, bool]:
        absent: set[str] = set()
        # What the entry imports itself is always looked for beside it.
        places, with_modules = self._places(path, file, folder, absent)
        parts = [self._of_import(place, first) for place in places if place != path]
        known = _Known(
            NONE.union(*(part.names for part in parts)),
            _all(part.files for part in parts),
            _all(part.absent for part in parts) | self._numbered.mask(absent),
            _all(part.asked for part in parts),
        )
        return known, with_modules

    def _places(self, path: str, file: _File, first: str | None, absent: set[str]) -> tuple[list[str], bool]:
        """The files that one imports, and whether any of them is imported as a module."""
        found: dict[str, None] = {}
        with_modules = False
        for name, level in file.imports:
            place, before = self._find(name, level, path, first)
            absent.update(before)
            if place is not None:
                found[place] = None
                with_modules = with_modules or (name, level) in file.modules
        return list(found), with_modules

    def _of_import(self, path: str, first: str | None) -> _Known:
        known = self._known.setdefault(first, {})
        if path in known:
            return known[path]
        numbers: dict[str, _Visit] = {}
        open_visits: list[_Visit] = []
        way: list[_Visit] = []

        def enter(place: str) -> None:
            file = _File(self._text(place) or "")
            absent: set[str] = set()
            following, with_modules = self._places(place, file, first, absent)
            number = len(numbers)
            visit = _Visit(place, file, with_modules, number, number, iter(following), following, absent)
            numbers[place] = visit
            open_visits.append(visit)
            way.append(visit)

        enter(path)
        while way:
            visit = way[-1]
            for place in visit.following:
                if place in known:
                    continue
                seen = numbers.get(place)
                if seen is None:
                    enter(place)
                    break
                visit.lowest = min(visit.lowest, seen.number)
            else:
                way.pop()
                if way:
                    way[-1].lowest = min(way[-1].lowest, visit.lowest)
                if visit.lowest == visit.number:
                    start = open_visits.index(visit)
                    answer = self._settled(open_visits[start:], known)
                    known.update((each.path, answer) for each in open_visits[start:])
                    del open_visits[start:]
        return known[path]

    def _settled(self, together: list[_Visit], known: dict[str, _Known]) -> _Known:
        """Files that import each other, when all that they import besides is known."""
        mask = self._numbered.mask
        parts = {id(part): part for visit in together for place in visit.below if (part := known.get(place))}
        names = set(NONE.union(*(part.names for part in parts.values())))
        first = {name.partition(".")[0] for visit in together for name, level in visit.file.imports if not level}
        answer = _Known(
            NONE,
            mask(visit.path for visit in together) | _all(part.files for part in parts.values()),
            mask(set().union(*(visit.absent for visit in together))) | _all(part.absent for part in parts.values()),
            mask(first - FOREIGN) | _all(part.asked for part in parts.values()),
        )
        if not names and not any(visit.file.may_ask for visit in together):
            return answer
        waiting = [(visit, unit) for visit in together for unit in visit.file.parts[1]]
        while True:
            warm = [
                (visit, unit)
                for visit, unit in waiting
                if unit.asks or (names and visit.file.uses(unit, names, visit.with_modules))
            ]
            if not warm:
                return answer._replace(names=frozenset(names))
            for _, unit in warm:
                names |= unit.defined
            done = {id(unit) for _, unit in warm}
            waiting = [each for each in waiting if id(each[1]) not in done]


def _all(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def _asks(text: str) -> bool:
    """Whether the program itself trains or asks for gradients."""
    if _trains_by_name(text):
        return True
    return _says_so(text) and _says_so(_STRING.sub("", text))


def _trains_by_name(text: str) -> bool:
    return "getattr" in text and _BY_NAME.search(text) is not None


def _says_so(text: str) -> bool:
    return any(pattern.search(text) for pattern in _ASKS)


def _parts(text: str) -> tuple[frozenset[str] | None, tuple[_Unit, ...]]:
    members: set[str] = set()
    renamed: dict[str, set[str]] = {}
    by_name = _trains_by_name(text)
    all_names = False

    def taken(found: re.Match[str]) -> str:
        nonlocal all_names
        if found["plain"] is None:
            members.update(_WORD.findall(found["members"]))
            all_names = all_names or "*" in found["members"]
        for original, new in _RENAMED.findall(found[0]):
            renamed.setdefault(new, set()).add(original)
        return ""

    rest = _IMPORTS.sub(taken, _STRING.sub('""', text))
    units: list[_Unit] = []
    apart: list[str] = []
    place = 0
    for found in _UNIT.finditer(rest):
        after = _AFTER.search(rest, found.end())
        end = len(rest) if after is None else after.start()
        apart.append(rest[place : found.start()])
        units.append(_unit(rest[found.start() : end], frozenset((found[1],)), renamed, by_name))
        place = end
    apart.append(rest[place:])
    for part in apart:
        for name, value in _ASSIGNED.findall(part):
            units.append(_unit(value, frozenset((name,)), renamed, False))
        units.append(_unit(part, frozenset(_INNER.findall(part)), renamed, by_name))
    own = NONE.union(*(unit.defined for unit in units))
    return None if all_names else own.union(members), tuple(units)


def _unit(text: str, defined: frozenset[str], renamed: dict[str, set[str]], by_name: bool) -> _Unit:
    words = set(_WORD.findall(text))
    attributes = frozenset(word[1:] for word in words if word[0] == ".")
    names = {word for word in words if word[0] != "."}
    # What is imported under another name is used by that.
    for new, originals in renamed.items():
        if new in names:
            names |= originals
    return _Unit(defined, by_name or _says_so(text), frozenset(names), attributes)


def _imported(found: re.Match[str]) -> Iterator[tuple[Imported, bool]]:
    """The modules that an import statement may name, and whether they can be nothing but modules."""
    if found["plain"] is not None:
        for part in found["plain"].split(","):
            words = part.split()
            if words:
                # `import package.module` runs the package as well.
                parts = words[0].split(".")
                yield from (((".".join(parts[: length + 1]), 0), True) for length in range(len(parts)))
        return
    module = found["module"].replace(" ", "").replace("\t", "")
    name = module.lstrip(".")
    level = len(module) - len(name)
    yield (name, level), False
    for part in found["members"].strip().strip("()").replace("\\", " ").split(","):
        words = part.split()
        if words and words[0] != "*":
            yield (f"{name}.{words[0]}" if name else words[0], level), True
