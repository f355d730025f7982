"""Which files of a source are looked at, in which state: its history, its work tree, what is known of it already."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from regrad.migrate import checkout, git, selection
from regrad.migrate.git import Repository
from regrad.migrate.request import Request, Settings
from regrad.migrate.results import State
from regrad.migrate.selection import Chosen
from regrad.migrate.store import Store, Stored
from regrad.migrate.targets import Source
from regrad.repair.targets import NEVER_VISITED, SUFFIXES
from regrad.verify.interpreter import PROJECT_ENVIRONMENTS


class CannotDo(Exception):
    """The repository is given up; the message is for the user."""


@dataclass(frozen=True)
class Tree:
    """The files of a repository as they are looked at."""

    folder: str
    base: str
    """The commit, or for a folder a digest of its files."""
    blobs: dict[str, str]
    """What tells one content of a file from another."""
    chosen: tuple[str, ...]
    alone: tuple[selection.LeftAlone, ...]
    notes: tuple[str, ...]
    settings: Settings
    repository: Repository | None = None


def opened(source: Source, request: Request, stored: Stored) -> Repository | None:
    """The history of a source; None for a folder under no version control."""
    if source.kind == "folder":
        if request.since is not None:
            raise CannotDo(f"{source.given} is under no version control, so --since means nothing there.")
        return None
    if source.kind == "git":
        return Repository(source.place)
    return _cloned(source, request, stored)


def _cloned(source: Source, request: Request, stored: Stored) -> Repository:
    """A copy of our own, which keeps the branch; fetched anew when the original has moved."""
    place = request.output / "clones" / f"{source.name}.git"
    copy = Repository(str(place))
    unfinished = stored.result.state in (State.READING, State.MENDING)
    if place.is_dir() and (unfinished or copy.commit("HEAD") == _newest(source)):
        return copy
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = str(place) + ".new"
    checkout.remove(fresh)
    git.clone(source.place, fresh, whole=request.since is not None)
    checkout.remove(str(place))
    os.rename(fresh, place)
    return copy


def _newest(source: Source) -> str:
    answer = git.run("ls-remote", "--", source.place, "HEAD").decode("ascii", "replace").split()
    return answer[0] if answer else ""


def base_of(source: Source, repository: Repository | None, stored: Stored) -> str:
    """The commit to look at; for a folder, a digest of its files."""
    if repository is None:
        return _digest(source.place)
    unfinished = stored.result.state in (State.READING, State.MENDING)
    if unfinished and stored.base is not None and repository.commit(stored.base) is not None:
        # A killed run goes on with the commit that it began with.
        return stored.base
    head = repository.commit("HEAD")
    if head is None:
        raise CannotDo(f"{source.given} has no commit yet.")
    return head


def tree_of(source: Source, request: Request, repository: Repository | None, base: str, folder: str) -> Tree:
    """The files of a source in a work tree below `folder`; those of a plain folder where they are."""
    if repository is None:
        settings = request.settings(source.place, source.place)
        found = list(selection.chosen_in_folder(source.place, settings.options))
        stamps = {each.path: _stamp(os.path.join(source.place, each.path)) for each in found}
        return _tree(source.place, base, stamps, found, (), settings, None)
    exported = checkout.export(repository, base, folder)
    _lend_environment(source, folder)
    settings = request.settings(folder, os.path.join(folder, source.within))
    blobs = {entry.path: entry.blob for entry in exported.entries}
    paths = [path for path in blobs if path.startswith(source.within)]
    if request.since is not None:
        changed = repository.changed(request.since, base)
        paths = [path for path in paths if path in changed]
    found = list(selection.chosen(folder, paths, settings.options, exported.pointers))
    notes = (*_uncommitted(source, repository, base), *exported.notes)
    return _tree(folder, base, blobs, found, notes, settings, repository)


def _lend_environment(source: Source, folder: str) -> None:
    """Lets the work tree use the user's own virtual environment, which no commit holds."""
    for name in PROJECT_ENVIRONMENTS if source.checkout is not None else ():
        own = os.path.join(source.checkout or "", name)
        place = os.path.join(folder, name)
        if os.path.isfile(os.path.join(own, "pyvenv.cfg")) and not os.path.lexists(place):
            os.symlink(own, place)


def _uncommitted(source: Source, repository: Repository, base: str) -> tuple[str, ...]:
    if source.checkout is None:
        return ()
    listing = repository.run(
        *("--work-tree", source.checkout, "status", "--porcelain", "-z", "--no-renames"),
        *("--untracked-files=no", "--ignore-submodules=all"),
    )
    changed = [line for line in listing.split(b"\0") if line]
    if not changed:
        return ()
    files = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
    return (f"{files} uncommitted changes, which are left alone: regrad works from the commit {base[:12]}",)


def take_over(store: Store, stored: Stored, tree: Tree) -> None:
    """Keeps of the rows what still holds for this tree."""
    old, repository = stored.base, tree.repository
    if old == tree.base:
        return
    if old is None or repository is None or repository.commit(old) is None:
        store.forget_files(stored)
        return
    before = {entry.path: entry.blob for entry in repository.entries(old)}
    appeared = [path for path in tree.blobs if path not in before]
    changed = [path for path, blob in tree.blobs.items() if before.get(path) != blob]
    # A new module may be what an import was looking for; requirements and settings may change any answer.
    if any(path.endswith(".py") for path in appeared) or any(not path.endswith(SUFFIXES) for path in changed):
        store.forget_files(stored)
        return
    store.keep_unchanged(stored, tree.blobs, frozenset(tree.blobs) - frozenset(changed))


def _tree(
    folder: str,
    base: str,
    blobs: dict[str, str],
    found: Sequence[Chosen | selection.LeftAlone],
    notes: tuple[str, ...],
    settings: Settings,
    repository: Repository | None,
) -> Tree:
    alone = tuple(each for each in found if isinstance(each, selection.LeftAlone))
    reasons = Counter(each.reason for each in alone)
    told = [f"{count} file{'s' * (count > 1)} left alone: {reason}" for reason, count in sorted(reasons.items())]
    chosen = tuple(each.path for each in found if isinstance(each, Chosen))
    return Tree(folder, base, blobs, chosen, alone, (*notes, *told), settings, repository)


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return "-"
    return f"{found.st_size} {found.st_mtime_ns}"


def _digest(folder: str) -> str:
    """What tells one state of a folder's programs from another: names, sizes and times of change."""
    digest = hashlib.blake2b(digest_size=20)
    for current, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - NEVER_VISITED)
        for name in sorted(names):
            if name.endswith(SUFFIXES):
                path = os.path.join(current, name)
                digest.update(f"{os.path.relpath(path, folder)}\0{_stamp(path)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
