"""Hands the files to `repair` as the settings say, and gets back what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.cli.configuration import Configuration
    from regrad.cli.job import Job
    from regrad.repair.outcome import FileOutcome


def outcomes_of_targets(job: Job, settings: Configuration, paths: Sequence[str]) -> Iterator[FileOutcome]:
    raise NotImplementedError


def outcomes_of_standard_input(job: Job, settings: Configuration, content: bytes) -> Iterator[FileOutcome]:
    raise NotImplementedError
