"""One file on the page: its findings, the change to it and what a training step proved."""

from __future__ import annotations

from collections.abc import Iterator

from regrad.analysis.source import SourceFile, Unreadable
from regrad.codemods.engine.edits import apply
from regrad.codemods.engine.rule import Safety
from regrad.migrate.results import FileResult
from regrad.repair.outcome import FindingOutcome
from regrad.report.diff_lines import diff_lines, program_diff
from regrad.report.fate import WORDS, Fate, fate_of
from regrad.report.page_element import Child, Element, element, isolated, kept, prose, told
from regrad.report.page_proof import proof
from regrad.report.program import place, program_of
from regrad.report.whereabouts import Whereabouts, whereabouts_of
from regrad.verify.evidence import Verdict

_UNREAD = "unread"
"""The fate, for the page's filter, of a file of which there is only a message."""


def file_block(file: FileResult) -> Element:
    outcome = file.outcome
    program = program_of(outcome)
    notebook = program if program is not None and program.notebook else None
    findings = [_finding(file, each, program, notebook) for each in outcome.findings]
    message = None
    if outcome.message:
        status = outcome.status.value.replace("-", " ")
        message = element("p", element("strong", status, class_="fate unread"), " ", *prose(outcome.message))
    return element(
        "article",
        element("h4", isolated(file.path)),
        message,
        element("ul", *findings, class_="findings") if findings else None,
        _change(file, notebook),
        data_fate=None if findings else _UNREAD,
    )


def _finding(
    file: FileResult, outcome: FindingOutcome, program: SourceFile | None, notebook: SourceFile | None
) -> Element:
    finding = outcome.finding
    fate = fate_of(file.outcome, outcome)
    cell, start = place(finding.location.span.start, notebook)
    where = f"line {start.line}" if cell is None else f"cell {cell}, line {start.line}"
    return element(
        "li",
        element(
            "p",
            element("span", where, class_="place"),
            " ",
            element("span", told(finding.code), class_="code"),
            f" {told(finding.name)} ",
            element("span", WORDS[fate], class_=f"fate {fate.value}"),
            class_="heading",
        ),
        element("p", *prose(finding.message)),
        *(element("p", *prose(line), class_="note") for line in _notes(file.path, outcome, notebook)),
        _suggestion(outcome),
        _tried(file, outcome, fate, program),
        data_rule=told(finding.code),
        data_fate=fate.value,
    )


def _notes(path: str, outcome: FindingOutcome, notebook: SourceFile | None) -> Iterator[str]:
    for each in outcome.finding.related:
        where = Whereabouts(path, notebook).line(each.location.path, each.location.span.start.line)
        yield f"{where}: {each.message}"
    mending = outcome.applied or (outcome.mendings[0] if outcome.mendings else None)
    if mending is not None:
        words = {Safety.SAFE: "safe", Safety.UNSAFE: "changes what the program means"}.get(
            mending.safety, "for you to do"
        )
        yield f"{'Mended' if outcome.applied else 'Mending'}: {mending.title} ({words})"
    if outcome.withheld is not None:
        yield f"No mending: {outcome.withheld.reason}"
    if outcome.reason:
        yield outcome.reason


def _suggestion(outcome: FindingOutcome) -> Element | None:
    if outcome.withheld is None or not outcome.withheld.suggestion:
        return None
    return element("pre", kept(outcome.withheld.suggestion), class_="source")


def _tried(file: FileResult, outcome: FindingOutcome, fate: Fate, program: SourceFile | None) -> Element | None:
    """The change that a mending would make, or did make before it was withdrawn, and its own training step."""
    lines = [] if outcome.applied else _proposed(file, outcome, program)
    evidence = outcome.evidence if outcome.evidence != file.outcome.evidence else None
    if not lines and evidence is None:
        return None
    words = (
        "What was tried" if fate is Fate.WITHDRAWN else "The change that is proposed" if lines else "What was proved"
    )
    return _details(
        words,
        lines,
        proof(evidence, file.through, *whereabouts_of(file.outcome)) if evidence else None,
        evidence.verdict.value if evidence else "",
    )


def _proposed(file: FileResult, outcome: FindingOutcome, program: SourceFile | None) -> list[str]:
    # Places count in the text that was read, which is no longer there when other mendings have changed the file.
    if program is None or file.outcome.changed:
        return []
    mending = next((each for each in outcome.mendings if each.safety is not Safety.DISPLAY_ONLY), None)
    if mending is None:
        return []
    try:
        return program_diff(program, program.edited(apply(program, mending.edits)), f"a/{file.path}", f"b/{file.path}")
    except (ValueError, IndexError, Unreadable):
        return []


def _change(file: FileResult, notebook: SourceFile | None) -> Element | None:
    outcome = file.outcome
    lines: list[str] = []
    if outcome.changed:
        lines = diff_lines(outcome) if notebook else [line.removesuffix("\r") for line in file.diff.split("\n") if line]
    evidence = outcome.evidence
    if not lines and evidence is None:
        return None
    shown: Element | None = None
    if evidence is not None:
        shown = proof(evidence, file.through, *whereabouts_of(file.outcome))
    said_already = evidence is not None and evidence.verdict is Verdict.NOT_VERIFIABLE
    if file.unverified is not None and lines and not said_already:
        why = element("p", element("strong", "not verified", class_="verdict"), " ", *prose(file.unverified))
        shown = element("div", why, shown)
    verdict = evidence.verdict.value if evidence else "not verified"
    return _details("The change" if lines else "The training step", lines, shown, verdict)


def _details(words: str, lines: list[str], shown: Child, verdict: str) -> Element:
    added = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("--- ") for line in lines)
    size = element("span", f"+{added} \N{MINUS SIGN}{removed}", class_="size") if lines else None
    verdict_shown = (
        element("span", verdict.replace("-", " "), class_=f"verdict {verdict.replace(' ', '-')}") if verdict else None
    )
    return element(
        "details",
        element("summary", words, " ", size, " ", verdict_shown),
        # Where scripts run, this is one piece of text to a browser, which the page's script unfolds when it is opened:
        # thousands of diffs and tables would make the page slow. Without scripts it is simply there.
        element("noscript", element("pre", "\n".join(map(kept, lines)), class_="diff") if lines else None, shown),
    )
