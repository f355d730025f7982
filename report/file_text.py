"""One file for people: its findings in their source, the diff, and what the training step showed."""

from __future__ import annotations

from collections.abc import Sequence

from regrad.analysis.source import SourceFile
from regrad.codemods.engine.rule import Mending, Safety
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.report.concise import mark
from regrad.report.console import clean, glyphs, styled
from regrad.report.diff_lines import diff_lines
from regrad.report.evidence_table import evidence_report
from regrad.report.excerpt import Mark, excerpt
from regrad.report.formats import Presentation
from regrad.report.program import fault_text, place_text, program_of
from regrad.report.whereabouts import whereabouts_of
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

_SAFETY = {
    Safety.SAFE: ("safe", "green"),
    Safety.UNSAFE: ("unsafe: --unsafe-fixes", "yellow"),
    Safety.DISPLAY_ONLY: ("by hand", "cyan"),
}


def show(console: Console, drawn: RenderableType) -> None:
    """Sentences wrap at the terminal's edge; source and diff lines carry `no_wrap` and are cut there."""
    if isinstance(drawn, Text) and drawn.no_wrap and not console.soft_wrap:
        console.print(drawn, no_wrap=True, overflow="ellipsis", crop=True)
    elif isinstance(drawn, Text) and not console.soft_wrap:
        # What wraps stays under its own beginning.
        indentation = len(drawn.plain) - len(drawn.plain.lstrip(" "))
        for line in drawn[indentation:].wrap(console, console.width - indentation) or [Text("")]:
            line.rstrip()
            console.print(Text(" " * indentation) + line, soft_wrap=True)
    elif isinstance(drawn, Text):
        console.print(drawn)
    else:
        console.print(drawn, soft_wrap=False)


def show_closing(console: Console, parts: Sequence[str]) -> None:
    """The last words. A command in them is never broken: it is there to be copied."""
    whole = "; ".join(parts)
    if console.soft_wrap or cell_len(whole) <= console.width:
        show(console, styled(whole, "bold"))
        return
    waiting: list[str] = []
    for part in parts:
        words, colon, command = part.partition(": regrad ")
        waiting.append(words + ":" if colon else part)
        if colon:
            show(console, styled("; ".join(waiting), "bold"))
            # The terminal itself goes on in the next line, and copies it as one.
            console.print(styled(f"regrad {command}", "bold"), soft_wrap=True)
            waiting = []
    if waiting:
        show(console, styled("; ".join(waiting), "bold"))


def file_report(outcome: FileOutcome, console: Console, presentation: Presentation) -> list[RenderableType]:
    """One file, ready to print; nothing at all for a file without findings, unless `-v`."""
    if outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE):
        return [_unread(outcome), Text("")]
    if outcome.status is Status.SKIPPED:
        skipped = f"{outcome.path}: skipped: {outcome.message or 'nothing to analyse'}"
        return [styled(skipped, "dim")] if presentation.verbosity > 0 else []
    if not outcome.findings and not outcome.changed and not outcome.message:
        return [styled(f"{outcome.path}: no findings", "dim")] if presentation.verbosity > 0 else []
    program = program_of(outcome)
    drawn: list[RenderableType] = []
    if outcome.message:
        drawn += [styled(f"{outcome.path}: {outcome.message}", "yellow"), Text("")]
    for finding in outcome.findings:
        drawn += _finding(outcome, finding, program, console, presentation)
    if presentation.fixing and outcome.changed and not presentation.diff_apart:
        drawn += [*_diff(outcome, console), Text("")]
    if outcome.evidence is not None:
        if presentation.verbosity >= 0:
            drawn += evidence_report(outcome.evidence, console, presentation.verbosity, *whereabouts_of(outcome))
        drawn.append(Text(""))
    if presentation.fixing and outcome.written:
        drawn += [styled(f"{outcome.path}: rewritten", "green"), Text("")]
    return drawn


def _unread(outcome: FileOutcome) -> Text:
    message = outcome.message or "could not be read"
    text = styled(fault_text(outcome), "bold")
    return text.append(f": {outcome.status.value}: ", style="bold red").append(clean(message))


def _finding(
    file: FileOutcome,
    outcome: FindingOutcome,
    program: SourceFile | None,
    console: Console,
    presentation: Presentation,
) -> list[RenderableType]:
    finding = outcome.finding
    notebook = program if program is not None and program.notebook else None
    path = finding.location.path or file.path
    heading = styled(place_text(path, finding.location.span.start, notebook), "bold")
    heading.append(f" {clean(finding.code)}", style="bold red").append(f" {clean(finding.name)}", style="red")
    if presentation.verbosity < 0:
        heading.append(mark(outcome, presentation.preview), style="dim")
    drawn: list[RenderableType] = [heading, styled(f"  {finding.message}")]
    if presentation.verbosity < 0:
        return drawn
    same_file = program is not None and path == file.path
    if program is not None and same_file:
        marks = [Mark(finding.location.span)]
        marks += [
            Mark(each.location.span, each.message, primary=False)
            for each in finding.related
            if each.location.path in ("", file.path)
        ]
        drawn += [_kept_whole(line) for line in excerpt(program, marks, glyphs(console), console.width)]
    for each in finding.related:
        if not same_file or each.location.path not in ("", file.path):
            where = place_text(each.location.path or file.path, each.location.span.start, None)
            drawn.append(styled(f"  {where}: {each.message}", "cyan"))
    drawn += _mending(outcome, file.written)
    if outcome.evidence is not None and outcome.evidence != file.evidence:
        drawn += evidence_report(outcome.evidence, console, presentation.verbosity, *whereabouts_of(file))
    drawn.append(Text(""))
    return drawn


def _mending(outcome: FindingOutcome, written: bool) -> list[RenderableType]:
    """What was, would be or cannot be done about a finding."""
    drawn: list[RenderableType] = []
    if outcome.decision is Decision.APPLIED:
        words = outcome.applied.title if outcome.applied else outcome.reason or ""
        drawn.append(_labelled("mended" if written else "fix", words, "bold green"))
        if outcome.applied and outcome.reason and outcome.evidence is None:
            drawn.append(_labelled("note", outcome.reason, "yellow"))
        return drawn
    if outcome.decision is Decision.WITHDRAWN:
        drawn.append(_labelled("withdrawn", outcome.reason or "the training step did not confirm it", "bold red"))
        return drawn
    if outcome.mendings:
        drawn += [_offer(mending, number, len(outcome.mendings)) for number, mending in enumerate(outcome.mendings, 1)]
    if outcome.withheld is not None:
        drawn.append(_labelled("no automatic mending", outcome.withheld.reason, "cyan"))
        drawn += [styled(f"      {line}", "cyan") for line in outcome.withheld.suggestion.splitlines()]
    if outcome.reason:
        drawn.append(_labelled("because", outcome.reason, "dim"))
    return drawn


def _offer(mending: Mending, number: int, total: int) -> Text:
    words, style = _SAFETY[mending.safety]
    label = "fix" if total == 1 else f"fix {number} of {total}"
    text = _labelled(f"{label} ({words})", mending.title, style)
    if mending.reason:
        text.append(f" ({clean(mending.reason)})", style="dim")
    return text


def _labelled(label: str, words: str, style: str) -> Text:
    return Text("  ").append(f"{label}: ", style=style).append(clean(words))


def _diff(outcome: FileOutcome, console: Console) -> list[Text]:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    drawn = []
    for line in diff_lines(outcome):
        style = "bold" if line.startswith(("--- ", "+++ ", "diff ")) else styles.get(line[:1], "")
        text = styled(line, style)
        # A change must be seen to its end, so what is too long goes on in the next line.
        pieces = [text] if console.soft_wrap else folded(text, console.width)
        drawn += [_kept_whole(piece) for piece in pieces]
    return drawn


def folded(text: Text, width: int) -> list[Text]:
    """The text cut into pieces that fit."""
    ends: list[int] = []
    used = 0
    for index, character in enumerate(text.plain):
        used += cell_len(character)
        if used > width:
            ends.append(index)
            used = cell_len(character)
    return list(text.divide(ends))


def _kept_whole(text: Text) -> Text:
    text.no_wrap = True
    return text
