"""One run of `check` or `fix`: what is read, by which settings, how it is shown, and with which status it ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regrad.cli.exit_status import ExitStatus
from regrad.cli.settings import Request
from regrad.report.formats import OutputFormat

if TYPE_CHECKING:
    pass

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Job:
    paths: tuple[str, ...]
    request: Request
    fixing: bool
    preview: bool = False
    output_format: OutputFormat | None = None
    output_file: Path | None = None
    verbosity: int = 0
    exit_zero: bool = False
    stdin_filename: str | None = None


def carry_out(job: Job) -> ExitStatus:
    """Does it, shows it, and says how it ended."""
    return ExitStatus.ERROR
