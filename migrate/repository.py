"""One repository from its history to its branch: read, mend, prove, commit; each part is kept as soon as it is done."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from regrad.migrate import branch, checkout, entries, git, plan, programs, selection, tasks
from regrad.migrate.commits import Step
from regrad.migrate.engine import Engine, Lost, answers
from regrad.migrate.events import Begun, Ended, FilesRead, Listener, Mending, ProgramMended
from regrad.migrate.git import GitProblem, Repository
from regrad.migrate.plan import PlannedRepository
from regrad.migrate.request import Request, Settings, WrongSettings
from regrad.migrate.results import RepositoryResult, State, Totals
from regrad.migrate.selection import Chosen
from regrad.migrate.store import Store, Stored
from regrad.migrate.targets import Source
from regrad.migrate.tasks import Read, Work
from regrad.repair.diff import unified
from regrad.repair.outcome import Status
from regrad.repair.targets import NEVER_VISITED, SUFFIXES
from regrad.verify.interpreter import PROJECT_ENVIRONMENTS

AT_ONCE = 8
"""Files that a worker is given at a time."""


class Stopped(Exception):
    """The run was interrupted."""


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


@dataclass
class Job:
    """One repository of a run."""

    request: Request
    source: Source
    store: Store
    stored: Stored
    engine: Engine
    scratch: Path
    moment: int
    listen: Listener
    stop: threading.Event
    started: float = field(default_factory=time.monotonic)

    def run(self) -> tuple[RepositoryResult, PlannedRepository | None]:
        """Does all of it; a problem with one repository is its result, not the end of the run."""
        self.started = time.monotonic()
        folder = str(self.scratch / str(self.stored.number) / self.source.name)
        try:
            return self._run(folder)
        except (GitProblem, CannotDo, WrongSettings, OSError, tasks.Unseen) as problem:
            result = self._now(State.FAILED, message=tasks.relative(folder)(str(problem)))
            self.stored = self.store.put(self.stored, result, base=None)
            self.listen(Ended(result))
            return result, None
        finally:
            checkout.remove(os.path.dirname(folder))

    def _run(self, folder: str) -> tuple[RepositoryResult, PlannedRepository | None]:
        self._go_on()
        repository = self._opened()
        base = self._base(repository)
        agreed = self._planned()
        if agreed is not None and agreed.revision != base:
            return self._moved(agreed, base), None
        if base == self.stored.base and self.stored.result.state is State.DONE:
            self.listen(Ended(self.stored.result, again=True))
            return self.stored.result, None
        tree = self._tree(repository, base, folder)
        self._take_over(tree, repository)
        result = self._now(State.READING, revision=base, notes=tree.notes)
        self.stored = self.store.put(self.stored, result, base=base)
        self._read(tree)
        groups = programs.groups(self.store.found(self.stored))
        if self.request.planning:
            return self._plan(tree, groups)
        self.stored = self.store.put(self.stored, replace(result, state=State.MENDING), base=base)
        self._mend(tree, groups)
        return self._hand_over(tree), None

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise Stopped

    def _now(self, state: State, **changes: object) -> RepositoryResult:
        return replace(
            self.stored.result,
            name=self.source.name,
            source=self.source.given,
            state=state,
            kind="folder" if self.source.kind == "folder" else "git",
            within=self.source.within.rstrip("/"),
            seconds=round(time.monotonic() - self.started, 3),
            **{"message": None, "totals": Totals(), **changes},  # type: ignore[arg-type]
        )

    # Which files, in which state

    def _opened(self) -> Repository | None:
        if self.source.kind == "folder":
            if self.request.since is not None:
                raise CannotDo(f"{self.source.given} is under no version control, so --since means nothing there.")
            return None
        if self.source.kind == "git":
            return Repository(self.source.place)
        return self._cloned()

    def _cloned(self) -> Repository:
        """A copy of our own, which keeps the branch; fetched anew when the original has moved."""
        place = self.request.output / "clones" / f"{self.source.name}.git"
        copy = Repository(str(place))
        unfinished = self.stored.result.state in (State.READING, State.MENDING)
        if place.is_dir() and (unfinished or copy.commit("HEAD") == self._newest()):
            return copy
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = str(place) + ".new"
        checkout.remove(fresh)
        git.clone(self.source.place, fresh, whole=self.request.since is not None)
        checkout.remove(str(place))
        os.rename(fresh, place)
        return copy

    def _newest(self) -> str:
        answer = git.run("ls-remote", "--", self.source.place, "HEAD").decode("ascii", "replace").split()
        return answer[0] if answer else ""

    def _base(self, repository: Repository | None) -> str:
        if repository is None:
            return _digest(self.source.place)
        unfinished = self.stored.result.state in (State.READING, State.MENDING)
        if unfinished and self.stored.base is not None and repository.commit(self.stored.base) is not None:
            # A killed run goes on with the commit that it began with.
            return self.stored.base
        head = repository.commit("HEAD")
        if head is None:
            raise CannotDo(f"{self.source.given} has no commit yet.")
        return head

    def _planned(self) -> PlannedRepository | None:
        agreed = self.request.plan
        return None if agreed is None else next(each for each in agreed.repositories if each.name == self.source.name)

    def _moved(self, agreed: PlannedRepository, base: str) -> RepositoryResult:
        what = "the files have changed" if self.source.kind == "folder" else f"it was {agreed.revision}, it is {base}"
        message = f"It has moved since the plan was made ({what}), so nothing was done. Make a new plan for it."
        result = self._now(State.MOVED, revision=base, message=message)
        self.stored = self.store.put(self.stored, result, base=None)
        self.listen(Ended(result))
        return result

    def _tree(self, repository: Repository | None, base: str, folder: str) -> Tree:
        if repository is None:
            settings = self.request.settings(self.source.place, self.source.place)
            found = list(selection.chosen_in_folder(self.source.place, settings.options))
            stamps = {each.path: _stamp(os.path.join(self.source.place, each.path)) for each in found}
            return _tree(self.source.place, base, stamps, found, (), settings, None)
        exported = checkout.export(repository, base, folder)
        self._lend_environment(folder)
        settings = self.request.settings(folder, os.path.join(folder, self.source.within))
        blobs = {entry.path: entry.blob for entry in exported.entries}
        paths = [path for path in blobs if path.startswith(self.source.within)]
        if self.request.since is not None:
            changed = repository.changed(self.request.since, base)
            paths = [path for path in paths if path in changed]
        found = list(selection.chosen(folder, paths, settings.options, exported.pointers))
        notes = (*self._uncommitted(repository, base), *exported.notes)
        return _tree(folder, base, blobs, found, notes, settings, repository)

    def _lend_environment(self, folder: str) -> None:
        """Lets the work tree use the user's own virtual environment, which no commit holds."""
        for name in PROJECT_ENVIRONMENTS if self.source.checkout is not None else ():
            own = os.path.join(self.source.checkout or "", name)
            place = os.path.join(folder, name)
            if os.path.isfile(os.path.join(own, "pyvenv.cfg")) and not os.path.lexists(place):
                os.symlink(own, place)

    def _uncommitted(self, repository: Repository, base: str) -> tuple[str, ...]:
        if self.source.checkout is None:
            return ()
        listing = repository.run(
            *("--work-tree", self.source.checkout, "status", "--porcelain", "-z", "--no-renames"),
            *("--untracked-files=no", "--ignore-submodules=all"),
        )
        changed = [line for line in listing.split(b"\0") if line]
        if not changed:
            return ()
        files = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
        return (f"{files} uncommitted changes, which are left alone: regrad works from the commit {base[:12]}",)

    def _take_over(self, tree: Tree, repository: Repository | None) -> None:
        """Keeps of the rows what still holds for this tree."""
        old = self.stored.base
        if old == tree.base:
            return
        if old is None or repository is None or repository.commit(old) is None:
            self.store.forget_files(self.stored)
            return
        before = {entry.path: entry.blob for entry in repository.entries(old)}
        appeared = [path for path in tree.blobs if path not in before]
        changed = [path for path, blob in tree.blobs.items() if before.get(path) != blob]
        # A new module may be what an import was looking for; requirements and settings may change any answer.
        if any(path.endswith(".py") for path in appeared) or any(not path.endswith(SUFFIXES) for path in changed):
            self.store.forget_files(self.stored)
            return
        self.store.keep_unchanged(self.stored, tree.blobs, frozenset(tree.blobs) - frozenset(changed))

    # Reading

    def _read(self, tree: Tree) -> None:
        wanted = self._wanted(tree)
        known = self.store.read_paths(self.stored)
        waiting = [path for path in wanted if path not in known]
        self.listen(Begun(self.source.name, len(wanted), len(wanted) - len(waiting)))
        batches = (waiting[start : start + AT_ONCE] for start in range(0, len(waiting), AT_ONCE))
        options = tree.settings.options
        for answer in answers(
            self.engine, tasks.read_files, self._while_wanted(batches), options, first=(tree.folder,)
        ):
            reads = [_lost(answer)] if isinstance(answer, Lost) else answer
            self.store.put_read(self.stored, reads, tree.blobs)
            self.listen(FilesRead(self.source.name, len(reads)))
        told = [
            tasks.bare_file(self.source.name, path, status, message)
            for path, status, message in self.store.unreadable(self.stored)
        ]
        self.store.put_files(self.stored, told)

    def _wanted(self, tree: Tree) -> list[str]:
        agreed = self._planned()
        if agreed is None:
            return list(tree.chosen)
        named = plan.paths(agreed)
        return [path for path in tree.chosen if path in named]

    def _while_wanted(self, batches: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
        for batch in batches:
            self._go_on()
            yield batch

    # Planning

    def _plan(self, tree: Tree, groups: list[programs.Group]) -> tuple[RepositoryResult, PlannedRepository]:
        seconds = self.store.seconds_a_program() or plan.SECONDS_A_PROGRAM
        planned = []
        for group, runnable, configured in self._with_entries(tree, groups):
            planned.append(plan.planned_program(group, runnable, configured, tree.settings.options, seconds))
        for each in self.store.found(self.stored):
            self._go_on()
            if each.survey is not None:
                unsafe = tree.settings.options.unsafe_fixes
                files = tasks.reported(tree.folder, self.source.name, each.survey, unsafe=unsafe)
                self.store.put_files(self.stored, files)
        result = self._now(State.PLANNED, revision=tree.base, notes=tree.notes, totals=self._totals(tree))
        self.stored = self.store.put(self.stored, result, base=tree.base)
        self.listen(Ended(result))
        target = self.source.place if self.source.kind != "git" else self._own_place()
        return result, PlannedRepository(self.source.name, target, tree.base, tuple(planned), None, tree.notes)

    def _own_place(self) -> str:
        top = self.source.checkout or self.source.place
        return os.path.join(top, self.source.within).rstrip(os.sep)

    def _with_entries(
        self, tree: Tree, groups: Sequence[programs.Group]
    ) -> Iterator[tuple[programs.Group, tuple[str, ...], bool]]:
        around = programs.reached(self.store.programs_around(self.stored))
        tests = [path for path in tree.chosen if entries.is_test(path)]
        for group in groups:
            runnable, configured = programs.runnable(group, tree.settings.entries, around, tests)
            yield group, runnable, configured

    # Mending

    def _mend(self, tree: Tree, groups: list[programs.Group]) -> None:
        done = self.store.mended_programs(self.stored)
        self.listen(Mending(self.source.name, len(groups), len(done)))
        works: Iterator[list[Work]] = (
            [self._work(tree, *each)] for each in self._with_entries(tree, groups) if each[0].key not in done
        )
        for answer in answers(self.engine, tasks.mend_programs, self._works(works), first=()):
            if isinstance(answer, Lost):
                self._passed_over(tree, answer)
            else:
                for mended in answer:
                    self.store.put_program(self.stored, mended.key, mended.files, mended.steps, mended.seconds)
            self.listen(ProgramMended(self.source.name))

    def _works(self, works: Iterator[list[Work]]) -> Iterator[list[Work]]:
        for work in works:
            self._go_on()
            yield work

    def _work(self, tree: Tree, group: programs.Group, runnable: tuple[str, ...], configured: bool) -> Work:
        agreed = self._planned()
        options, left = tree.settings.options, frozenset[tuple[str, int, int, str]]()
        if agreed is not None:
            # The plan decides finding by finding, so what is unsafe needs no other leave.
            options = replace(options, unsafe_fixes=options.unsafe_fixes or plan.asks_for_unsafe(agreed))
            left = frozenset(group.found) - plan.wanted(agreed)
        return Work(
            self.source.name,
            tree.folder,
            group.key,
            tuple(sorted(group.paths)),
            runnable,
            configured,
            frozenset(each.path for each in tree.alone),
            left,
            options,
            drivers=tree.repository is not None,
        )

    def _passed_over(self, tree: Tree, lost: Lost[Work]) -> None:
        """A program whose mending ended its worker twice: its findings are kept, it is not mended."""
        work = lost.item
        files = [
            file
            for each in self.store.found(self.stored)
            if each.path in work.paths and each.survey is not None
            for file in tasks.reported(tree.folder, self.source.name, each.survey, f"not mended: {lost.reason}")
        ]
        self.store.put_program(self.stored, work.key, files, (), 0.0)

    # Handing over

    def _hand_over(self, tree: Tree) -> RepositoryResult:
        steps = self.store.steps(self.stored)
        notes = tree.notes
        result = self._now(State.DONE, revision=tree.base, notes=notes, totals=self._totals(tree))
        result = replace(result, branch=None, commits=(), patch=None, pull_request=None)
        tip = None
        if tree.repository is None:
            result = replace(result, patch=self._patch_file(_folder_patch(tree.folder, steps)))
        elif steps:
            result, tip = self._committed(tree, tree.repository, steps, result)
        elif self.stored.tip is not None and self.stored.result.branch is not None:
            branch.remove(tree.repository, self.stored.result.branch, self.stored.tip)
        if result.patch is None:
            self._patch_path().unlink(missing_ok=True)
        result = self.request.describe(self.request.output, result)
        result = replace(result, seconds=round(time.monotonic() - self.started, 3))
        self.stored = self.store.put(self.stored, result, base=tree.base, tip=tip)
        self.listen(Ended(result))
        return result

    def _committed(
        self, tree: Tree, repository: Repository, steps: list[Step], result: RepositoryResult
    ) -> tuple[RepositoryResult, str]:
        made = branch.write(
            repository,
            tree.base,
            branch.commits(steps, one=self.request.one_commit),
            name=self.request.branch,
            index=str(self.scratch / f"{self.stored.number}.index"),
            moment=self.moment,
            own_tip=self.stored.tip,
            checked_out=branch.checked_out(repository),
        )
        patch = self._patch_file(branch.patch(repository, tree.base, made.tip))
        return replace(result, branch=made.name, commits=made.subjects, patch=patch), made.tip

    def _patch_path(self) -> Path:
        return self.request.output / "patches" / f"{self.source.name}.patch"

    def _patch_file(self, content: bytes) -> str | None:
        if not content:
            return None
        path = self._patch_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(content)
        os.replace(temporary, path)
        return path.relative_to(self.request.output).as_posix()

    def _totals(self, tree: Tree) -> Totals:
        totals = self.store.totals(self.stored)
        return replace(totals, skipped=totals.skipped + len(tree.alone))


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


def _lost(lost: Lost[str]) -> Read:
    message = f"reading was given up: {lost.reason}; please report this file"
    return Read(lost.item, Status.UNREADABLE, message, 0, False, (lost.item,), None, 0.0)


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


def _folder_patch(folder: str, steps: Sequence[Step]) -> bytes:
    final: dict[str, bytes] = {}
    for step in steps:
        final.update(step.files)
    parts = []
    for path, after in sorted(final.items()):
        place = os.path.join(folder, path)
        with open(place, "rb") as file:
            parts.append(unified(place, file.read(), after, folder))
    return b"".join(parts)
