"""The text of a pull request: what was mended in a repository and why, and the gradients before and after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from regrad.migrate.results import FileResult, RepositoryResult, Results, State, Totals, read_results
from regrad.repair.outcome import Decision
from regrad.report.summary import count
from regrad.report.whereabouts import NOWHERE, Whereabouts, whereabouts_of
from regrad.report.words import data_words, ending_words, gradient_words, loss_words, verdict_words
from regrad.verify.evidence import Evidence, Gradient, StepReport, VariableReport

MOST_FILES = 60
"""A pull request may hold some 65,000 characters; the report has the rest."""
MOST_VARIABLES = 12
LONGEST = 60_000


def write(folder: Path, result: RepositoryResult) -> RepositoryResult:
    """Writes the text beside the patch; gives the result with its place."""
    if result.state is not State.DONE or not result.totals.changed:
        return result
    place = folder / "pull-requests" / f"{result.name}.md"
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.new")
    temporary.write_text(text(result, read_results(folder)), encoding="utf-8", errors="replace")
    os.replace(temporary, place)
    return replace(result, pull_request=place.relative_to(folder).as_posix())


def title(result: RepositoryResult) -> str:
    """The first line: what `gh pr create --title` takes."""
    return f"Let gradients flow: mend {count(result.totals.mended, 'training fault')}"


def text(result: RepositoryResult, results: Results) -> str:
    """The whole text, in Markdown."""
    parts = [f"# {title(result)}\n", _introduction(result)]
    changed = (each for each in results.files(result.name) if each.outcome.changed)
    length = sum(map(len, parts))
    for shown, file in enumerate(changed):
        section = "\n".join(_file(file)) + "\n"
        if shown >= MOST_FILES or length + len(section) > LONGEST:
            parts.append(f"… and {result.totals.changed - shown} more files, in the report.\n")
            break
        parts.append(section)
        length += len(section)
    return "\n".join(parts)


def _introduction(result: RepositoryResult) -> str:
    totals = result.totals
    mends = "mends it" if totals.mended == totals.findings == 1 else f"mends {totals.mended} of them"
    return (
        f"regrad found {count(totals.findings, 'place')} where the loss sends no gradient to variables, or trains on"
        f" the wrong thing, and {mends} in {count(totals.changed, 'file')}. {_proved(totals)}\n"
    )


def _proved(totals: Totals) -> str:
    if totals.verified == totals.mended:
        return "A training step was run before and after each change; the tables show what every variable received."
    by_a_step = "proved by one training step before and one after"
    if not totals.verified:
        which = "This change was not" if totals.mended == 1 else "None of these changes was"
        return f"{which} {by_a_step}; below stands why."
    were = "was" if totals.verified == 1 else "were"
    return f"{totals.verified} of these changes {were} {by_a_step}; the others say why not."


def _file(file: FileResult) -> Iterator[str]:
    yield f"## {_code(file.path)}\n"
    earlier, later = whereabouts_of(file.outcome)
    for each in file.outcome.findings:
        if each.decision is not Decision.APPLIED:
            continue
        finding = each.finding
        where = earlier.line(finding.location.path, finding.location.span.start.line)
        yield f"- **{finding.code} {finding.name}** ({where}): {_plain(finding.message)}"
        if each.applied is not None:
            yield f"  - Mended: {_plain(each.applied.title)} ({each.applied.safety.value})"
        if each.reason:
            yield f"  - {_plain(each.reason)}"
    yield ""
    evidence = file.outcome.evidence
    if file.unverified is not None or evidence is None:
        yield f"Not verified: {_plain(file.unverified or 'nothing was run').rstrip('.')}.\n"
        return
    through = f" One training step of {_code(file.through)}." if file.through else ""
    yield f"{_plain(verdict_words(evidence, earlier, later)).rstrip('.')}.{through}\n"
    yield from table(evidence, earlier)


def table(evidence: Evidence, earlier: Whereabouts = NOWHERE) -> Iterator[str]:
    """The variables before and after, those that were dead first."""
    before = {each.name: each for each in evidence.before.variables}
    rows = list(evidence.after.variables) or list(evidence.before.variables)
    rows.sort(key=lambda each: _flows(before.get(each.name)))
    if rows:
        yield "| variable | gradient before | gradient after | changed |"
        yield "|---|---|---|---|"
    after = {each.name: each for each in evidence.after.variables}
    for each in rows[:MOST_VARIABLES]:
        first, last = before.get(each.name), after.get(each.name)
        changed = f"{_changed(first)} → {_changed(last)}"
        yield f"| {_code(each.name)} | {gradient_words(first)} | {gradient_words(last)} | {changed} |"
    if len(rows) > MOST_VARIABLES:
        yield f"\n… and {len(rows) - MOST_VARIABLES} more variables."
    yield ""
    if evidence.before.exception:
        yield f"Before: {_code(ending_words(evidence.before, earlier))}\n"
    yield f"Loss: {_loss(evidence.before)} → {_loss(evidence.after)}"
    words = data_words(evidence.after.data or evidence.before.data, evidence.after.supplied)
    yield f"\n{_plain(words)}\n" if words else ""


def _flows(variable: VariableReport | None) -> bool:
    return variable is not None and variable.gradient is Gradient.FLOWS


def _changed(variable: VariableReport | None) -> str:
    return "-" if variable is None else "yes" if variable.changed else "no"


def _loss(step: StepReport) -> str:
    return loss_words(step.loss)


_ESCAPED = {**{ord(each): "\\" + each for each in "\\*_[]|"}, **{ord(each): f"&#{ord(each)};" for each in "<>@#"}}


def _plain(text: str) -> str:
    """A text of ours that quotes the program, as one line of Markdown that mentions nobody and links to nothing."""
    pieces = " ".join(text.split()).split("`")
    if len(pieces) % 2 == 0:
        return "'".join(pieces).translate(_ESCAPED)
    return "".join(_code(each) if number % 2 else each.translate(_ESCAPED) for number, each in enumerate(pieces))


def _code(text: str) -> str:
    line = " ".join(text.split()).replace("`", "'").replace("|", "¦")
    return f"`{line}`"
