"""Hands the files to `repair` as the settings say, and gets back what became of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from regrad.cli.mistake import Mistake
from regrad.cli.named_files import near_files, require_named
from regrad.cli.settings import TIMEOUT

if TYPE_CHECKING:
    from regrad.cli.configuration import Configuration
    from regrad.cli.job import Job
    from regrad.repair.options import Options
    from regrad.repair.outcome import FileOutcome

NAMELESS = "stdin.py"
"""What standard input is called where nobody names it."""


def outcomes_of_targets(job: Job, settings: Configuration, paths: Sequence[str]) -> Iterator[FileOutcome]:
    from regrad.repair import session

    options = options_of(job, settings)
    if job.fixing:
        outcomes = session.fix(paths, options, write=not job.preview and not job.interactive)
    else:
        outcomes = session.check(paths, options)
    named = {os.path.normpath(path) for path in paths if os.path.isfile(path)}
    return (_read_through(outcome) if outcome.path in named else outcome for outcome in outcomes)


def outcomes_of_standard_input(job: Job, settings: Configuration, content: bytes) -> Iterator[FileOutcome]:
    from regrad.repair import session

    options = options_of(job, settings)
    name = job.stdin_filename or NAMELESS
    if not job.fixing:
        outcomes = session.check([name], options, contents={name: content})
    else:
        outcomes = session.fix([name], options, write=False, contents={name: content})
    return (_read_through(outcome, content) for outcome in outcomes)


def _read_through(outcome: FileOutcome, content: bytes | None = None) -> FileOutcome:
    """A file that was named gets an answer even where it mentions no TensorFlow and was therefore not parsed."""
    from regrad.analysis import source
    from regrad.repair.outcome import Status
    from regrad.repair.survey import fault_of, passed_over

    parsed = outcome.before is not None if content is None else source.relevant(content)
    if outcome.status is not Status.OK or parsed:
        return outcome
    try:
        content = source.read(outcome.path) if content is None else content
        read = source.decode(outcome.path, content)
        source.parse(read)
        told, fault = passed_over(read)
        return replace(outcome, message="; ".join(told) or outcome.message, fault=fault)
    except source.SyntaxProblem as problem:
        fault = fault_of(problem, content or b"")
        return replace(outcome, status=Status.SYNTAX_ERROR, message=problem.message, fault=fault)
    except source.Unreadable as problem:
        return replace(outcome, status=Status.UNREADABLE, message=problem.message)


def options_of(job: Job, settings: Configuration) -> Options:
    from regrad.repair.options import Options

    if settings.select is not None and not any(map(str.strip, settings.select)):
        where = "--select" if job.request.select is not None else f"{settings.path}: `select` in [tool.regrad]"
        raise Mistake(f"{where} names no rule.", "Name some, as in RG1,RG401, or leave it out for all of them.")
    for given in (settings.select or (), settings.ignore, *(codes for _, codes in settings.per_file_ignores)):
        _require_known(given)
    if job.fixing and settings.require_verified and settings.verify is False:
        raise Mistake(
            "--require-verified wants a proof and --no-verify allows none (one of them may stand in the settings).",
            "Leave one of them out, or say --no-require-verified.",
        )
    return Options(
        select=settings.select,
        ignore=settings.ignore,
        per_file_ignores=settings.per_file_ignores,
        exclude=settings.exclude,
        force_exclude=bool(settings.force_exclude),
        respect_gitignore=settings.respect_gitignore is not False,
        root=str(settings.root),
        unsafe_fixes=bool(settings.unsafe_fixes),
        verify=job.fixing and settings.verify is not False,
        require_verified=bool(settings.require_verified),
        python=settings.python,
        timeout=settings.timeout or TIMEOUT,
        keras=settings.keras,
        entry=settings.entry,
        entry_folder=_entry_folder(job, settings),
        through_entry=settings.entry is not None,
        sandbox=settings.sandbox or "auto",
        data=settings.own_data,
        jobs=job.jobs,
    )


def require_what_is_named(job: Job, settings: Configuration) -> None:
    """What is not there is the user's to correct, and is said before anything is read or written."""
    if job.fixing and settings.verify is not False:
        require_named(settings)
    if settings.entry is None:
        return
    from regrad.verify.job import NoEntry, entry_of

    named = job.request.entry is not None
    where = f"--entry {settings.entry}" if named else f"{settings.path}: `entry` ({settings.entry}) in [tool.regrad]"
    try:
        path = entry_of(settings.entry, _entry_folder(job, settings)).path
    except (NoEntry, ValueError) as problem:
        raise Mistake(f"{where}: no such entry; {problem}.") from None
    if not os.path.isfile(path):
        raise Mistake(f"{where}: no such entry; there is no file {path}.", near_files(path))


def _entry_folder(job: Job, settings: Configuration) -> str:
    """An entry of the settings is meant from where the settings lie, as all their paths are."""
    if job.request.entry is not None or settings.path is None:
        return "."
    return os.path.relpath(settings.root)


def _require_known(patterns: Sequence[str]) -> None:
    from regrad.codemods.engine.registry import UnknownRule, require_known

    try:
        require_known(patterns)
    except UnknownRule as unknown:
        hint = f"Did you mean {' or '.join(unknown.suggestions)}?" if unknown.suggestions else ""
        raise Mistake(f"There is no rule {unknown.text}.", hint or "`regrad rules` lists them all.") from None
