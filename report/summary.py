"""Counts what a run found and mended, and says in one line what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regrad.codemods.engine.rule import Safety
from regrad.repair.leave import is_fixable, needs_unsafe
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.report.formats import Presentation

if TYPE_CHECKING:
    from regrad.verify.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a whole run. `fixable` and what follows count findings, not files."""

    files: int = 0
    findings: int = 0
    fixable: int = 0
    """Findings with a mending that regrad can write, unsafe ones included."""
    fixable_unsafe: int = 0
    """Of these, the ones that wait for `--unsafe-fixes`."""
    ambiguous: int = 0
    left: int = 0
    """Findings that could be mended at once and were not, since the user did not want it."""
    fixed: int = 0
    fixed_unsafe: int = 0
    verified: int = 0
    withdrawn: int = 0
    not_analysed: int = 0
    skipped: int = 0
    changed: int = 0

    def plus(self, outcome: FileOutcome) -> Summary:
        findings = outcome.findings
        fixed = [each for each in findings if each.decision is Decision.APPLIED]
        return Summary(
            files=self.files + 1,
            findings=self.findings + len(findings),
            fixable=self.fixable + sum(is_fixable(each) for each in findings),
            fixable_unsafe=self.fixable_unsafe + sum(needs_unsafe(each) for each in findings),
            ambiguous=self.ambiguous + sum(each.decision is Decision.AMBIGUOUS for each in findings),
            left=self.left + sum(_is_left(each) for each in findings),
            fixed=self.fixed + len(fixed),
            fixed_unsafe=self.fixed_unsafe
            + sum(bool(each.applied and each.applied.safety is Safety.UNSAFE) for each in fixed),
            verified=self.verified + sum(is_proved(outcome, each) for each in fixed),
            withdrawn=self.withdrawn + sum(each.decision is Decision.WITHDRAWN for each in findings),
            not_analysed=self.not_analysed + (outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE)),
            skipped=self.skipped + (outcome.status is Status.SKIPPED),
            changed=self.changed + outcome.changed,
        )


def summarise(outcomes: Iterable[FileOutcome]) -> Summary:
    total = Summary()
    for outcome in outcomes:
        total = total.plus(outcome)
    return total


def _is_left(finding: FindingOutcome) -> bool:
    return finding.decision is Decision.REPORTED and is_fixable(finding) and not needs_unsafe(finding)


def proof_of(outcome: FileOutcome, finding: FindingOutcome) -> Evidence | None:
    return finding.evidence or outcome.evidence


def is_proved(outcome: FileOutcome, finding: FindingOutcome) -> bool:
    proof = proof_of(outcome, finding)
    return finding.decision is Decision.APPLIED and proof is not None and proof.mended


def count(number: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


UNSAFE = "--unsafe-fixes"


def closing_parts(summary: Summary, presentation: Presentation) -> list[str]:
    """What was found, what can be mended, and the command for it: at the end of a part, behind a colon."""
    parts = [_found(summary)]
    where = " ".join(shlex.quote(word) for word in (*presentation.options, *(presentation.targets or (".",))))
    if presentation.fixing:
        parts += _after_fixing(summary, presentation.preview, where)
    else:
        parts += _after_checking(summary, where)
    if summary.not_analysed:
        parts.append(f"{count(summary.not_analysed, 'file')} could not be analysed")
    return parts


def _found(summary: Summary) -> str:
    read = summary.files - summary.not_analysed - summary.skipped
    if not summary.findings:
        return f"No findings in {count(read, 'file')}" if read else "No findings"
    return count(summary.findings, "finding")


def _after_checking(summary: Summary, where: str) -> list[str]:
    if not summary.findings:
        return []
    safe = summary.fixable - summary.fixable_unsafe
    parts = []
    if UNSAFE in where.split() and summary.fixable:
        parts.append(f"{summary.fixable} can be mended: regrad fix --diff {where}")
    elif safe:
        parts.append(f"{safe} can be mended: regrad fix --diff {where}")
        if summary.fixable_unsafe:
            parts.append(f"{summary.fixable_unsafe} more with --unsafe-fixes")
    elif summary.fixable_unsafe:
        parts.append(f"{summary.fixable_unsafe} can be mended: regrad fix --diff --unsafe-fixes {where}")
    else:
        parts.append("none can be mended by a command; see what each finding says")
    return parts


def _after_fixing(summary: Summary, preview: bool, where: str) -> list[str]:
    if not summary.findings:
        return []
    parts = []
    if summary.fixed:
        word = "would be mended" if preview else "mended"
        proved = f" ({summary.verified or 'none'} proved by a training step)"
        parts.append(f"{summary.fixed} {word}{proved}")
        if preview:
            unsafe = "--unsafe-fixes " if summary.fixed_unsafe else ""
            parts.append(f"write it with: regrad fix {unsafe}{where}")
    if summary.withdrawn:
        parts.append(f"{summary.withdrawn} withdrawn, not confirmed by the training step")
    if summary.fixable_unsafe:
        more = "more " if summary.fixed else ""
        parts.append(f"{summary.fixable_unsafe} {more}with --unsafe-fixes")
    if summary.ambiguous:
        parts.append(f"{summary.ambiguous} with several possible mendings: --verify decides")
    if summary.left:
        parts.append(f"{summary.left} left")
    told = summary.fixed + summary.withdrawn + summary.fixable_unsafe + summary.ambiguous + summary.left
    rest = summary.findings - told
    if rest > 0:
        parts.append(f"{rest} for you to mend")
    return parts
