"""Which files are mended together, and through what they may be run: findings put together into programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from regrad.migrate import entries
from regrad.migrate.packing import surveyed_of
from regrad.migrate.store import Surveyed
from regrad.repair.outcome import FindingOutcome


@dataclass(frozen=True)
class Found:
    """A finding with the place that names it."""

    path: str
    line: int
    column: int
    outcome: FindingOutcome

    @property
    def key(self) -> tuple[str, int, int, str]:
        return self.path, self.line, self.column, self.outcome.finding.code


@dataclass
class Group:
    """Files whose mendings touch each other."""

    paths: set[str] = field(default_factory=set)
    trains: bool = False
    found: dict[tuple[str, int, int, str], Found] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def key(self) -> str:
        return min(self.paths)


def groups(surveyed: Iterable[Surveyed]) -> list[Group]:
    """Files with findings, joined where one mending or one program's finding reaches into another file."""
    owner: dict[str, Group] = {}
    for each in surveyed:
        if each.survey is None:
            continue
        own = Group({each.path}, each.trains, {}, each.seconds)
        for outcome in surveyed_of(each.survey).findings:
            location = outcome.finding.location
            start = location.span.start
            found = Found(location.path, start.line, start.column, outcome)
            own.found.setdefault(found.key, found)
            own.paths.add(location.path)
            own.paths.update(edit.path for mending in outcome.mendings for edit in mending.edits)
        for other in {id(owner[path]): owner[path] for path in own.paths if path in owner}.values():
            own.paths |= other.paths
            own.trains |= other.trains
            own.seconds += other.seconds
            # What was found with its mendings says more than what was known already from another entry.
            for key, found in other.found.items():
                if key not in own.found or found.outcome.mendings:
                    own.found[key] = found
        owner.update(dict.fromkeys(own.paths, own))
    unique = {id(group): group for group in owner.values()}
    return sorted(unique.values(), key=lambda group: group.key)


def runnable(
    group: Group, configured: Sequence[str], around: Mapping[str, Sequence[str]], tests: Sequence[str]
) -> tuple[tuple[str, ...], bool]:
    """What may be run for a group, best first, and whether the first is configured.

    `around` gives, for each file, the programs that it is part of.
    """
    programs = {program for path in group.paths for program in around.get(path, ())}
    for command in configured:
        start = entries.program_of(command)
        if start is not None and (start in group.paths or start in programs):
            return (command,), True
        if start is None and any(test in command for test in tests):
            return (command,), True
    scripts = sorted(programs - group.paths, key=lambda path: (entries.is_test(path), path.count("/"), path))
    plain = [path for path in scripts if not entries.is_test(path)]
    return (*plain, *[path for path in tests if path not in group.paths]), False


def reached(surveyed: Iterable[Surveyed]) -> dict[str, list[str]]:
    """For each file, the programs that it is part of."""
    around: dict[str, list[str]] = {}
    for each in surveyed:
        for path in each.program:
            around.setdefault(path, []).append(each.path)
    return around
