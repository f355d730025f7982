"""From a symptom to its cause: what the message means, where the run lost its gradients, what reading finds there."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regrad.cli import one_step
from regrad.cli.exit_status import ExitStatus, exit_status
from regrad.cli.mistake import Mistake
from regrad.cli.named_files import require_named
from regrad.cli.next_step import next_step
from regrad.cli.settings import TIMEOUT, Request, configuration_for, laid_over
from regrad.repair.symptom import Frame, meaning, read_pasted

if TYPE_CHECKING:
    from regrad.repair.outcome import FileOutcome
    from rich.console import Console

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Complaint:
    """The command line of `diagnose`."""

    subject: str
    unsafe_fixes: bool = False
    verbosity: int = 0
    python: str | None = None
    timeout: float | None = None
    config: Path | None = None
    isolated: bool = False
    arguments: tuple[str, ...] = ()
    module: bool = False
    sandbox: str | None = None

    def request(self) -> Request:
        return Request(
            unsafe_fixes=self.unsafe_fixes or None,
            python=self.python,
            timeout=self.timeout,
            sandbox=self.sandbox,
            config=self.config,
            isolated=self.isolated,
        )


def carry_out(complaint: Complaint) -> ExitStatus:
    if complaint.subject == STANDARD_INPUT:
        return _of_traceback(complaint, sys.stdin.buffer.read().decode("utf-8", "replace"))
    return _of_program(complaint)


def _of_program(complaint: Complaint) -> ExitStatus:
    """Reads the program, runs it, and shows both; what the run saw comes first, for it is what the user saw."""
    from regrad.analysis.source import Unreadable
    from regrad.report.console import styled
    from regrad.report.evidence_table import step_report
    from regrad.report.file_text import show
    from regrad.report.whereabouts import Whereabouts
    from regrad.report.words import soundness_words
    from regrad.verify.evidence import Outcome
    from regrad.verify.faults import sound
    from regrad.verify.verifier import Verifier

    entry = one_step.entry_of(complaint.subject, complaint.arguments, module=complaint.module)
    path = entry.path
    request = complaint.request()
    settings = laid_over(request, configuration_for(Path(path), request))
    require_named(settings)
    try:
        job, program = one_step.job_of(entry, settings.own_data)
    except Unreadable as problem:
        print(f"{problem.path}: {problem.message}", file=sys.stderr)
        return ExitStatus.NOT_ANALYSED
    outcomes = _read(complaint, path)
    with Verifier(settings.python, timeout=settings.timeout or TIMEOUT, sandbox=settings.sandbox or "auto") as verifier:
        step = verifier.step(job)
    console = _console()
    well = sound(step)
    whereabouts = Whereabouts.of(program)
    show(console, styled(f"{path}: {soundness_words(step, well, whereabouts)}", "bold green" if well else "bold red"))
    _say_meaning(console, step.exception or "\n".join(step.warnings))
    for drawn in step_report(step, console, complaint.verbosity, whereabouts):
        show(console, drawn)
    if step.outcome is Outcome.UNAVAILABLE and (way := next_step(step, path)):
        show(console, styled(way))
    if well and not any(outcome.findings for outcome in outcomes):
        show(console, styled("Neither reading nor running it finds a fault.", "bold"))
        return ExitStatus.CLEAN
    _show_findings(complaint, console, outcomes, path)
    return max(ExitStatus.FINDINGS, exit_status(outcomes))


def _of_traceback(complaint: Complaint, text: str) -> ExitStatus:
    from regrad.report.console import styled
    from regrad.report.file_text import show

    pasted = read_pasted(text)
    if pasted.error is None:
        raise Mistake(
            "There is no traceback on standard input.", "For example: python train.py 2>&1 | regrad diagnose -"
        )
    console = _console()
    show(console, styled(pasted.error, "bold red"))
    known = _say_meaning(console, text)
    if not known:
        show(console, styled("  This is no message that lost gradients are known to cause."))
    own = [frame for frame in pasted.own_frames if frame.path and os.path.isfile(frame.path)]
    for frame in pasted.own_frames[-1:]:
        show(console, styled(f"  raised from {_place(frame)}"))
    if not own:
        if known:
            show(console, styled("  The program is not at hand: run regrad check on it.", "bold"))
        return ExitStatus.FINDINGS
    # The program is what was started; the frames below it are files that it imports.
    program = own[0].path
    outcomes = _read(complaint, program)
    _show_findings(complaint, console, outcomes, program)
    return max(ExitStatus.FINDINGS, exit_status(outcomes))


def _read(complaint: Complaint, path: str) -> list[FileOutcome]:
    from regrad.cli.job import Job
    from regrad.cli.work import outcomes_of_targets

    request = complaint.request()
    settings = laid_over(request, configuration_for(Path(path), request))
    return list(outcomes_of_targets(Job((path,), request, fixing=False), settings, [path]))


def _say_meaning(console: Console, text: str) -> bool:
    from regrad.report.console import styled
    from regrad.report.file_text import show

    found = meaning(text)
    if found is None:
        return False
    show(console, styled(f"  {found.words}"))
    pages = ", ".join(code for code in found.codes if _exists(code))
    if pages:
        show(console, styled(f"  Causes to look for (regrad explain CODE): {pages}", "dim"))
    return True


def _exists(code: str) -> bool:
    from regrad.codemods.engine.registry import rules

    return any(rule.code == code for rule in rules())


def _show_findings(complaint: Complaint, console: Console, outcomes: list[FileOutcome], path: str) -> None:
    from regrad.report.console import styled
    from regrad.report.file_text import file_report, show, show_closing
    from regrad.report.formats import Presentation
    from regrad.report.summary import closing_parts, summarise

    unsafe = ("--unsafe-fixes",) if complaint.unsafe_fixes else ()
    presentation = Presentation(targets=(path,), verbosity=complaint.verbosity, options=unsafe)
    show(console, styled(""))
    for outcome in outcomes:
        for drawn in file_report(outcome, console, presentation):
            show(console, drawn)
    summary = summarise(outcomes)
    if summary.findings or summary.not_analysed:
        closing = closing_parts(summary, presentation)
    else:
        closing = [f"Reading finds no cause in {shlex.quote(path)}", "the lines above are what the run showed."]
        if complaint.subject == STANDARD_INPUT:
            closing = ["Reading finds no cause", f"run one training step with: regrad diagnose {shlex.quote(path)}"]
    show_closing(console, closing)


def _console() -> Console:
    from regrad.report.console import make_console
    from regrad.report.formats import Presentation

    return make_console(sys.stdout, Presentation())


def _place(frame: Frame) -> str:
    return f"cell [{frame.cell}], line {frame.line}" if frame.cell is not None else f"{frame.path}:{frame.line}"
