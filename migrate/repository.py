"""One repository from its history to its branch: read, mend, prove, commit; each part is kept as soon as it is done."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from regrad.migrate import branch, checkout, entries, opening, packing, plan, programs, tasks
from regrad.migrate.commits import Step
from regrad.migrate.engine import Engine, Lost, answers
from regrad.migrate.events import Begun, Ended, FilesRead, Listener, Mending, ProgramMended
from regrad.migrate.git import GitProblem, Repository
from regrad.migrate.plan import PlannedRepository
from regrad.migrate.request import Request, WrongSettings
from regrad.migrate.results import RepositoryResult, State, Totals
from regrad.migrate.store import Store, Stored
from regrad.migrate.targets import Source
from regrad.migrate.tasks import Read, Work
from regrad.repair.diff import unified
from regrad.repair.outcome import Status

AT_ONCE = 8
"""Files that a worker is given at a time."""


class Stopped(Exception):
    """The run was interrupted."""


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
        except (GitProblem, opening.CannotDo, WrongSettings, OSError, tasks.Unseen) as problem:
            result = self._now(State.FAILED, message=packing.relative(folder)(str(problem)))
            self.stored = self.store.put(self.stored, result, base=None)
            self.listen(Ended(result))
            return result, None
        finally:
            checkout.remove(os.path.dirname(folder))

    def _run(self, folder: str) -> tuple[RepositoryResult, PlannedRepository | None]:
        self._go_on()
        repository = opening.opened(self.source, self.request, self.stored)
        base = opening.base_of(self.source, repository, self.stored)
        agreed = self._planned()
        if agreed is not None and agreed.revision != base:
            return self._moved(agreed, base), None
        if base == self.stored.base and self.stored.result.state is State.DONE:
            self.listen(Ended(self.stored.result, again=True))
            return self.stored.result, None
        tree = opening.tree_of(self.source, self.request, repository, base, folder)
        opening.take_over(self.store, self.stored, tree)
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

    # Reading

    def _read(self, tree: opening.Tree) -> None:
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
            packing.bare_file(self.source.name, path, status, message)
            for path, status, message in self.store.unreadable(self.stored)
        ]
        self.store.put_files(self.stored, told)

    def _wanted(self, tree: opening.Tree) -> list[str]:
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

    def _plan(self, tree: opening.Tree, groups: list[programs.Group]) -> tuple[RepositoryResult, PlannedRepository]:
        seconds = self.store.seconds_a_program() or plan.SECONDS_A_PROGRAM
        planned = []
        for group, runnable, configured in self._with_entries(tree, groups):
            planned.append(plan.planned_program(group, runnable, configured, tree.settings.options, seconds))
        for each in self.store.found(self.stored):
            self._go_on()
            if each.survey is not None:
                unsafe = tree.settings.options.unsafe_fixes
                files = packing.reported(tree.folder, self.source.name, each.survey, unsafe=unsafe)
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
        self, tree: opening.Tree, groups: Sequence[programs.Group]
    ) -> Iterator[tuple[programs.Group, tuple[str, ...], bool]]:
        around = programs.reached(self.store.programs_around(self.stored))
        tests = [path for path in tree.chosen if entries.is_test(path)]
        for group in groups:
            runnable, configured = programs.runnable(group, tree.settings.entries, around, tests)
            yield group, runnable, configured

    # Mending

    def _mend(self, tree: opening.Tree, groups: list[programs.Group]) -> None:
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

    def _work(self, tree: opening.Tree, group: programs.Group, runnable: tuple[str, ...], configured: bool) -> Work:
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

    def _passed_over(self, tree: opening.Tree, lost: Lost[Work]) -> None:
        """A program whose mending ended its worker twice: its findings are kept, it is not mended."""
        work = lost.item
        files = [
            file
            for each in self.store.found(self.stored)
            if each.path in work.paths and each.survey is not None
            for file in packing.reported(tree.folder, self.source.name, each.survey, f"not mended: {lost.reason}")
        ]
        self.store.put_program(self.stored, work.key, files, (), 0.0)

    # Handing over

    def _hand_over(self, tree: opening.Tree) -> RepositoryResult:
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
        self, tree: opening.Tree, repository: Repository, steps: list[Step], result: RepositoryResult
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

    def _totals(self, tree: opening.Tree) -> Totals:
        totals = self.store.totals(self.stored)
        return replace(totals, skipped=totals.skipped + len(tree.alone))


def _lost(lost: Lost[str]) -> Read:
    message = f"reading was given up: {lost.reason}; please report this file"
    return Read(lost.item, Status.UNREADABLE, message, 0, False, (lost.item,), None, 0.0)


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
