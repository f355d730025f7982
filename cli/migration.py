"""One run of `regrad migrate`: what is asked, by which settings in each repository, and how it ends."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from regrad.cli import configuration, migration_report, work
from regrad.cli.configuration import Configuration
from regrad.cli.exit_status import ExitStatus
from regrad.cli.job import Job
from regrad.cli.mistake import Mistake
from regrad.cli.named_files import require_interpreter
from regrad.cli.parameters import ReportFormat
from regrad.cli.settings import Request, configuration_for, laid_over

if TYPE_CHECKING:
    from regrad.migrate.engine import Engine
    from regrad.migrate.plan import Plan, PlannedRepository
    from regrad.migrate.request import Request as Wanted
    from regrad.migrate.request import Settings
    from regrad.migrate.results import RepositoryResult
    from regrad.migrate.targets import Source


@dataclass(frozen=True, slots=True)
class Migration:
    """The command line of `migrate`."""

    targets: tuple[str, ...]
    request: Request
    output: Path
    report: Path | None = None
    plan: Path | None = None
    apply: Path | None = None
    since: str | None = None
    branch: str = "regrad/mend"
    one_commit: bool = False
    jobs: int | None = None
    scheduler: str | None = None
    scratch: Path | None = None
    quiet: bool = False


def carry_out(migration: Migration) -> ExitStatus:
    """Does it, shows it, and says how it ended."""
    from regrad.cli.migration_progress import Progress, closing
    from regrad.migrate.run import carried_out
    from regrad.migrate.store import InUse, NoStore

    report_format = None if migration.report is None else migration_report.format_of(migration.report)
    agreed = _agreed(migration)
    wanted = _wanted(migration, agreed)
    try:
        migration.output.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Mistake(f"--output: {migration.output} cannot be made ({problem.strerror}).") from None
    results: list[RepositoryResult] = []
    planned: list[PlannedRepository] = []
    with ExitStack() as stack:
        engine = _engine(migration, stack)
        progress = stack.enter_context(Progress(len(wanted.sources), quiet=migration.quiet))
        try:
            for result, would in carried_out(wanted, executor=engine, listen=progress):
                progress.show(result, migration_report.not_analysed(migration.output, result))
                results.append(result)
                if would is not None:
                    planned.append(would)
        except NoStore as problem:
            raise Mistake(str(problem), "Delete it, or name another folder with --output.") from None
        except InUse as problem:
            raise Mistake(str(problem), "Wait for it, or name another folder with --output.") from None
        width = engine.width
    if migration.plan is not None:
        _write_plan(migration.plan, results, planned, wanted, width)
    page = migration_report.carry_out(migration.output, ReportFormat.HTML, None)
    if report_format is not None:
        migration_report.carry_out(migration.output, report_format, migration.report)
    print(closing(results, migration.report or page or migration.output, migration.plan))
    return status(results, planned)


def status(results: list[RepositoryResult], planned: list[PlannedRepository]) -> ExitStatus:
    """The highest status that any of the repositories asks for."""
    from regrad.migrate.results import State

    found = ExitStatus.CLEAN
    for result in results:
        totals = result.totals
        if totals.withdrawn:
            return ExitStatus.WITHDRAWN
        if result.state in (State.FAILED, State.MOVED) or totals.not_analysed:
            found = max(found, ExitStatus.NOT_ANALYSED)
        elif totals.findings > totals.mended:
            found = max(found, ExitStatus.FINDINGS)
    return found


def _agreed(migration: Migration) -> Plan | None:
    from regrad.migrate import plan

    if migration.apply is None:
        if not migration.targets:
            raise Mistake("There is no target.", "For example: regrad migrate --plan plan.json path/to/repository")
        return None
    if migration.targets or migration.plan is not None or migration.since is not None:
        raise Mistake("--apply takes its targets from the plan, and goes with neither TARGET, --plan nor --since.")
    try:
        return plan.read(migration.apply)
    except plan.BadPlan as problem:
        raise Mistake(str(problem)) from None


def _wanted(migration: Migration, agreed: Plan | None) -> Wanted:
    from regrad.migrate import branch, git
    from regrad.migrate.request import Request as Wanted
    from regrad.report import pull_request

    require_interpreter(migration.request.python)
    try:
        git.run("check-ref-format", "--branch", migration.branch)
    except git.GitProblem:
        message = f"--branch: git takes no branch of the name {migration.branch!r}."
        raise Mistake(message, f"For example: {branch.NAME}") from None
    if migration.plan is not None and not migration.plan.absolute().parent.is_dir():
        raise Mistake(f"{migration.plan}: there is no folder {migration.plan.parent}.")
    # A mistake in what the user names is told before anything is done.
    named = configuration.load_named(migration.request.config) if migration.request.config else Configuration()
    work.options_of(Job((), migration.request, fixing=True), laid_over(migration.request, named))
    return Wanted(
        sources=_sources(migration, agreed),
        output=migration.output,
        settings=_SettingsOf(migration.request),
        words=_words(migration),
        planning=migration.plan is not None,
        plan=agreed,
        since=migration.since,
        branch=migration.branch,
        one_commit=migration.one_commit,
        scratch=migration.scratch,
        describe=pull_request.write,
    )


def _sources(migration: Migration, agreed: Plan | None) -> tuple[Source, ...]:
    from regrad.migrate.targets import BadTarget, sources

    try:
        if agreed is None:
            return sources(migration.targets)
        found = [sources([each.target])[0] for each in agreed.repositories]
        return tuple(replace(source, name=each.name) for source, each in zip(found, agreed.repositories, strict=True))
    except BadTarget as problem:
        raise Mistake(str(problem), problem.hint) from None


@dataclass(frozen=True)
class _SettingsOf:
    """The settings of a repository: the command line over the `[tool.regrad]` in its work tree.

    What names a program to be run outside of the sandbox (`python`), and how strong the sandbox is, is the user's to
    say: on the command line, the sandbox also in the file of `--config`. A repository could let itself out.
    """

    request: Request

    def __call__(self, top: str, start: str) -> Settings:
        from regrad.migrate.request import Settings, WrongSettings

        try:
            found = self._configuration(Path(top), Path(start))
            sandbox = found.sandbox if self.request.config is not None else None
            settings = laid_over(self.request, replace(found, python=None, sandbox=sandbox))
            options = work.options_of(Job((), self.request, fixing=True), settings)
        except Mistake as mistake:
            raise WrongSettings(f"{mistake.message} {mistake.hint}".strip()) from None
        entries = (self.request.entry,) if self.request.entry else found.entries
        inside = found.path is not None and self.request.config is None
        root = str(found.root) if inside else top
        return Settings(replace(options, root=root, entry=None, entry_folder=".", through_entry=False, jobs=1), entries)

    def _configuration(self, top: Path, start: Path) -> Configuration:
        if self.request.isolated or self.request.config is not None:
            return configuration_for(start, self.request)
        # Not above the work tree: what lies there is the scratch folder's neighbourhood.
        for folder in (start, *start.parents):
            if not folder.is_relative_to(top):
                break
            found = configuration.find(folder)
            if found is not None and found.is_relative_to(top):
                return configuration.load(found)
        return Configuration()


def _words(migration: Migration) -> dict[str, str]:
    """The settings as the report names them; two runs with the same words may go on with each other's results."""
    request = migration.request
    given = {
        "rules": ", ".join(request.select) if request.select else "all",
        "left out": ", ".join((*request.ignore, *request.per_file_ignores)),
        "excluded": ", ".join(request.exclude),
        "unsafe fixes": _flag(request.unsafe_fixes),
        "verified by a training step": _flag(request.verify),
        "only what was proved": _flag(request.require_verified),
        "python": request.python or "",
        "timeout": f"{request.timeout:g} s" if request.timeout else "",
        "keras": request.keras or "",
        "entry": request.entry or "",
        "sandbox": request.sandbox or "",
        "configuration": "none" if request.isolated else str(request.config or "of each repository"),
        "since": migration.since or "",
    }
    return {key: value for key, value in given.items() if value}


def _flag(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _engine(migration: Migration, stack: ExitStack) -> Engine:
    from regrad.migrate.engine import Processes

    if migration.scheduler is None:
        return stack.enter_context(Processes(migration.jobs))
    from regrad.migrate.cluster import Cluster, NoCluster

    try:
        return stack.enter_context(Cluster(migration.scheduler))
    except NoCluster as problem:
        raise Mistake(str(problem)) from None


def _write_plan(
    path: Path, results: list[RepositoryResult], planned: list[PlannedRepository], wanted: Wanted, width: int
) -> None:
    from regrad.migrate import plan

    order = {source.name: number for number, source in enumerate(wanted.sources)}
    failed = [result for result in results if result.name not in {each.name for each in planned}]
    for result in failed:
        print(f"{result.name} is not in the plan: {result.message}", file=sys.stderr)
    try:
        plan.write(path, sorted(planned, key=lambda each: order[each.name]), wanted.words, width)
    except OSError as problem:
        raise Mistake(f"{path}: cannot be written ({problem.strerror}).") from None
