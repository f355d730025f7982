"""The output formats by name, and how a run wants to be shown. Light: a format is imported when used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, cast

if TYPE_CHECKING:
    from regrad.repair.outcome import FileOutcome, FindingOutcome


class OutputFormat(str, Enum):
    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"
    RDJSON = "rdjson"
    JUNIT = "junit"


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a run wants to be shown. `fixing` is the fix command, `preview` its `--diff`."""

    fixing: bool = False
    preview: bool = False
    targets: tuple[str, ...] = ()
    verbosity: int = 0
    """-1 with `-q`, 1 with `-v`."""
    diff_apart: bool = False
    """The patch, or the mended text, is written elsewhere and not repeated in the report."""
    width: int | None = None
    """Columns; None asks the terminal."""
    color: bool | None = None
    """None decides by the stream and NO_COLOR."""
    options: tuple[str, ...] = ()
    """What the next command must repeat to mean the same, as in `--no-verify`."""

    def is_mended(self, finding: FindingOutcome) -> bool:
        """Whether the defect is gone from the file: a preview writes nothing."""
        from regrad.repair.outcome import Decision

        return finding.decision is Decision.APPLIED and not self.preview


class Writer(Protocol):
    """Draws the outcomes as they arrive."""

    def __call__(self, outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None: ...


def writer(output_format: OutputFormat) -> Writer:
    return cast(Writer, import_module(f"regrad.report.{output_format.value}").write)
