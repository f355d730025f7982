"""The rounds of one program: find, rewrite, read again, until nothing is left to do; nothing is run or written.

The order of one round: mendings by file position, then by code; of two that conflict, the first (see `engine.edits`).
What a mending brings to light at its own place is mended in its turn, but nothing is ever made twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from regrad.analysis.endings import OF_THE_PATH
from regrad.analysis.location import Location, Position, Span
from regrad.analysis.operations import Transfer
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile, Unreadable
from regrad.codemods.engine import edits, guard
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Withheld
from regrad.repair.detection import Detector, eligible, texts, without_evidence
from regrad.repair.history import Version
from regrad.repair.options import Options

Read = Callable[[Mapping[str, Version]], Program]
"""Reads the program with these versions in the place of the files on disk; raises `Unreadable`."""


class Key(NamedTuple):
    """A finding, by its rule and its place in the files on disk."""

    path: str
    span: Span
    code: str
    turn: int = 0
    """Which of those that the rule has at this place: mended text stands where it was put in, so one can follow on
    another.
    """


class Candidate(NamedTuple):
    """A finding with what its rule offers; all places are those of the files on disk."""

    key: Key
    finding: Finding
    mendings: Mendings
    eligible: tuple[Mending, ...]


@dataclass(frozen=True)
class Applied:
    """A mending that was made."""

    candidate: Candidate
    index: int

    @property
    def mending(self) -> Mending:
        return self.candidate.eligible[self.index]


@dataclass(frozen=True)
class Choice:
    """Which findings are mended, and how. What is not chosen takes its first mending."""

    indices: Mapping[Key, int] = field(default_factory=dict)
    excluded: frozenset[Key] = frozenset()
    only: frozenset[Key] | None = None
    within: frozenset[str] | None = None
    """The files in which findings are mended; None for all of the program."""

    def index(self, candidate: Candidate) -> int | None:
        key = candidate.key
        if not candidate.eligible or key in self.excluded or (self.only is not None and key not in self.only):
            return None
        if self.within is not None and key.path not in self.within:
            return None
        return min(self.indices.get(key, 0), len(candidate.eligible) - 1)


class Plan(NamedTuple):
    """What the rounds came to."""

    program: Program
    """As it was before the first round."""
    versions: Mapping[str, Version]
    applied: tuple[Applied, ...]
    first: tuple[Candidate, ...]
    """What was found in the first round."""
    remaining: frozenset[Key]
    """What is still found after the last."""
    problems: tuple[str, ...] = ()
    standing: frozenset[Key] = frozenset()
    """What is not found any more although its operation stands as it did: gradients come another way now."""


def make(read: Read, detector: Detector, options: Options, versions: Mapping[str, Version], choice: Choice) -> Plan:
    """Carries the rounds through; raises `Unreadable` where the program cannot be read in the first place."""
    current = dict(versions)
    applied: dict[Key, Applied] = {}
    first: tuple[Candidate, ...] | None = None
    program = start = read(current)
    problems: tuple[str, ...] = ()
    seen = set()
    remaining: frozenset[Key] = frozenset()
    for _ in range(options.max_rounds + 1):
        for path, source in program.files.items():
            current.setdefault(path, Version(source))
        detected = detector.detect(program)
        candidates, here = _candidates(detector, options, program, detected.findings, current, applied)
        if first is None:
            first, problems = candidates, detected.problems
        remaining = frozenset(candidate.key for candidate in candidates)
        seen.add(texts(program.files))
        chosen = [
            (candidate, index, mendings[index])
            for candidate, mendings in zip(candidates, here, strict=True)
            if (index := choice.index(candidate)) is not None
        ]
        step = _round(program.files, chosen) if len(seen) <= options.max_rounds else None
        if step is None:
            break
        made, files, changes = step
        following = {path: current[path].edited(changes, source) for path, source in files.items()}
        try:
            program = read({**current, **following})
        except Unreadable:
            break
        if texts(program.files) in seen:
            break
        current.update(following)
        applied.update({candidate.key: Applied(candidate, index) for candidate, index, _ in made})
    standing = _standing(program, current, [each for each in first or () if each.key not in {*remaining, *applied}])
    return Plan(start, current, tuple(applied.values()), first or (), remaining, problems, standing)


def _standing(program: Program, versions: Mapping[str, Version], gone: Sequence[Candidate]) -> frozenset[Key]:
    """Those of the findings that are gone whose operation still takes the gradient away where it did."""
    places = {each.key: each.finding.location for each in gone if each.finding.cut in OF_THE_PATH}
    if not places:
        return frozenset()
    left = {
        _on_disk(program.location(operation.node, operation.frame), versions)
        for tensor in reached(sink.target for sink in program.sinks)
        if (operation := tensor.operation).transfer not in (Transfer.FLOWS, Transfer.JOIN, Transfer.UNKNOWN)
        and operation.node is not None
        and operation.frame is not None
        and hasattr(operation.node, "lineno")
    }
    return frozenset(key for key, place in places.items() if place in left)


def _candidates(
    detector: Detector,
    options: Options,
    program: Program,
    findings: tuple[Finding, ...],
    versions: Mapping[str, Version],
    applied: Mapping[Key, Applied],
) -> tuple[tuple[Candidate, ...], list[tuple[Mending, ...]]]:
    """The findings as candidates, and beside them their eligible mendings with the places of this round."""
    candidates: list[Candidate] = []
    here: list[tuple[Mending, ...]] = []
    turns = Counter(key._replace(turn=0) for key in applied)
    # A finding that is still there after its mending would take it again in every round.
    made = {(key.code, _started(each.mending)) for key, each in applied.items()}
    for finding in findings:
        location = _on_disk(finding.location, versions)
        place = Key(location.path, location.span, finding.code)
        mendings = detector.mend(program, finding)
        offered = [(each, _original_mending(each, versions)) for each in eligible(mendings, options)]
        offered = [each for each in offered if (finding.code, _started(each[1])) not in made]
        related = tuple(replace(each, location=_on_disk(each.location, versions)) for each in finding.related)
        original = without_evidence(replace(finding, location=location, related=related))
        key = place._replace(turn=turns[place])
        turns[place] += 1
        candidates.append(Candidate(key, original, _original(mendings, versions), tuple(each for _, each in offered)))
        here.append(tuple(each for each, _ in offered))
    return tuple(candidates), here


def _on_disk(location: Location, versions: Mapping[str, Version]) -> Location:
    """Where a place of this round's files stands in those that the user has."""
    version = versions.get(location.path)
    return location if version is None else Location(location.path, version.origin(location.span))


def _started(mending: Mending) -> tuple[tuple[str, Position, str], ...]:
    """What a mending puts where; how much it takes away is not seen any more once the text there is new."""
    return tuple((edit.path, edit.span.start, edit.text) for edit in mending.edits)


def _original(mendings: Mendings, versions: Mapping[str, Version]) -> Mendings:
    if isinstance(mendings, Withheld):
        return mendings
    return tuple(_original_mending(each, versions) for each in mendings)


def _original_mending(mending: Mending, versions: Mapping[str, Version]) -> Mending:
    if not any(versions[edit.path].steps for edit in mending.edits if edit.path in versions):
        return mending
    changes = (
        replace(edit, span=versions[edit.path].origin(edit.span)) if edit.path in versions else edit
        for edit in mending.edits
    )
    return replace(mending, edits=tuple(changes))


_Chosen = list[tuple[Candidate, int, Mending]]


def _round(
    files: Mapping[str, SourceFile], chosen: _Chosen
) -> tuple[_Chosen, Mapping[str, SourceFile], tuple[Edit, ...]] | None:
    """The mendings that can be made together, and the files that they make; None where there are none."""
    chosen = sorted(chosen, key=lambda each: (edits.first_place(each[2]), each[0].key.code))
    chosen = [chosen[index] for index in edits.compatible([mending for _, _, mending in chosen])]
    while chosen:
        changes = tuple(edit for _, _, mending in chosen for edit in mending.edits)
        verdict = guard.examine(files, changes)
        if isinstance(verdict, guard.Passed):
            return (chosen, verdict.files, changes) if verdict.files else None
        # Each is sound alone, or it would not have been offered: together they are not, so the last one waits.
        chosen.pop()
    return None
