"""One training step of one program, or of two versions of it: runs it, judges it, and has it shown."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from regrad.cli.exit_status import ExitStatus
from regrad.cli.mistake import Mistake
from regrad.cli.named_files import near_files, require_file, require_named
from regrad.cli.next_step import next_step
from regrad.cli.settings import TIMEOUT, Request, configuration_for, laid_over

if TYPE_CHECKING:
    from regrad.analysis.source import SourceFile
    from regrad.verify.evidence import Evidence, StepReport
    from regrad.verify.job import Entry, Job


@dataclass(frozen=True, slots=True)
class StepRequest:
    path: str
    against: str | None = None
    as_json: bool = False
    verbosity: int = 0
    python: str | None = None
    timeout: float | None = None
    config: Path | None = None
    isolated: bool = False
    arguments: tuple[str, ...] = ()
    module: bool = False
    sandbox: str | None = None


def carry_out(request: StepRequest) -> ExitStatus:
    from regrad.analysis.source import Unreadable
    from regrad.verify.faults import sound
    from regrad.verify.verifier import Verifier

    entry = entry_of(request.path, request.arguments, module=request.module)
    before = None if request.against is None else entry_of(request.against, request.arguments, module=False)
    asked = Request(
        python=request.python,
        timeout=request.timeout,
        sandbox=request.sandbox,
        config=request.config,
        isolated=request.isolated,
    )
    settings = laid_over(asked, configuration_for(Path(entry.path), asked))
    require_named(settings)
    try:
        job, program = job_of(entry, settings.own_data)
        earlier, old = (None, program) if before is None else job_of(before, settings.own_data)
    except Unreadable as problem:
        print(f"{problem.path}: {problem.message}", file=sys.stderr)
        return ExitStatus.NOT_ANALYSED
    with Verifier(settings.python, timeout=settings.timeout or TIMEOUT, sandbox=settings.sandbox or "auto") as verifier:
        if earlier is None:
            step = verifier.step(job)
            _show_step(request, step, program)
            return ExitStatus.CLEAN if sound(step) else ExitStatus.FINDINGS
        evidence = verifier.compare(earlier, job, same_loss=False)
    _show_evidence(request, evidence, old, program)
    return ExitStatus.CLEAN if _is_mended(evidence) else ExitStatus.FINDINGS


def _is_mended(evidence: Evidence) -> bool:
    from regrad.verify.evidence import Verdict
    from regrad.verify.faults import sound

    return evidence.verdict is Verdict.MENDED or (evidence.verdict is Verdict.WAS_NOT_BROKEN and sound(evidence.after))


def entry_of(text: str, arguments: tuple[str, ...], *, module: bool) -> Entry:
    """The program that is named: a file, a module after `-m`, or a function in one of them."""
    import shlex

    from regrad.verify.job import Entry, NoEntry
    from regrad.verify.job import entry_of as read

    if not module and os.path.exists(text):
        entry = Entry(text)
    else:
        try:
            entry = read(f"-m {shlex.quote(text)}" if module else shlex.quote(text))
        except NoEntry as problem:
            raise Mistake(f"{text}: no such program; {problem}.", near_files(text)) from None
    require_file(entry.path)
    return replace(entry, arguments=arguments)


def job_of(entry: Entry, data: tuple[tuple[str, str], ...] = ()) -> tuple[Job, SourceFile]:
    from regrad.analysis import source
    from regrad.repair.survey import passed_over

    path = entry.path
    program = source.load(path)
    source.parse(program)
    for told in passed_over(program)[0]:
        print(f"{path}: {told}", file=sys.stderr)
    # The worker runs Python, so a notebook goes to it as its program.
    overrides = {os.path.realpath(path): program.text} if program.notebook else {}
    return entry.job(overrides, dict(data)), program


def _show_step(request: StepRequest, step: StepReport, program: SourceFile) -> None:
    from regrad.report.whereabouts import Whereabouts
    from regrad.verify.faults import sound

    whereabouts = Whereabouts.of(program)
    if request.as_json:
        import json

        from regrad.report.json import VERSION, step_object

        document = {"version": VERSION, "path": request.path, "sound": sound(step)}
        print(json.dumps({**document, "step": step_object(step, whereabouts)}, indent=2))
        return
    from regrad.report.console import make_console, styled
    from regrad.report.evidence_table import step_report
    from regrad.report.file_text import show, show_closing
    from regrad.report.formats import Presentation
    from regrad.report.words import soundness_words

    well = sound(step)
    console = make_console(sys.stdout, Presentation())
    show(
        console,
        styled(f"{request.path}: {soundness_words(step, well, whereabouts)}", "bold green" if well else "bold red"),
    )
    if request.verbosity >= 0:
        for drawn in step_report(step, console, request.verbosity, whereabouts):
            show(console, drawn)
    way = None if well or request.verbosity < 0 else next_step(step, program.path)
    if way is not None:
        show_closing(console, [way])


def _show_evidence(request: StepRequest, evidence: Evidence, old: SourceFile, new: SourceFile) -> None:
    from regrad.report.whereabouts import Whereabouts

    told = Whereabouts.of(old), Whereabouts.of(new)
    if request.as_json:
        import json

        from regrad.report.json import VERSION, evidence_object

        document = {"version": VERSION, "path": request.path, "against": request.against}
        print(json.dumps({**document, "verification": evidence_object(evidence, *told)}, indent=2))
        return
    from regrad.report.console import make_console, styled
    from regrad.report.evidence_table import evidence_report
    from regrad.report.file_text import show
    from regrad.report.formats import Presentation

    console = make_console(sys.stdout, Presentation())
    show(console, styled(f"{request.against} (before) and {request.path} (after)", "bold"))
    for drawn in evidence_report(evidence, console, request.verbosity, *told):
        show(console, drawn)
