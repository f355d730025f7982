"""How a migration is told while it runs: one line per repository, and on a terminal bars with rate and time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from regrad.migrate.events import Begun, Ended, Event, FilesRead, Mending, ProgramMended
from regrad.migrate.results import RepositoryResult, State, Totals
from regrad.report.console import clean
from regrad.report.summary import count

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import Task, TaskID

MOST_NAMED = 5
"""So many files that could not be analysed are named for each repository."""


class Progress:
    """Listens to a run. The lines go to standard output, the bars to standard error."""

    def __init__(self, repositories: int, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._repositories = repositories
        self._lock = threading.Lock()
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        if sys.stderr.isatty():
            self._bars = _bars()

    def __enter__(self) -> Progress:
        if self._bars is not None:
            self._bars.start()
            self._tasks = {
                "repositories": self._bars.add_task("repositories", total=self._repositories),
                "files": self._bars.add_task("files read", total=0),
                "programs": self._bars.add_task("programs mended", total=0, visible=False),
            }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Called from the threads of the run."""
        if isinstance(event, Begun):
            self._move("files", event.known, event.files)
        elif isinstance(event, FilesRead):
            self._move("files", event.files)
        elif isinstance(event, Mending):
            self._move("programs", event.known, event.programs)
        elif isinstance(event, ProgramMended):
            self._move("programs", 1)
        elif isinstance(event, Ended):
            self._move("repositories", 1)

    def show(self, result: RepositoryResult, not_analysed: Sequence[str] = ()) -> None:
        """The line of a repository, and below it the files that could not be analysed."""
        if self._quiet:
            return
        if self._bars is not None and sys.stdout.isatty():
            self._bars.console.print(line(result, not_analysed), markup=False, highlight=False)
        else:
            print(line(result, not_analysed), flush=True)

    def _move(self, name: str, done: int, more: int = 0) -> None:
        if self._bars is None:
            return
        with self._lock:
            task = self._tasks[name]
            if more:
                total = next(each.total or 0 for each in self._bars.tasks if each.id == task)
                self._bars.update(task, total=total + more, visible=True)
            self._bars.advance(task, done)


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many are done in a second, or in a minute where it takes longer."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("")
            return Text(f"{speed:.1f}/s" if speed >= 1 else f"{speed * 60:.1f}/min")

    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def line(result: RepositoryResult, not_analysed: Sequence[str] = ()) -> str:
    """`models: 4 findings, 3 mended (2 proved) on the branch regrad/mend`."""
    notes = [*result.notes, *(f"not analysed: {each}" for each in not_analysed[:MOST_NAMED])]
    if len(not_analysed) > MOST_NAMED:
        notes.append(f"not analysed: {len(not_analysed) - MOST_NAMED} more, in the report")
    return clean(f"{result.name}: {_said(result)}" + "".join(f"\n  {note}" for note in notes))


def _said(result: RepositoryResult) -> str:
    if result.state in (State.FAILED, State.MOVED):
        return result.message or result.state.value
    totals = result.totals
    parts = [_counts(totals)]
    if result.branch is not None:
        parts.append(f"on the branch {result.branch}")
    elif result.patch is not None:
        parts.append(f"in {result.patch}")
    return " ".join(parts)


def _counts(totals: Totals) -> str:
    """What was found and mended, in words."""
    read = totals.files - totals.not_analysed
    if not totals.files:
        words = "no file was looked at"
    elif not totals.findings:
        words = f"no findings in {count(read, 'file')}"
    else:
        words = f"{count(totals.findings, 'finding')} in {count(read, 'file')}"
    if totals.not_analysed:
        words += f", {count(totals.not_analysed, 'file')} could not be analysed"
    if totals.withdrawn:
        words += f", {totals.withdrawn} withdrawn"
    if totals.mended:
        words += f", {totals.mended} mended ({totals.verified or 'none'} proved by a training step)"
    return words


def closing(results: Sequence[RepositoryResult], page: Path, plan: Path | None) -> str:
    """The last lines: the totals, and what to do next."""
    total = Totals()
    for result in results:
        total = total.plus(result.totals)
    names = count(len(results), "repository").replace("repositorys", "repositories")
    failed = sum(result.state in (State.FAILED, State.MOVED) for result in results)
    lines = [f"{names}: {_counts(total)}" + (f"; {failed} not done" if failed else "")]
    if total.fixable_unsafe:
        lines.append(f"{total.fixable_unsafe} more can be mended with --unsafe-fixes, which changes what programs mean")
    if plan is not None:
        lines.append(f"The plan is in {plan}. Read and edit it, then: regrad migrate --apply {plan}")
    lines.append(f"The report is in {page}")
    return clean("\n".join(lines))
