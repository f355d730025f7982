"""Files that are named alone, read as parts of the program that an entry point starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from regrad.repair.options import Options
from regrad.repair.outcome import Status
from regrad.repair.survey import Surveyed


@dataclass(frozen=True)
class Through:
    """The entry's program, as it was read."""

    surveyed: Surveyed

    def named(self, paths: Sequence[str]) -> list[str]:
        """The paths, those of the program's files as the program names them: a finding is known by its path."""
        own = {os.path.realpath(path): path for path in self.surveyed.files}
        return [own.get(os.path.realpath(path), path) if os.path.isfile(path) else path for path in paths]

    def restricted(self, reported: Collection[str]) -> Surveyed | None:
        """What is to be said of the files that are reported; None where the entry is among them."""
        if os.path.realpath(self.surveyed.path) in {os.path.realpath(path) for path in reported}:
            return None
        found = tuple(each for each in self.surveyed.findings if each.finding.location.path in reported)
        return replace(self.surveyed, findings=found, messages=self.surveyed.messages if self.failed else ())

    @property
    def failed(self) -> bool:
        return self.surveyed.status is not Status.OK


def through(options: Options, paths: Sequence[str], survey: Callable[[str], Surveyed]) -> Through | None:
    """The entry's program, where files are to be read through it."""
    if not options.through_entry or options.entry is None or not paths:
        return None
    from regrad.verify.job import entry_of

    path = os.path.normpath(entry_of(options.entry, options.entry_folder).path)
    # The files that it imports are named as it is.
    path = os.path.abspath(path) if all(map(os.path.isabs, paths)) else path
    return Through(survey(path))
