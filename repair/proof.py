"""Generate and validate: which mendings of a plan the verifier confirms, which are withdrawn, which candidate is taken.

1. All mendings together. Mended: all are kept.
2. Of a finding with several candidates the others are tried in order; the first that is mended is kept, else the best.
3. If several findings were mended and the program still is not, those are withdrawn without which it is better.
4. If nothing got better, each is tried alone, and those that help are kept together.
What is then unchanged or worse is withdrawn; so is what mends a program that a step shows to be sound, unless its rule
says
that no single step can show the disease.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from regrad.repair.plan import Applied, Choice, Key, Plan
from regrad.verify.evidence import Evidence, Outcome, Verdict

MOST_RUNS = 24
"""Comparisons for one program; a warm one takes about a second."""

_NO_LONGER = (Outcome.NO_STEP, Outcome.CRASHED, Outcome.TIMEOUT)
_ENDED_BADLY = (Outcome.CRASHED, Outcome.TIMEOUT)
_RANK = {Verdict.MENDED: 3, Verdict.IMPROVED: 2, Verdict.UNCHANGED: 1, Verdict.WORSE: 0}


@dataclass(frozen=True)
class Withdrawn:
    """A mending that was tried and is not made."""

    applied: Applied
    reason: str
    evidence: Evidence | None
    ambiguous: bool = False


@dataclass(frozen=True)
class Proof:
    """The plan that is kept, with its evidence, and what was withdrawn from it."""

    plan: Plan
    evidence: Evidence | None
    reason: str | None = None
    """Why the plan is kept although it is not proved to be mended."""
    withdrawn: tuple[Withdrawn, ...] = ()


@dataclass
class _Search:
    """One search, with what it has seen so far."""

    make: Callable[[Choice], Plan]
    compare: Callable[[Plan], Evidence]
    runs: int = 0
    withdrawn: dict[Key, Withdrawn] = field(default_factory=dict)

    def tried(self, choice: Choice) -> _Trial | None:
        """A plan with its evidence; None where it does nothing, or where there were runs enough."""
        if self.runs >= MOST_RUNS:
            return None
        plan = self.make(choice)
        if not plan.applied:
            return None
        self.runs += 1
        return _Trial(choice, plan, self.compare(plan))


@dataclass(frozen=True)
class _Trial:
    choice: Choice
    plan: Plan
    evidence: Evidence

    @property
    def rank(self) -> int:
        return _RANK.get(_verdict(self.evidence), -1)

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(applied.candidate.key for applied in self.plan.applied)


def prove(
    make: Callable[[Choice], Plan], compare: Callable[[Plan], Evidence], first: Plan, *, require_verified: bool
) -> Proof:
    """What is kept of the plan `first`, which mends something, and why."""
    search = _Search(make, compare, runs=1)
    trial = _Trial(Choice(), first, compare(first))
    verdict = _verdict(trial.evidence)
    if verdict is Verdict.NOT_VERIFIABLE:
        # A program that hangs or kills its process is not what its author believes it to be: the file stays as it was.
        strict = require_verified or trial.evidence.before.outcome in _ENDED_BADLY
        return unverified(make, first, _words(trial.evidence), trial.evidence, require_verified=strict)
    if verdict is Verdict.WAS_NOT_BROKEN:
        return _unseen(search, trial, require_verified=require_verified)
    best = _alternatives(search, trial)
    if best.rank < _RANK[Verdict.MENDED]:
        best = _without_each(search, best)
    if best.rank < _RANK[Verdict.IMPROVED]:
        best = _alone(search, best)
    if best.rank < _RANK[Verdict.IMPROVED]:
        return _nothing(make, best, trial)
    kept = set(best.keys)
    lost = {applied.candidate.key: applied for applied in (*first.applied, *best.plan.applied)}
    withdrawn = [
        search.withdrawn.get(key) or Withdrawn(applied, _reason(trial.evidence), trial.evidence)
        for key, applied in lost.items()
        if key not in kept and (key in best.plan.remaining or key in best.plan.standing)
    ]
    reason = _words(best.evidence) if best.evidence.verdict is Verdict.IMPROVED else None
    return Proof(best.plan, best.evidence, reason, tuple(withdrawn))


def unverified(
    make: Callable[[Choice], Plan],
    plan: Plan,
    why: str,
    evidence: Evidence | None = None,
    *,
    require_verified: bool = False,
    proof_needed: bool = True,
) -> Proof:
    """A plan that no run can confirm: what leaves no choice is kept, and it is said that it was not verified."""
    reason = f"not verified: {why}" if proof_needed else None
    if require_verified:
        withdrawn = tuple(Withdrawn(applied, reason or why, evidence) for applied in plan.applied)
        return Proof(make(Choice(only=frozenset())), evidence, None, withdrawn)
    excluded: dict[Key, Withdrawn] = {}
    while True:
        several = [applied for applied in plan.applied if len(applied.candidate.eligible) > 1]
        if not several:
            return Proof(plan, evidence, reason, tuple(excluded.values()))
        for applied in several:
            count = len(applied.candidate.eligible)
            text = f"{count} mendings are possible and a run decides between them" + (f"; {reason}" if reason else "")
            excluded[applied.candidate.key] = Withdrawn(applied, text, evidence, ambiguous=True)
        plan = make(Choice(excluded=frozenset(excluded)))


def _alternatives(search: _Search, best: _Trial) -> _Trial:
    for applied in best.plan.applied:
        for index in range(1, len(applied.candidate.eligible)):
            if best.rank == _RANK[Verdict.MENDED]:
                return best
            indices: Mapping[Key, int] = {**best.choice.indices, applied.candidate.key: index}
            trial = search.tried(replace(best.choice, indices=indices))
            if trial is not None and trial.rank > best.rank:
                best = trial
    return best


def _without_each(search: _Search, best: _Trial) -> _Trial:
    """Withdraws what stands in the way, one at a time, as long as it gets better."""
    better = True
    while better and len(best.keys) > 1 and best.rank < _RANK[Verdict.MENDED]:
        better = False
        for applied in best.plan.applied:
            key = applied.candidate.key
            trial = search.tried(replace(best.choice, excluded=best.choice.excluded | {key}))
            if trial is not None and trial.rank > best.rank:
                search.withdrawn[key] = Withdrawn(applied, _reason(best.evidence), best.evidence)
                best, better = trial, True
                break
    return best


def _alone(search: _Search, best: _Trial) -> _Trial:
    """Each mending by itself; those that help, together if that helps too."""
    if len(best.keys) < 2:
        return best
    helpful: list[_Trial] = []
    for applied in best.plan.applied:
        key = applied.candidate.key
        trial = search.tried(replace(best.choice, only=frozenset({key})))
        if trial is not None and trial.rank >= _RANK[Verdict.IMPROVED]:
            helpful.append(trial)
        elif trial is not None:
            search.withdrawn[key] = Withdrawn(applied, _reason(trial.evidence), trial.evidence)
    if len(helpful) > 1:
        together = search.tried(replace(best.choice, only=frozenset(key for trial in helpful for key in trial.keys)))
        if together is not None:
            helpful.append(together)
    return max([best, *helpful], key=lambda trial: (trial.rank, len(trial.keys)))


def _nothing(make: Callable[[Choice], Plan], trial: _Trial, first: _Trial) -> Proof:
    """Everything is withdrawn."""
    applied = {each.candidate.key: each for each in (*first.plan.applied, *trial.plan.applied)}
    withdrawn = tuple(Withdrawn(each, _reason(trial.evidence), trial.evidence) for each in applied.values())
    return Proof(make(Choice(only=frozenset())), trial.evidence, None, withdrawn)


def _unseen(search: _Search, trial: _Trial, *, require_verified: bool) -> Proof:
    """A step shows nothing broken: only what no single step can show is kept, and only if the step stays sound."""
    unseen = {applied.candidate.key for applied in trial.plan.applied if not applied.mending.seen_in_step}
    if not unseen or require_verified:
        return _nothing(search.make, trial, trial)
    kept = trial
    if len(unseen) < len(trial.keys):
        alone = search.tried(replace(trial.choice, only=frozenset(unseen)))
        if alone is None or alone.evidence.verdict is not Verdict.WAS_NOT_BROKEN:
            return _nothing(search.make, trial, trial)
        kept = alone
    withdrawn = tuple(
        Withdrawn(applied, _reason(trial.evidence), trial.evidence)
        for applied in trial.plan.applied
        if applied.candidate.key not in unseen
    )
    reason = (
        "not proved: the program trains before and after, and one step cannot show that it trained on the wrong thing"
    )
    return Proof(kept.plan, kept.evidence, reason, withdrawn)


def _verdict(evidence: Evidence) -> Verdict:
    """The verdict as this search takes it: a program that came to its step, and with the mending does not, is worse."""
    before, after = evidence.before, evidence.after
    came = before.outcome is Outcome.STEPPED or (before.outcome is Outcome.RAISED and bool(before.variables))
    if evidence.verdict is Verdict.NOT_VERIFIABLE and came and after.outcome in _NO_LONGER:
        return Verdict.WORSE
    return evidence.verdict


def _reason(evidence: Evidence) -> str:
    words = _words(evidence)
    if evidence.verdict is Verdict.NOT_VERIFIABLE:
        return f"with it the program no longer comes to its training step: {words}"
    if evidence.verdict is Verdict.WAS_NOT_BROKEN:
        return f"a training step of the program as it is shows nothing broken ({words}), so it was left alone"
    if evidence.verdict is Verdict.WORSE:
        return f"with it the training step is worse: {words}"
    return f"with it the training step is no better: {words}"


def _words(evidence: Evidence) -> str:
    return (evidence.reason or evidence.after.reason or evidence.before.reason or evidence.verdict.value).rstrip(".")
