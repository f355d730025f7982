"""A work tree of our own for one commit: written from the history, below a scratch folder, with nothing that leads out.

Git does not know of it (no `git worktree` entry), so a run that is killed leaves nothing behind in the repository.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from regrad.migrate.git import Entry, Repository
from regrad.migrate.printable import printable

LARGEST = 200_000_000
"""A file beyond this many bytes is left out of the work tree; no program and hardly any example data is so large."""
POINTER = b"version https://git-lfs.github.com/spec/"
_SUBMODULE, _LINK = "160000", "120000"


@dataclass(frozen=True)
class Checkout:
    """The work tree, and what a reader of the results should know of it."""

    folder: str
    entries: tuple[Entry, ...]
    """The regular files in it."""
    pointers: frozenset[str] = frozenset()
    """Files whose contents are in Git LFS; the work tree has their pointers."""
    notes: tuple[str, ...] = ()


def export(repository: Repository, revision: str, folder: str) -> Checkout:
    """Writes the commit's files into `folder`, which is made anew."""
    remove(folder)
    os.makedirs(folder, mode=0o700)
    regular: list[Entry] = []
    links: list[Entry] = []
    submodules: list[str] = []
    strange: list[str] = []
    large: list[str] = []
    missing: list[str] = []
    for entry in repository.entries(revision):
        if not _is_sound(entry.path):
            strange.append(entry.path)
        elif entry.mode == _SUBMODULE:
            submodules.append(entry.path)
        elif entry.mode == _LINK:
            links.append(entry)
        elif entry.size > LARGEST:
            large.append(entry.path)
        else:
            regular.append(entry)
    pointers: set[str] = set()
    written: list[Entry] = []
    made: set[str] = set()
    for entry, content in repository.contents(regular):
        if content is None:
            missing.append(entry.path)
            continue
        if _write(folder, entry, content, made):
            written.append(entry)
        else:
            strange.append(entry.path)
        if content.startswith(POINTER):
            pointers.add(entry.path)
    leaving: list[str] = []
    for entry, content in repository.contents(links):
        if content is None:
            missing.append(entry.path)
        elif not _link(folder, entry, content):
            leaving.append(entry.path)
    # Whoever looks upwards for the top of the project (ignored files, requirements) stops here.
    os.makedirs(os.path.join(folder, ".git"), exist_ok=True)
    notes = (
        _note(submodules, "submodule", "not entered"),
        _note(sorted(pointers), "file", "kept in Git LFS; its contents were not fetched"),
        _note(leaving, "link", "leads out of the repository, or nowhere, and was left out"),
        _note(strange, "path", "cannot be written safely and was left out"),
        _note(missing, "file", "absent from this clone, which is a partial one"),
        _note(large, "file", f"larger than {LARGEST // 1_000_000} MB and was left out"),
    )
    return Checkout(folder, tuple(written), frozenset(pointers), tuple(note for note in notes if note))


def remove(folder: str) -> None:
    """Deletes a work tree, also one with folders that may not be written to."""

    def allowed(function: object, path: str, problem: object) -> None:
        try:
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            else:
                os.unlink(path)
        except OSError:
            return

    if os.path.lexists(folder):
        shutil.rmtree(folder, onerror=allowed)


def _is_sound(path: str) -> bool:
    """Whether a path of a tree stays below the top; git itself makes no other, but a tree can be made by hand."""
    parts = path.split("/")
    if "conda-meta" in parts or parts[-1] == "pyvenv.cfg":
        # What makes a folder an environment, whose `bin/python` would be run outside of the sandbox.
        return False
    if any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts) or "\\" in path or "\0" in path:
        return False
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return len(os.fsencode(path)) < 1000


def _write(folder: str, entry: Entry, content: bytes, made: set[str]) -> bool:
    """Whether it could be written; `made` are the folders that are there already."""
    path = os.path.join(folder, entry.path)
    try:
        if (inside := os.path.dirname(path)) not in made:
            os.makedirs(inside, exist_ok=True)
            made.add(inside)
        # Exclusive and without following: two names may be one on this file system.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags, 0o755 if entry.mode == "100755" else 0o644), "wb") as file:
            file.write(content)
    except OSError:
        return False
    return True


def _link(folder: str, entry: Entry, content: bytes) -> bool:
    """Makes a link if it leads to something in the work tree."""
    aim = os.fsdecode(content)
    if not aim or os.path.isabs(aim) or "\0" in aim:
        return False
    path = os.path.join(folder, entry.path)
    top = os.path.realpath(folder) + os.sep
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        beside = os.path.realpath(os.path.dirname(path))
        # Links are made in turn, so what this one goes through is there already or leads nowhere.
        real = os.path.realpath(os.path.join(beside, aim))
        if not (beside + os.sep).startswith(top) or not real.startswith(top) or not os.path.exists(real):
            return False
        os.symlink(aim, path)
    except OSError:
        return False
    return True


def _note(paths: Iterable[str], noun: str, what: str) -> str:
    """`2 submodules not entered: a, b`."""
    found = list(paths)
    if not found:
        return ""
    shown = ", ".join(printable(path) for path in found[:5]) + (", …" if len(found) > 5 else "")
    return f"{len(found)} {noun}{'s' * (len(found) > 1)} {what}: {shown}"
