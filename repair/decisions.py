"""What became of a finding: which decision follows from the plan that was kept and from what was withdrawn of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from regrad.codemods.engine.rule import Safety, Withheld
from regrad.repair.detection import eligible
from regrad.repair.options import Options
from regrad.repair.outcome import Decision, FindingOutcome
from regrad.repair.plan import Applied, Candidate, Key

if TYPE_CHECKING:
    from regrad.repair.proof import Proof, Withdrawn

FINAL = (Decision.APPLIED, Decision.WITHDRAWN, Decision.AMBIGUOUS)
"""Decisions that no further program changes."""


def reported(candidate: Candidate) -> FindingOutcome:
    """A finding as it stands before anything is tried."""
    mendings = candidate.mendings
    if isinstance(mendings, Withheld):
        return FindingOutcome(candidate.finding, withheld=mendings)
    return FindingOutcome(candidate.finding, tuple(mendings))


def decided(
    key: Key,
    outcome: FindingOutcome,
    applied: Applied | None,
    withdrawn: Withdrawn | None,
    proof: Proof,
    options: Options,
    error: str | None,
) -> FindingOutcome:
    """The outcome after its program was proved; `error` says why nothing was written."""
    if applied is not None:
        if error is not None:
            return replace(outcome, reason=error)
        evidence, reason = proof.evidence, proof.reason
        made = applied.mending
        return replace(outcome, decision=Decision.APPLIED, applied=made, evidence=evidence, reason=reason)
    if withdrawn is not None:
        decision = Decision.AMBIGUOUS if withdrawn.ambiguous else Decision.WITHDRAWN
        return replace(outcome, decision=decision, reason=withdrawn.reason, evidence=withdrawn.evidence)
    in_program = any(candidate.key == key for candidate in proof.plan.first)
    if in_program and proof.plan.applied and key not in proof.plan.remaining and error is None:
        others = ", ".join(sorted({each.candidate.key.code for each in proof.plan.applied}))
        if key in proof.plan.standing:
            if outcome.withheld is not None:
                return outcome
            reason = f"left as it is: with the mending of {others} gradients come another way"
            return replace(outcome, decision=Decision.WITHDRAWN, reason=reason, evidence=proof.evidence)
        reason = f"gone with the mending of {others}"
        return replace(outcome, decision=Decision.APPLIED, reason=reason, evidence=proof.evidence)
    if in_program and proof.withdrawn and eligible(outcome.mendings, options):
        others = ", ".join(sorted({each.applied.candidate.key.code for each in proof.withdrawn}))
        reason = f"not tried by itself: it goes with the mending of {others}, which is withdrawn"
        return replace(outcome, decision=Decision.WITHDRAWN, reason=reason)
    if outcome.mendings and not eligible(outcome.mendings, options):
        unsafe = any(each.safety is Safety.UNSAFE and each.edits for each in outcome.mendings)
        return replace(outcome, decision=Decision.NEEDS_UNSAFE if unsafe else Decision.REPORTED)
    return outcome
