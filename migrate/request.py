"""What a migration is asked to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import regrad
from regrad.migrate import branch
from regrad.migrate.codec import plain
from regrad.migrate.plan import Plan
from regrad.migrate.results import RepositoryResult
from regrad.migrate.targets import Source
from regrad.repair.options import Options


@dataclass(frozen=True)
class Settings:
    """What holds for one repository: the command line, and what its own configuration says."""

    options: Options
    entries: tuple[str, ...] = ()
    """The configured entry points: `train.py --epochs 1`, `-m package.train`, `-m pytest tests/test_model.py`."""


class WrongSettings(Exception):
    """A repository's own configuration cannot be used; the message is a sentence."""


SettingsOf = Callable[[str, str], Settings]
"""The settings for a work tree, by its top and the folder in it that is looked at; raises `WrongSettings`."""


def plain_settings(top: str, start: str) -> Settings:
    """Without any configuration: safe mendings, verified."""
    return Settings(Options(root=top, verify=True))


def undescribed(output: Path, result: RepositoryResult) -> RepositoryResult:
    """Without a text."""
    return result


@dataclass(frozen=True)
class Request:
    """One run."""

    sources: tuple[Source, ...]
    output: Path
    """The folder of the results; made if need be."""
    settings: SettingsOf = plain_settings
    words: dict[str, str] = field(default_factory=dict)
    """The settings in words, for the reports; other words make it another run."""
    planning: bool = False
    """Find out what would be done, and mend nothing."""
    plan: Plan | None = None
    """Do what this plan says, and nothing else."""
    since: str | None = None
    """Look only at files that changed since this revision."""
    branch: str = branch.NAME
    one_commit: bool = False
    describe: Callable[[Path, RepositoryResult], RepositoryResult] = undescribed
    """Writes the text for a pull request into the folder of the results, and says where it is."""
    scratch: Path | None = None
    """Where the work trees are made; all workers must see it. Default: the system's temporary folder."""

    @property
    def fingerprint(self) -> str:
        """What tells this run from another that must not go on with its results."""
        plan = None if self.plan is None else plain(self.plan)
        asked = [regrad.__version__, self.words, self.planning, plan, self.since, self.branch, self.one_commit]
        return hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).hexdigest()
