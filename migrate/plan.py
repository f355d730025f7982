"""The plan of a migration: what would be done, in a JSON file that is read, edited, and applied later."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import regrad
from regrad.codemods.engine.rule import Safety
from regrad.migrate.codec import plain, restored
from regrad.migrate.programs import Found, Group
from regrad.repair.detection import eligible
from regrad.repair.options import Options

FORMAT = 1
SECONDS_A_PROGRAM = 5.0
"""What mending and proving one program takes where nothing was measured yet: some comparisons of one to two seconds."""
_ABOUT = (
    "Set `do` to false, or delete an entry, for what should stay as it is; set it to true for what should be mended."
    " Apply with: regrad migrate --apply FILE"
)


class BadPlan(Exception):
    """The file is no plan; the message says what is wrong with it, and where."""


@dataclass(frozen=True, slots=True)
class PlannedFinding:
    """A finding and what would be done about it. Line and column count in the program text, from 1."""

    code: str
    name: str
    line: int
    column: int
    message: str
    do: bool
    mending: str | None = None
    """The first of the mendings that are possible."""
    safety: str | None = None
    withheld: str | None = None
    """Why nothing can be written."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file."""

    path: str
    findings: tuple[PlannedFinding, ...]


@dataclass(frozen=True, slots=True)
class PlannedProgram:
    """Files that are mended and proved together."""

    files: tuple[PlannedFile, ...]
    entries: tuple[str, ...]
    """The files that are read as programs for it."""
    verification: str
    """How its mendings would be proved, in words."""
    estimated_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannedRepository:
    """One repository."""

    name: str
    target: str
    """Its absolute path, or its URL."""
    revision: str | None
    """The commit that was looked at; for a folder, a digest of its files."""
    programs: tuple[PlannedProgram, ...] = ()
    message: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything."""

    version: int
    regrad: str
    repositories: tuple[PlannedRepository, ...]
    settings: dict[str, str] = field(default_factory=dict)
    estimated_seconds: float = 0.0
    about: str = ""


def planned_program(
    group: Group, runnable: Sequence[str], configured: bool, options: Options, seconds: float
) -> PlannedProgram:
    """What would be done for one group of files."""
    files: dict[str, list[PlannedFinding]] = {}
    for found in sorted(group.found.values(), key=lambda each: each.key):
        files.setdefault(found.path, []).append(_planned(found, options))
    any_done = any(each.do for findings in files.values() for each in findings)
    runs = options.verify and any_done and (group.trains or bool(runnable))
    return PlannedProgram(
        tuple(PlannedFile(path, tuple(findings)) for path, findings in sorted(files.items())),
        tuple(sorted(group.paths)),
        _verification(group, runnable, configured, options) if any_done else "nothing would be mended",
        round(group.seconds + (seconds if runs else 0.0), 2),
    )


def _planned(found: Found, options: Options) -> PlannedFinding:
    outcome = found.outcome
    taken = eligible(outcome.mendings, options)
    shown = taken[0] if taken else next(iter(outcome.mendings), None)
    withheld = None if outcome.withheld is None else outcome.withheld.reason
    if shown is not None and shown.safety is Safety.DISPLAY_ONLY:
        withheld = shown.title
    return PlannedFinding(
        outcome.finding.code,
        outcome.finding.name,
        found.line,
        found.column,
        outcome.finding.message,
        bool(taken),
        None if shown is None else shown.title,
        None if shown is None else shown.safety.value,
        withheld,
    )


def _verification(group: Group, runnable: Sequence[str], configured: bool, options: Options) -> str:
    if not options.verify:
        return "not verified: --no-verify"
    if configured:
        return f"one training step of {runnable[0]} before and after"
    if group.trains:
        return "one training step of its own before and after"
    if runnable:
        others = f" or one of {len(runnable) - 1} more" if len(runnable) > 1 else ""
        return f"one training step of {runnable[0]}{others}, if it trains and reaches these files"
    return "not verified: no script, notebook, test or configured entry point with a training step reaches these files"


def write(path: Path, repositories: Sequence[PlannedRepository], settings: Mapping[str, str], width: int) -> Plan:
    """Writes the plan, in one piece."""
    total = sum(program.estimated_seconds for each in repositories for program in each.programs)
    made = Plan(
        FORMAT, regrad.__version__, tuple(repositories), dict(settings), round(total / max(width, 1), 1), _ABOUT
    )
    document = plain(made)
    # What a reader needs first.
    ordered = {key: document[key] for key in ("about", "version", "regrad") if key in document}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps({**ordered, **document}, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return made


def read(path: Path) -> Plan:
    """Reads a plan back; raises `BadPlan`."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as problem:
        raise BadPlan(f"{path}: cannot be read ({problem.strerror}).") from None
    except ValueError as problem:
        raise BadPlan(f"{path}: is not JSON: {problem}") from None
    if not isinstance(document, dict) or document.get("version") != FORMAT:
        raise BadPlan(f"{path}: is not a plan of this version of regrad; make a new one with --plan.")
    try:
        found = restored(Plan, document)
        _require_kinds(found)
    except (TypeError, KeyError, ValueError, AttributeError) as problem:
        raise BadPlan(f"{path}: is not a plan as regrad writes it ({problem}).") from None
    return found


def _require_kinds(found: Plan) -> None:
    for repository in found.repositories:
        if not isinstance(repository.target, str) or not isinstance(repository.name, str):
            raise TypeError("a repository needs a name and a target")
        for program in repository.programs:
            for file in program.files:
                for each in file.findings:
                    if not isinstance(each.do, bool):
                        raise TypeError(f"{file.path}: `do` must be true or false, not {each.do!r}")
                    if not isinstance(each.line, int) or not isinstance(each.column, int):
                        raise TypeError(f"{file.path}: `line` and `column` must be numbers")


def wanted(repository: PlannedRepository) -> frozenset[tuple[str, int, int, str]]:
    """The findings that are to be mended: path, line, column, code."""
    return frozenset(
        (file.path, each.line, each.column, each.code)
        for program in repository.programs
        for file in program.files
        for each in file.findings
        if each.do
    )


def asks_for_unsafe(repository: PlannedRepository) -> bool:
    return any(
        each.do and each.safety == Safety.UNSAFE.value
        for program in repository.programs
        for file in program.files
        for each in file.findings
    )


def paths(repository: PlannedRepository) -> frozenset[str]:
    """The files that must be read for what is to be mended."""
    return frozenset(
        path
        for program in repository.programs
        if any(each.do for file in program.files for each in file.findings)
        for path in program.entries
    )
