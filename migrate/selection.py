"""Which files of a repository are looked at, and which are somebody else's: generated, vendored, excluded, pointers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regrad.repair.options import Options
from regrad.repair.outcome import Status
from regrad.repair.targets import NEVER_VISITED, SUFFIXES, Rejected, pattern, targets

VENDORED = frozenset(
    {
        "_vendor",
        "bower_components",
        "extern",
        "external",
        "third-party",
        "third_party",
        "thirdparty",
        "vendor",
        "vendored",
    }
)
_GENERATED = re.compile(
    rb"^[ \t]*(?:#|\"\"\"|\'\'\')(?:"
    rb"[^\n]{0,200}?(?:@generated\b|\bdo not edit\b|\b(?:auto-?|automatically |code )generated\b)"
    rb"|[ \t]*(?:this (?:file|code|module) (?:is|was|has been) )?generated (?:by|from|with)\b)",
    re.I | re.M,
)
_HEAD = 1000
"""A generated file says so in its first bytes."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file to be looked at, relative to the top."""

    path: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A file that is not looked at and never written, and why."""

    path: str
    reason: str


def chosen(
    folder: str, paths: Iterable[str], options: Options, pointers: frozenset[str] = frozenset()
) -> Iterator[Chosen | LeftAlone]:
    """What becomes of each tracked Python file and notebook of a work tree."""
    excluded = [pattern(text, options.root) for text in options.exclude]
    foreign = _marked(folder)
    for path in paths:
        if not path.endswith(SUFFIXES) or NEVER_VISITED.intersection(path.split("/")[:-1]):
            continue
        reason = "kept in Git LFS" if path in pointers else _foreign(path, foreign)
        place = os.path.join(folder, path)
        if reason is None and any(applies(place) for applies in excluded):
            reason = "excluded by the settings"
        if reason is None:
            reason = _too_large(place, options) or _generated(place)
        yield Chosen(path) if reason is None else LeftAlone(path, reason)


def chosen_in_folder(folder: str, options: Options) -> Iterator[Chosen | LeftAlone]:
    """The same for a folder under no version control, as `regrad check` would walk it."""
    foreign = _marked(folder)
    for target in targets([folder], options):
        path = os.path.relpath(target.path, folder).replace(os.sep, "/")
        if isinstance(target, Rejected):
            if target.status is Status.SKIPPED:
                yield LeftAlone(path, target.message)
            continue
        reason = _foreign(path, foreign) or _generated(target.path) or _not_utf8(path)
        yield Chosen(path) if reason is None else LeftAlone(_printable(path), reason)


def _foreign(path: str, marked: list[tuple[str, str]]) -> str | None:
    folder = next((part for part in path.split("/")[:-1] if part.casefold() in VENDORED), None)
    if folder is not None:
        return f"vendored (in a folder {folder}/)"
    return next((f"marked {attribute} in .gitattributes" for glob, attribute in marked if _covers(glob, path)), None)


def _covers(glob: str, path: str) -> bool:
    from pathspec import GitIgnoreSpec

    return bool(GitIgnoreSpec.from_lines([glob]).match_file(path))


def _marked(folder: str) -> list[tuple[str, str]]:
    """The patterns that `.gitattributes` at the top marks as somebody else's."""
    found: list[tuple[str, str]] = []
    try:
        with open(os.path.join(folder, ".gitattributes"), encoding="utf-8", errors="replace") as file:
            lines = file.read(1_000_000).splitlines()
    except OSError:
        return found
    for line in lines:
        glob, *attributes = line.split() or [""]
        for attribute in ("linguist-vendored", "linguist-generated"):
            if glob and not glob.startswith("#") and (attribute in attributes or f"{attribute}=true" in attributes):
                found.append((glob, attribute))
    return found


def _too_large(place: str, options: Options) -> str | None:
    rejected = next((each for each in targets([place], options) if isinstance(each, Rejected)), None)
    return rejected.message if rejected is not None else None


def _generated(place: str) -> str | None:
    if place.endswith(".ipynb"):
        return None
    try:
        with open(place, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    return "generated (its first lines say so)" if _GENERATED.search(head) else None


def _not_utf8(path: str) -> str | None:
    return None if _printable(path) == path else "its name is not UTF-8"


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
