"""What became of a finding in a migration: one of seven fates, so that the figures of a report add up."""

from __future__ import annotations

from enum import Enum

from regrad.repair.leave import is_fixable, needs_unsafe
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome
from regrad.report.summary import is_proved


class Fate(Enum):
    """The values are those of the CSV and JSON Lines reports; the order is that of the page."""

    PROVED = "proved"
    UNPROVED = "unproved"
    WITHDRAWN = "withdrawn"
    UNSAFE = "unsafe"
    AMBIGUOUS = "ambiguous"
    MENDABLE = "mendable"
    BY_HAND = "by-hand"


WORDS = {
    Fate.PROVED: "mended and proved",
    Fate.UNPROVED: "mended, not proved",
    Fate.WITHDRAWN: "withdrawn",
    Fate.UNSAFE: "needs --unsafe-fixes",
    Fate.AMBIGUOUS: "several mendings possible",
    Fate.MENDABLE: "can be mended",
    Fate.BY_HAND: "for you to mend",
}


def fate_of(file: FileOutcome, finding: FindingOutcome) -> Fate:
    if finding.decision is Decision.APPLIED:
        return Fate.PROVED if is_proved(file, finding) else Fate.UNPROVED
    if finding.decision is Decision.WITHDRAWN:
        return Fate.WITHDRAWN
    if needs_unsafe(finding):
        return Fate.UNSAFE
    if finding.decision is Decision.AMBIGUOUS:
        return Fate.AMBIGUOUS
    return Fate.MENDABLE if is_fixable(finding) else Fate.BY_HAND
