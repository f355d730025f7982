"""Gives the repair loop a rule whose rewrite is spoiled, and tells what became of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regrad.codemods.engine import registry
from regrad.codemods.engine.rule import Safety
from regrad.repair import fixtures
from regrad.repair.options import Options
from regrad.repair.outcome import Decision
from regrad.repair.session import Session
from regrad.verify import Evidence, Job, StepReport, Verdict, Verifier

from .sabotage import Sabotage, sabotaged

ROOT = Path(__file__).resolve().parents[2]


class Lent:
    """A verifier that a session does not close."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def compare(self, before: Job, after: Job, *, same_loss: bool) -> Evidence:
        return self._verifier.compare(before, after, same_loss=same_loss)

    def step(self, job: Job) -> StepReport:
        return self._verifier.step(job)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Spoiled:
    """What the loop made of a spoiled rewrite."""

    decision: str
    verdict: str
    reason: str
    written: bool
    otherwise: bool
    """Another text was written than the spoiled one: what the run showed led to a mending that is none of ours."""
    promised_same: bool
    """Whether the rule promises that the program computes the same, and there are two losses to hold it to."""

    @property
    def lie(self) -> bool:
        """What mends nothing is called mended."""
        return self.verdict == Verdict.MENDED.value and self.written and not self.otherwise

    @property
    def kept(self) -> bool:
        """It is written all the same, as better than before, with what is still wrong."""
        return self.written and not self.otherwise


def pairs() -> Iterator[tuple[fixtures.Case, fixtures.Case]]:
    """Every broken script with its mended twin."""
    for mended in fixtures.cases(ROOT / "fixtures", registry.rules(), ["mended"]):
        if mended.place.suffix == ".py" and mended.broken.place.exists():
            yield mended.broken, mended


def spoiled_repair(case: fixtures.Case, sabotage: Sabotage, verifier: Verifier, folder: Path) -> Spoiled | None:
    """None where the sabotage cannot be done to this program, or its rule's mending is not offered in it."""
    mended = case.place.parent.parent / "mended" / case.place.name
    broken_text, mended_text = (
        path.read_bytes().decode("utf-8").replace("\r\n", "\n") for path in (case.place, mended)
    )
    rule = sabotaged(case.rule, sabotage, broken_text, mended_text)
    if rule is None:
        return None
    path = folder / case.place.name
    shutil.copy(case.place, path)
    path.write_text(broken_text, encoding="utf-8", newline="\n")
    before = path.read_bytes()
    options = Options(unsafe_fixes=True, verify=True, respect_gitignore=False)
    with Session(options, rules=[rule], verifier=lambda _: Lent(verifier)) as session:
        outcomes = list(session.fix([str(path)], write=True))
    found = [finding for outcome in outcomes for finding in outcome.findings]
    decided = [each for each in found if each.decision in (Decision.APPLIED, Decision.WITHDRAWN)]
    if not decided:
        return None
    one = next((each for each in decided if each.decision is Decision.APPLIED), decided[0])
    if sabotage.only_same_loss and one.evidence is not None:
        # A program that draws nothing, or sets a seed of its own behind ours, computes what it would have computed.
        sound = verifier.step(Job(str(mended))).loss
        if sound is not None and sound == one.evidence.after.loss:
            return None
    offered = next((each for each in (one.applied, *one.mendings) if each is not None), None)
    content = path.read_bytes()
    return Spoiled(
        one.decision.value,
        one.evidence.verdict.value if one.evidence is not None else "none",
        (one.reason or (one.evidence.reason if one.evidence is not None else "") or "").splitlines()[0],
        content != before,
        content not in (before, (sabotage.spoil(broken_text, mended_text) or "").encode()),
        offered is not None and offered.safety is Safety.SAFE and offered.keeps_loss and _comparable(one.evidence),
    )


def _comparable(evidence: Evidence | None) -> bool:
    """Whether both runs came to a loss, and drew no random numbers on the way."""
    if evidence is None:
        return False
    steps = (evidence.before, evidence.after)
    return all(step.loss is not None and not step.random for step in steps)
