"""From the paths of the command line to files: folders walked, ignored and unusable ones told apart."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from regrad.repair.options import Options
from regrad.repair.outcome import Status

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

NEVER_VISITED = frozenset(
    {
        ".bzr",
        ".direnv",
        ".eggs",
        ".git",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "__pypackages__",
        "build",
        "dist",
        "node_modules",
        "site-packages",
        "venv",
    }
)
SUFFIXES = (".py", ".ipynb")
EXCLUDED = "left out by `exclude`"


class Target(NamedTuple):
    """A file to be read."""

    path: str


class Rejected(NamedTuple):
    """A path that is not read, and why."""

    path: str
    status: Status
    message: str


class _Ignores(NamedTuple):
    """The patterns of one folder, tried on paths relative to it."""

    folder: str
    spec: GitIgnoreSpec

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        relative = os.path.relpath(path, self.folder).replace(os.sep, "/")
        if relative.startswith("../") or relative in ("..", "."):
            return None
        return self.spec.check_file(relative + "/" * is_folder).include


def targets(paths: Iterable[str], options: Options) -> Iterator[Target | Rejected]:
    """The files under `paths`, each once.

    A file that is named is taken whatever the patterns say, unless `force_exclude` is set. Links in folders are not
    followed: what they point to is visited in its own place, or is none of ours.
    """
    seen: set[str] = set()
    own = tuple(_patterns(options.root, options.exclude)) if options.force_exclude else ()
    for path in paths:
        for found in _under(os.path.normpath(path), options, own):
            real = os.path.realpath(found.path) if isinstance(found, Target) else found.path
            if real not in seen:
                seen.add(real)
                yield found


def _under(path: str, options: Options, own: tuple[_Ignores, ...]) -> Iterator[Target | Rejected]:
    if any(each.verdict(os.path.realpath(path), os.path.isdir(path)) for each in own):
        yield Rejected(path, Status.SKIPPED, EXCLUDED)
        return
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as problem:
        missing = isinstance(problem, FileNotFoundError)
        reason = "there is no such file or folder" if missing else getattr(problem, "strerror", None) or str(problem)
        yield Rejected(path, Status.UNREADABLE, reason)
        return
    if stat.S_ISDIR(mode):
        yield from _walk(path, options)
    elif stat.S_ISREG(mode):
        yield _sized(path, options)
    else:
        yield Rejected(path, Status.SKIPPED, "not a regular file")


def _walk(folder: str, options: Options) -> Iterator[Target | Rejected]:
    own = tuple(_patterns(options.root, options.exclude))
    outer = _outer_ignores(folder) if options.respect_gitignore else ()
    # Patterns are tried on real paths, files are named as the user named their folder.
    waiting: list[tuple[str, str, tuple[_Ignores, ...]]] = [(folder, os.path.realpath(folder), outer)]
    while waiting:
        current, real, ignores = waiting.pop()
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as problem:
            yield Rejected(current, Status.UNREADABLE, f"the folder cannot be read: {problem.strerror}")
            continue
        if options.respect_gitignore:
            ignores = (*ignores, *_ignores_in(real, ".gitignore"))
        folders: list[tuple[str, str, tuple[_Ignores, ...]]] = []
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not (entry.name.endswith(SUFFIXES) and entry.is_file(follow_symlinks=False)):
                continue
            if is_folder and entry.name in NEVER_VISITED:
                continue
            path, place = os.path.normpath(os.path.join(current, entry.name)), os.path.join(real, entry.name)
            if _is_ignored(place, is_folder, ignores) or any(each.verdict(place, is_folder) for each in own):
                continue
            if is_folder:
                folders.append((path, place, ignores))
            else:
                yield _sized(path, options)
        waiting.extend(reversed(folders))


def _sized(path: str, options: Options) -> Target | Rejected:
    limit = options.max_bytes * (10 if path.endswith(".ipynb") else 1)
    try:
        size = os.stat(path).st_size
    except OSError as problem:
        return Rejected(path, Status.UNREADABLE, f"cannot be read: {problem.strerror}")
    if size > limit:
        return Rejected(path, Status.SKIPPED, f"{size / 1e6:.0f} MB is more than the limit of {limit / 1e6:.0f} MB")
    return Target(path)


def pattern(text: str, root: str) -> Callable[[str], bool]:
    """Whether a file is under a pattern as in `.gitignore`, relative to `root`."""
    specs = _patterns(root, (text,))
    return lambda path: any(each.verdict(os.path.realpath(path), False) for each in specs)


def _is_ignored(path: str, is_folder: bool, ignores: tuple[_Ignores, ...]) -> bool:
    # The innermost file that has an opinion decides, as in git.
    for each in reversed(ignores):
        verdict = each.verdict(path, is_folder)
        if verdict is not None:
            return verdict
    return False


def _outer_ignores(folder: str) -> tuple[_Ignores, ...]:
    """The patterns of the folders around `folder`, up to the root of its repository."""
    found: list[_Ignores] = []
    current = os.path.realpath(folder)
    while not os.path.exists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            return ()
        current = parent
        found[:0] = _ignores_in(current, ".gitignore")
    if current == os.path.realpath(folder):
        return tuple(_ignores_in(current, os.path.join(".git", "info", "exclude")))
    return (*_ignores_in(current, os.path.join(".git", "info", "exclude")), *found)


def _ignores_in(folder: str, name: str) -> list[_Ignores]:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    return _patterns(folder, tuple(lines))


def _patterns(folder: str, lines: tuple[str, ...]) -> list[_Ignores]:
    if not lines:
        return []
    from pathspec import GitIgnoreSpec

    specs: list[str] = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            # Git passes over a pattern that it does not understand.
            continue
        specs.append(line)
    return [_Ignores(os.path.realpath(folder), GitIgnoreSpec.from_lines(specs))]
