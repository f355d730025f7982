"""Which mendings of a finding may be written, and whether they wait for the leave to change what a program means."""

from __future__ import annotations

from regrad.codemods.engine.rule import Safety
from regrad.repair.outcome import Decision, FindingOutcome


def writable(finding: FindingOutcome) -> list[Safety]:
    """The safeties of the mendings that may be written at all."""
    return [mending.safety for mending in finding.mendings if mending.safety is not Safety.DISPLAY_ONLY]


def is_fixable(finding: FindingOutcome) -> bool:
    return bool(writable(finding))


def needs_unsafe(finding: FindingOutcome) -> bool:
    """Whether `--unsafe-fixes` would let a mending through that is held back now."""
    if finding.decision is Decision.NEEDS_UNSAFE:
        return True
    return finding.decision is Decision.REPORTED and is_fixable(finding) and Safety.SAFE not in writable(finding)
