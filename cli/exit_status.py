"""The exit statuses of DESIGN §4: what a script learns from `$?`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.repair.outcome import FileOutcome


class ExitStatus(IntEnum):
    """In rising order, since the highest that applies is returned."""

    CLEAN = 0
    """Nothing to report, or all mended."""
    FINDINGS = 1
    """Findings remain, or `--diff` would change something."""
    ERROR = 2
    """Usage, configuration or internal error."""
    NOT_ANALYSED = 3
    """Some target could not be analysed, or a cell of it: syntax, encoding."""
    WITHDRAWN = 4
    """A fix was withdrawn, or `--require-verified` could not be met."""


def exit_status(
    outcomes: Iterable[FileOutcome], *, preview: bool = False, require_verified: bool = False
) -> ExitStatus:
    """The highest status that any of the outcomes asks for; `preview` is `--diff`."""
    return max((_of_file(outcome, preview, require_verified) for outcome in outcomes), default=ExitStatus.CLEAN)


def _of_file(outcome: FileOutcome, preview: bool, require_verified: bool) -> ExitStatus:
    from regrad.repair.outcome import Decision, Status

    decisions = [finding.decision for finding in outcome.findings]
    proofs = [outcome.evidence, *(finding.evidence for finding in outcome.findings)]
    if Decision.WITHDRAWN in decisions:
        return ExitStatus.WITHDRAWN
    mended = Decision.APPLIED in decisions or outcome.changed
    if require_verified and mended and not any(proof and proof.mended for proof in proofs):
        return ExitStatus.WITHDRAWN
    if outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE) or outcome.fault is not None:
        return ExitStatus.NOT_ANALYSED
    if any(decision is not Decision.APPLIED for decision in decisions) or (preview and outcome.changed):
        return ExitStatus.FINDINGS
    return ExitStatus.CLEAN
