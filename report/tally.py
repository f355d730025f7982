"""Counts the findings of a migration by rule, repository and fate, one file at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from regrad.migrate.results import FileResult
from regrad.report.fate import Fate, fate_of


@dataclass(slots=True)
class Tally:
    """The counts. They grow with the rules and repositories, not with the files."""

    names: dict[str, str] = field(default_factory=dict)
    """The name of each rule that reported something, by its code."""
    by_rule: dict[str, Counter[Fate]] = field(default_factory=dict)
    by_repository: dict[str, Counter[Fate]] = field(default_factory=dict)
    listed: Counter[str] = field(default_factory=Counter)
    """The files of each repository that the report names: with findings, or with a message."""
    unread: int = 0
    """Files that are named for their message alone."""

    @property
    def fates(self) -> Counter[Fate]:
        return sum(self.by_rule.values(), Counter())

    @property
    def findings(self) -> int:
        return self.fates.total()

    def add(self, file: FileResult) -> None:
        self.listed[file.repository] += 1
        self.unread += not file.outcome.findings
        here = self.by_repository.setdefault(file.repository, Counter())
        for each in file.outcome.findings:
            fate = fate_of(file.outcome, each)
            here[fate] += 1
            self.by_rule.setdefault(each.finding.code, Counter())[fate] += 1
            self.names[each.finding.code] = each.finding.name
