"""What the search makes of verdicts: kept, withdrawn, one candidate or another."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from regrad.analysis.location import Location, Position, Span
from regrad.analysis.program import Program
from regrad.codemods.engine.rule import Finding, Mending, Safety
from regrad.repair.plan import Applied, Candidate, Choice, Key, Plan
from regrad.repair.proof import MOST_RUNS, prove
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, VariableReport, Verdict

PLACE = Span(Position(1, 1), Position(1, 2))
WEIGHT = VariableReport("kernel", (1,), Gradient.NONE, None, False, True)


def candidate(code: str, count: int = 1) -> Candidate:
    mendings = tuple(Mending(f"{code}.{index}", Safety.SAFE, ()) for index in range(count))
    return Candidate(Key("a.py", PLACE, code), Finding(code, "", "", Location("a.py", PLACE)), mendings, mendings)


@dataclass
class World:
    """Plans by choice, and verdicts by the titles of the mendings made."""

    candidates: tuple[Candidate, ...]
    verdicts: dict[frozenset[str], Verdict]
    default: Verdict = Verdict.UNCHANGED
    runs: int = 0

    def make(self, choice: Choice) -> Plan:
        chosen = [(each, choice.index(each)) for each in self.candidates]
        applied = tuple(Applied(each, index) for each, index in chosen if index is not None)
        made = {each.candidate.key for each in applied}
        remaining = frozenset(each.key for each in self.candidates if each.key not in made)
        return Plan(Program("a.py", {}, {}, ()), {}, applied, self.candidates, remaining)

    def compare(self, plan: Plan) -> Evidence:
        self.runs += 1
        titles = frozenset(each.mending.title for each in plan.applied)
        step = StepReport(Outcome.STEPPED)
        return Evidence(self.verdicts.get(titles, self.default), "", step, step)

    def proved(self) -> tuple[set[str], set[str]]:
        proof = prove(self.make, self.compare, self.make(Choice()), require_verified=False)
        kept = {each.mending.title for each in proof.plan.applied}
        return kept, {each.applied.candidate.key.code for each in proof.withdrawn}


def titles(*text: str) -> frozenset[str]:
    return frozenset(text)


def test_the_first_candidate_that_is_mended_wins_over_a_later_one() -> None:
    world = World(
        (candidate("A", 4),),
        {titles("A.1"): Verdict.IMPROVED, titles("A.2"): Verdict.MENDED, titles("A.3"): Verdict.MENDED},
    )
    assert world.proved() == ({"A.2"}, set())
    assert world.runs == 3


def test_without_a_mended_one_the_first_of_the_best_is_kept() -> None:
    world = World((candidate("A", 3),), {titles("A.1"): Verdict.IMPROVED, titles("A.2"): Verdict.IMPROVED})
    assert world.proved() == ({"A.1"}, set())


def test_one_that_stands_in_the_way_is_withdrawn() -> None:
    world = World(
        (candidate("A"), candidate("B"), candidate("C")),
        {titles("A.0", "C.0"): Verdict.MENDED, titles("A.0", "B.0", "C.0"): Verdict.IMPROVED},
    )
    assert world.proved() == ({"A.0", "C.0"}, {"B"})


def test_two_that_stand_in_the_way_are_found_alone() -> None:
    world = World(tuple(map(candidate, "ABC")), {titles("B.0"): Verdict.MENDED}, Verdict.WORSE)
    assert world.proved() == ({"B.0"}, {"A", "C"})


def test_two_faults_that_only_together_are_mended_stay_together() -> None:
    world = World(tuple(map(candidate, "AB")), {titles("A.0", "B.0"): Verdict.MENDED})
    assert world.proved() == ({"A.0", "B.0"}, set())


def test_helpful_ones_are_joined_only_if_that_helps() -> None:
    world = World(
        tuple(map(candidate, "ABC")),
        {titles("A.0"): Verdict.IMPROVED, titles("B.0"): Verdict.MENDED, titles("A.0", "B.0"): Verdict.WORSE},
        Verdict.WORSE,
    )
    assert world.proved() == ({"B.0"}, {"A", "C"})


@pytest.mark.parametrize("verdict", [Verdict.UNCHANGED, Verdict.WORSE])
def test_nothing_helps(verdict: Verdict) -> None:
    world = World((candidate("A", 3), candidate("B")), {}, verdict)
    assert world.proved() == (set(), {"A", "B"})


def test_runs_are_bounded() -> None:
    world = World(tuple(candidate(f"R{number}", 5) for number in range(20)), {})
    assert world.proved()[0] == set()
    assert world.runs <= MOST_RUNS


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (StepReport(Outcome.STEPPED), StepReport(Outcome.NO_STEP), False),
        (StepReport(Outcome.RAISED, variables=(WEIGHT,)), StepReport(Outcome.NO_STEP), False),
        (StepReport(Outcome.RAISED, variables=(WEIGHT,)), StepReport(Outcome.CRASHED), False),
        (StepReport(Outcome.RAISED), StepReport(Outcome.NO_STEP), True),
        (StepReport(Outcome.NO_STEP), StepReport(Outcome.NO_STEP), True),
        (StepReport(Outcome.STEPPED), StepReport(Outcome.UNAVAILABLE), True),
    ],
)
def test_a_program_that_no_longer_comes_to_its_step_is_not_mended(
    before: StepReport, after: StepReport, kept: bool
) -> None:
    world = World((candidate("A"),), {})
    evidence = Evidence(Verdict.NOT_VERIFIABLE, "the program ended", before, after)
    proof = prove(world.make, lambda plan: evidence, world.make(Choice()), require_verified=False)
    assert bool(proof.plan.applied) is kept
    if not kept:
        assert "no longer comes to its training step: the program ended" in proof.withdrawn[0].reason


@pytest.mark.parametrize(
    ("ended", "kept"),
    [(Outcome.UNAVAILABLE, {"A.0"}), (Outcome.NO_STEP, {"A.0"}), (Outcome.TIMEOUT, set()), (Outcome.CRASHED, set())],
)
def test_a_program_that_hangs_or_kills_its_process_is_left_as_it_is(ended: Outcome, kept: set[str]) -> None:
    world = World((candidate("A"),), {})
    report = StepReport(ended)
    evidence = Evidence(Verdict.NOT_VERIFIABLE, "no step", report, report)
    proof = prove(world.make, lambda plan: evidence, world.make(Choice()), require_verified=False)
    assert {each.mending.title for each in proof.plan.applied} == kept
    assert len(proof.withdrawn) == (0 if kept else 1)
