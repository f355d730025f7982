"""What reading the cells found: the line at which the gradients end, and the mended cells to copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from regrad.analysis.location import Location
from regrad.analysis.source import SourceFile, decode
from regrad.codemods.engine.rule import Finding, Mending, Safety
from regrad.notebook.session import PATH, RanCell, content, sources
from regrad.repair import session
from regrad.repair.options import Options
from regrad.repair.outcome import FileOutcome, FindingOutcome
from regrad.repair.symptom import Meaning


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: `In [3], line 2`, or a file and its line; with the text of that line."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Cause:
    """One finding."""

    code: str
    name: str
    message: str
    place: Place
    related: tuple[tuple[Place, str], ...]
    advice: str
    """The title of the mending; or why there is none, and what to do."""


@dataclass(frozen=True, slots=True)
class MendedCell:
    """A cell that should be replaced, and the text to replace it with."""

    label: str
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said under a cell."""

    meaning: Meaning | None
    causes: tuple[Cause, ...]
    mended: tuple[MendedCell, ...]
    unsafe: bool = False
    """The mended cells compute something else than the author wrote, gradients apart."""
    files: tuple[str, ...] = ()
    """Files beside the notebook that the mending changes too."""


def answer(
    cells: Sequence[RanCell],
    meaning: Meaning | None = None,
    *,
    options: Options | None = None,
    unsafe: bool = True,
    only_about: int | None = None,
) -> Answer:
    """Reads the cells. With `only_about`, what has nothing to do with that cell is left out."""
    options = options or Options()
    before = content(list(cells))
    outcomes = list(session.check([PATH], options, contents={PATH: before}))
    program = decode(PATH, before)
    found = [each for outcome in outcomes for each in outcome.findings]
    if only_about is not None:
        found = [each for each in found if _touches(each.finding, only_about, program)]
    if not found:
        return Answer(meaning, (), ())
    causes = tuple(_cause(each, cells, program) for each in found)
    codes = tuple(dict.fromkeys(each.finding.code for each in found))
    for allowed in (False, True) if unsafe else (False,):
        mended, files = _mended(cells, before, codes, options, unsafe=allowed)
        if mended or files:
            return Answer(meaning, causes, mended, allowed, files)
    return Answer(meaning, causes, ())


def _mended(
    cells: Sequence[RanCell], before: bytes, codes: tuple[str, ...], options: Options, *, unsafe: bool
) -> tuple[tuple[MendedCell, ...], tuple[str, ...]]:
    from dataclasses import replace

    asked = replace(options, select=codes, unsafe_fixes=unsafe, verify=False)
    outcomes: Iterable[FileOutcome] = session.fix([PATH], asked, write=False, contents={PATH: before})
    mended: tuple[MendedCell, ...] = ()
    files: list[str] = []
    for outcome in outcomes:
        if not outcome.changed:
            continue
        if outcome.path != PATH or outcome.after is None:
            files.append(outcome.path)
            continue
        mended = tuple(
            MendedCell(cell.label, text)
            for cell, text in zip(cells, sources(outcome.after), strict=True)
            if text != cell.source
        )
    return mended, tuple(files)


def _touches(finding: Finding, index: int, program: SourceFile) -> bool:
    """Whether the finding, or a place that belongs to it, is in that cell."""
    locations = (finding.location, *(each.location for each in finding.related))
    return any(
        location.path == PATH and (program.cell_at(location.span.start.line) or (None,))[0] == index
        for location in locations
    )


def _cause(outcome: FindingOutcome, cells: Sequence[RanCell], program: SourceFile) -> Cause:
    finding = outcome.finding
    related = tuple((_place(each.location, cells, program), each.message) for each in finding.related)
    return Cause(
        finding.code,
        finding.name,
        finding.message,
        _place(finding.location, cells, program),
        related,
        _advice(outcome),
    )


def _advice(outcome: FindingOutcome) -> str:
    first: Mending | None = next(iter(outcome.mendings), None)
    if first is not None:
        return first.title if first.safety is not Safety.DISPLAY_ONLY else f"By hand: {first.title}"
    if outcome.withheld is None:
        return ""
    suggestion = f"\n{outcome.withheld.suggestion}" if outcome.withheld.suggestion else ""
    return f"{outcome.withheld.reason}{suggestion}"


def _place(location: Location, cells: Sequence[RanCell], program: SourceFile) -> Place:
    line = location.span.start.line
    if location.path != PATH:
        return Place(f"{location.path}, line {line}", "")
    index, inner = program.cell_at(line) or (0, line)
    return Place(f"{cells[index].label}, line {inner}", program.line(line).strip())
