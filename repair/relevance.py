"""Which files are worth reading as programs: those that mention TensorFlow or Keras, train what another made, or run
what another trains.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from regrad.analysis.source import Unreadable, read, relevant

_TRAINS = re.compile(rb"\.(?:fit|compile|train_on_batch|train_step|minimize|apply_gradients|apply|gradient)\(")
_IMPORTS = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+([\w, \t]+)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_RUNS = re.compile(rb"^(?:\w[\w, .]*=[ \t]*)?\w[\w.]*\(|^if[ \t(]+__name__", re.MULTILINE)
"""A script does something of its own: a statement of the module calls."""
_DEEPEST = 3


def worth_reading(path: str, content: bytes) -> bool:
    """Whether anything could be found in the program; a search in bytes, and a look at its neighbours if it trains what
    they make, or calls them.
    """
    if relevant(content):
        return True
    if _TRAINS.search(content) is not None:
        return _imports_one(path, content, _DEEPEST, relevant)
    return _runs_others(content) and _imports_one(path, content, _DEEPEST, _trains_here)


def may_train(content: bytes) -> bool:
    """Whether it depends on the neighbours of the program if anything could be found in it."""
    return _TRAINS.search(content) is not None or _runs_others(content)


def _runs_others(content: bytes) -> bool:
    """Whether it is a script that imports anything of the project."""
    from regrad.analysis.prospects import FOREIGN

    return _RUNS.search(content) is not None and any(
        name.startswith(".") or name.partition(".")[0] not in FOREIGN
        for found in _IMPORTS.finditer(content)
        for name in _names(found)
    )


def _trains_here(content: bytes) -> bool:
    return relevant(content) and _TRAINS.search(content) is not None


def _imports_one(path: str, content: bytes, depth: int, wanted: Callable[[bytes], bool]) -> bool:
    """Whether one of the neighbours that it imports, or that they import, is such a one."""
    folder = os.path.dirname(path)
    for found in _IMPORTS.finditer(content):
        for name in _names(found):
            place = _place(folder, name)
            if place is None or place == path:
                continue
            try:
                imported = read(place)
            except Unreadable:
                continue
            if wanted(imported) or (depth > 1 and _imports_one(place, imported, depth - 1, wanted)):
                return True
    return False


def _names(found: re.Match[bytes]) -> list[str]:
    module, imported, plain = (group.decode() if group else "" for group in found.groups())
    if plain:
        return [part.split()[0] for part in plain.split(",") if part.split()]
    # `from package import module` may name a module of the package.
    members = [part.split()[0] for part in imported.split(",") if part.split()]
    separator = "" if module.endswith(".") or not module else "."
    return [module, *(f"{module}{separator}{member}" for member in members)]


def _place(folder: str, name: str) -> str | None:
    stripped = name.lstrip(".")
    for _ in range(len(name) - len(stripped) - 1):
        folder = os.path.join(folder, os.pardir)
    if not stripped:
        return None
    base = os.path.normpath(os.path.join(folder, *stripped.split(".")))
    return next((place for place in (base + ".py", os.path.join(base, "__init__.py")) if os.path.isfile(place)), None)
