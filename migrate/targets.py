"""From TARGET to repositories: a folder, a git repository by path or URL, or a file that lists such targets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regrad.migrate import git

_URL = re.compile(r"(?:https?|ssh|git|file)://[^\s]+|[\w.-]+@[\w.-]+:[^\s:][^\s]*")
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:{1,2}\S", re.I)
_PROGRAMS = (".py", ".ipynb")
MOST_TARGETS = 100_000


class BadTarget(Exception):
    """A target that is none; the message names it and says what is wrong."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Source:
    """One repository or folder to look at."""

    name: str
    """Unique in the run, and fit to be a file's name."""
    given: str
    """As the user wrote it."""
    kind: str
    """`git` (a path), `url`, or `folder`."""
    place: str
    """The folder of the history, the URL, or the folder."""
    within: str = ""
    """The folder below the top that is asked for, with a slash at its end; empty for all of it."""
    checkout: str | None = None
    """The top of the user's checkout; it is looked at for uncommitted work alone."""


def sources(targets: Iterable[str]) -> tuple[Source, ...]:
    """The repositories that the targets name, each once; raises `BadTarget` before anything is done."""
    found: dict[tuple[str, str], Source] = {}
    names: set[str] = set()
    for target in _expanded(targets):
        source = _source(target)
        key = (source.place, source.within)
        if key in found:
            continue
        found[key] = _named(source, names)
        names.add(found[key].name.casefold())
    return tuple(found.values())


def _expanded(targets: Iterable[str]) -> Iterator[str]:
    """The targets with each list replaced by what it lists."""
    for target in targets:
        if not os.path.isfile(target):
            yield target
            continue
        if target.endswith(_PROGRAMS):
            raise BadTarget(f"{target}: is one program.", f"Mend it with: regrad fix {target}")
        yield from _listed(target)


def _listed(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read(MOST_TARGETS * 200).splitlines()
    except UnicodeDecodeError:
        raise BadTarget(
            f"{path}: is not a list of targets.", "A list has one folder, path or URL in each line."
        ) from None
    except OSError as problem:
        raise BadTarget(f"{path}: cannot be read ({problem.strerror}).") from None
    folder = os.path.dirname(os.path.abspath(path))
    for number, line in enumerate(lines, 1):
        target = line.split(" #")[0].strip()
        if not target or target.startswith("#"):
            continue
        place = target if _is_url(target) else os.path.join(folder, os.path.expanduser(target))
        if not _is_url(target) and not os.path.isdir(place):
            raise BadTarget(f"{path}:{number}: {target!r} is neither a folder nor the URL of a repository.")
        yield place


def _is_url(target: str) -> bool:
    return _URL.fullmatch(target) is not None


def _source(target: str) -> Source:
    if target.startswith("-"):
        raise BadTarget(f"{target!r} is not a target.", "A folder of that name is written ./" + target)
    if _is_url(target):
        return Source(_name_of(target), target, "url", target)
    if not os.path.exists(target):
        if _OTHER_SCHEME.match(target):
            raise BadTarget(f"{target!r}: repositories are fetched by https, http, ssh, git or file only.")
        raise BadTarget(f"{target}: no such folder, repository or list.")
    folder = os.path.realpath(target)
    try:
        history = git.run("-C", folder, "rev-parse", "--absolute-git-dir").decode("utf-8", "surrogateescape").strip()
    except git.GitProblem as problem:
        if "not a git repository" in str(problem):
            return Source(_name_of(folder), target, "folder", folder)
        raise BadTarget(f"{target}: {problem}") from None
    bare = git.run("-C", folder, "rev-parse", "--is-bare-repository").strip() == b"true"
    if bare or not _is_below(folder, top := _top(folder)):
        return Source(_name_of(history), target, "git", history)
    within = os.path.relpath(folder, top).replace(os.sep, "/")
    prefix = "" if within == "." else within + "/"
    return Source(_name_of(folder), target, "git", history, prefix, top)


def _top(folder: str) -> str:
    try:
        answer = git.run("-C", folder, "rev-parse", "--show-toplevel")
    except git.GitProblem:
        # Inside of `.git` itself there is no checkout.
        return os.devnull
    return os.path.realpath(answer.decode("utf-8", "surrogateescape").rstrip("\n"))


def _is_below(folder: str, top: str) -> bool:
    return folder == top or folder.startswith(top.rstrip(os.sep) + os.sep)


def _name_of(place: str) -> str:
    parts = [part for part in re.split(r"[/:\\]", place) if part not in ("", ".git")]
    name = parts[-1] if parts else "root"
    return re.sub(r"[^\w.-]+", "-", name.removesuffix(".git"), flags=re.ASCII).strip(".-")[:80] or "repository"


def _named(source: Source, taken: set[str]) -> Source:
    """The source under a name that no other has, whatever the file system makes of upper and lower case."""
    name, number = source.name, 1
    while name.casefold() in taken:
        number += 1
        name = f"{source.name}-{number}"
    return Source(name, source.given, source.kind, source.place, source.within, source.checkout)
