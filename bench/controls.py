"""Controls of the verifier: what it says of broken programs, of their mended twins, and of correct programs.

A pair is run as a rewrite is: the mended twin first, then the broken program with the same supplied data. Mended is the
only right verdict, and anything but sound is wrong about a mended twin or a correct program. The lines that the report
on the broken program names are held against those that the true fix changes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from regrad.verify import Outcome, StepReport, Verdict, Verifier
from regrad.verify.faults import faults_of, sound
from regrad.verify.wording import describe, told

from . import inputs
from .cases import Program, programs
from .locating import FOUND, MISSED, located, named_lines
from .machine import measured_with, regrad_version
from .result import Column, Comparison, Figures, Row, Table

INSTALLED = re.compile(r"/[^\s'\")]*?/(?=site-packages/|dist-packages/)")
"""Where a machine keeps its packages: nothing that is kept names it."""

TITLE = "Controls: verdicts on known pairs, lines that a run names"
PACKAGES = ("tensorflow", "keras")
GOAL_PAIRS = 60 / 65
GOAL_LINES = 0.9


@dataclass(frozen=True)
class Judged:
    """One pair, or one correct program, under the verifier."""

    case: str
    kind: str
    broken_seen: bool | None
    """Whether anything wrong was seen of the broken program; None where the case is a correct program alone."""
    sound_seen: bool
    """Whether the mended twin, or the correct program, is seen to be sound."""
    suspected: str
    """What is said of it if not."""
    verdict: str
    reason: str
    location: str
    shown: str
    """The whole of both reports, in short; for whoever looks for the cause of a mistake."""
    tensorflow: str
    regrad: str = "a version that was not recorded"


def arguments(parser: argparse.ArgumentParser) -> None:
    inputs.cases(parser)
    parser.add_argument(
        "--python", type=Path, help="the interpreter with TensorFlow that runs the programs (else: this one)"
    )
    parser.add_argument(
        "--older", type=Path, metavar="PYTHON", help="one with an older TensorFlow, for the first folder once more"
    )
    parser.add_argument("--only", help="only cases whose name contains this; nothing is to be kept of such a run")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="keep each case there, and go on from there")


def measure(options: argparse.Namespace) -> Figures:
    folders = inputs.case_folders(options)
    runs = [(folder.name, folder, options.python or Path(sys.executable)) for folder in folders]
    if options.older is not None:
        runs.append((f"{folders[0].name}, older TensorFlow", folders[0], options.older))
    tables: list[Table] = []
    comparisons: list[Comparison] = []
    parts: set[str] = set()
    versions: dict[str, str] = {}
    for name, folder, python in runs:
        found = [program for program in programs(folder, options.kind) if (options.only or "") in program.case]
        cases = list(dict.fromkeys(program.case for program in found))[: 2 if options.quick else None]
        judged = list(_judged(name, [program for program in found if program.case in cases], python, options.journal))
        parts |= {each.regrad for each in judged}
        used = sorted({each.tensorflow for each in judged} - {""})
        if python is options.older:
            versions["older tensorflow"] = ", ".join(used)
        tables += tables_of(name, judged)
        comparisons += comparisons_of(name, judged)
    return Figures(tuple(tables), tuple(comparisons), {**versions, **measured_with(parts)})


def _judged(name: str, found: Sequence[Program], python: Path, journal: Path | None) -> Iterator[Judged]:
    kept = _journal(journal, name)
    by_case: dict[str, dict[str, Program]] = {}
    for program in found:
        by_case.setdefault(program.case, {})[program.side] = program
    with Verifier(str(python.absolute())) as verifier:
        for case, sides in by_case.items():
            for key, job in (("pair", ("buggy", "fixed")), ("ok", ("ok",))):
                if not set(job) <= set(sides):
                    continue
                made = kept.get((case, key))
                if made is None:
                    made = _pair(verifier, sides) if key == "pair" else _correct(verifier, sides["ok"])
                    _keep(journal, name, key, made)
                    print(_line(made), file=sys.stderr, flush=True)
                yield made


def _pair(verifier: Verifier, sides: Mapping[str, Program]) -> Judged:
    broken, mended = sides["buggy"], sides["fixed"]
    evidence = verifier.compare(broken.job, mended.job, same_loss=False)
    before, after = evidence.before, evidence.after
    return Judged(
        broken.case,
        broken.kind,
        not sound(before),
        sound(after),
        _suspicion(after),
        evidence.verdict.value,
        evidence.reason or "",
        located(before, broken, mended),
        f"before {_shown(before, broken)}\n  after  {_shown(after, mended)}",
        after.tensorflow or "",
        regrad_version(),
    )


def _correct(verifier: Verifier, program: Program) -> Judged:
    report = verifier.step(program.job)
    return Judged(
        program.case,
        program.kind,
        None,
        sound(report),
        _suspicion(report),
        "",
        "",
        "",
        _shown(report, program),
        report.tensorflow or "",
        regrad_version(),
    )


def _suspicion(report: StepReport) -> str:
    if sound(report):
        return ""
    if report.outcome is Outcome.STEPPED:
        return told(report, faults_of(report))
    return " ".join(filter(None, (f"{describe(report)}.", report.reason)))


def _shown(report: StepReport, program: Program) -> str:
    variables = ", ".join(
        f"{each.name}={each.gradient.value}{'' if each.norm is None else f':{each.norm:.2g}'}{'*' * each.changed}"
        for each in report.variables
    )
    raised = report.exception.splitlines()[0][:200] if report.exception else report.reason or ""
    cuts = " ".join(f"{cut.location.span.start.line}:{cut.kind.value}[{cut.operation}]" for cut in report.cuts)
    lines = [line for _, line in named_lines(report, str(program.entry.resolve()))]
    symptoms = ", ".join(symptom.value for symptom in report.symptoms)
    return (
        f"{report.outcome.value} {report.seconds:.2f} s, loss {report.loss} {raised} [{symptoms}] cuts: {cuts}; "
        f"lines: {lines} | {variables[:600]}"
    )


def _line(made: Judged) -> str:
    right = made.sound_seen and (made.broken_seen is None or made.verdict == Verdict.MENDED.value)
    words = f"{made.verdict or ('sound' if made.sound_seen else 'suspected')}: {made.reason or made.suspected}"
    found = "" if made.location in ("", *FOUND) else f" ({made.location} named)"
    return f"{' ' if right and not found else '!'} {made.case}: {words}{found}"


def _journal(path: Path | None, name: str) -> dict[tuple[str, str], Judged]:
    if path is None or not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["judged"]["case"], row["side"]): Judged(**row["judged"]) for row in rows if row["cases"] == name}


def _keep(path: Path | None, name: str, key: str, made: Judged) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"cases": name, "side": key, "judged": asdict(made)}) + "\n")


# -- tables -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Totals:
    pairs: tuple[Judged, ...]
    correct: tuple[Judged, ...]

    @property
    def mended(self) -> int:
        return sum(each.verdict == Verdict.MENDED.value for each in self.pairs)

    @property
    def wrong(self) -> int:
        """Verdicts that say the opposite of the truth: that the true fix does harm, or that nothing was broken."""
        return sum(each.verdict in (Verdict.WORSE.value, Verdict.WAS_NOT_BROKEN.value) for each in self.pairs)

    @property
    def broken_seen(self) -> int:
        return sum(bool(each.broken_seen) for each in self.pairs)

    @property
    def sound_seen(self) -> int:
        return sum(each.sound_seen for each in (*self.pairs, *self.correct))

    @property
    def located(self) -> int:
        return sum(each.location in FOUND for each in self.pairs)


def totals_of(judged: Sequence[Judged]) -> Totals:
    pairs = tuple(each for each in judged if each.broken_seen is not None)
    return Totals(pairs, tuple(each for each in judged if each.broken_seen is None))


def tables_of(name: str, judged: Sequence[Judged]) -> list[Table]:
    totals = totals_of(judged)
    count = len(totals.pairs)
    controls: list[Row] = [
        {"what": "pairs judged mended", "programs": f"{totals.mended} of {count}"},
        {"what": "pairs judged worse, or never broken", "programs": f"{totals.wrong} of {count}"},
        {"what": "broken programs seen to be broken", "programs": f"{totals.broken_seen} of {count}"},
        {
            "what": "mended twins seen to be sound",
            "programs": f"{sum(each.sound_seen for each in totals.pairs)} of {count}",
        },
    ]
    if totals.correct:
        good = sum(each.sound_seen for each in totals.correct)
        controls.append(
            {"what": "correct programs seen to be sound", "programs": f"{good} of {len(totals.correct)}"},
        )
    found = Counter(each.location for each in totals.pairs)
    locations: list[Row] = [
        {"what": what, "programs": found[what], "share": found[what] / max(count, 1)} for what in (*FOUND, *MISSED)
    ]
    what = Column("what", "")
    tables = [
        Table(f"`{name}`: controls", (what, Column("programs", "programs")), tuple(controls)),
        Table(
            f"`{name}`: locations",
            (what, Column("programs", "broken programs", "count"), Column("share", "share", "share")),
            tuple(locations),
            "What a run of the broken program names of the lines that the true fix changes.",
        ),
    ]
    exceptions = exceptions_of(totals)
    if exceptions:
        columns = (Column("case", "case"), what, Column("said", "said"))
        tables.append(Table(f"`{name}`: what the verifier gets wrong", columns, exceptions))
    return tables


def exceptions_of(totals: Totals) -> tuple[Row, ...]:
    rows: list[Row] = []
    for each in totals.pairs:
        if each.verdict != Verdict.MENDED.value:
            rows.append({"case": each.case, "what": f"judged {each.verdict}", "said": each.reason})
        if not each.broken_seen:
            rows.append({"case": each.case, "what": "broken, and nothing is seen", "said": ""})
    rows += [
        {"case": each.case, "what": "sound, and suspected", "said": each.suspected}
        for each in (*totals.pairs, *totals.correct)
        if not each.sound_seen
    ]
    rows += [
        {"case": each.case, "what": "not located", "said": each.location}
        for each in totals.pairs
        if each.location in MISSED
    ]
    return tuple({**row, "said": INSTALLED.sub(".../", str(row["said"]))} for row in rows)


def comparisons_of(name: str, judged: Sequence[Judged]) -> list[Comparison]:
    totals = totals_of(judged)
    pairs = max(len(totals.pairs), 1)
    suspected = len(judged) - totals.sound_seen
    unseen = len(totals.pairs) - totals.broken_seen
    goal = "the goal"
    return [
        Comparison(
            f"pairs.{name}", f"pairs judged mended on `{name}`", totals.mended / pairs, GOAL_PAIRS, goal, "share", True
        ),
        Comparison(
            f"wrong.{name}", f"pairs judged worse, or never broken, on `{name}`", totals.wrong, 0, goal, "count"
        ),
        Comparison(f"unseen.{name}", f"broken programs seen as sound on `{name}`", unseen, 0, goal, "count"),
        Comparison(f"suspected.{name}", f"sound programs suspected on `{name}`", suspected, 0, goal, "count"),
        Comparison(
            f"lines.{name}",
            f"broken programs located on `{name}`",
            totals.located / pairs,
            GOAL_LINES,
            goal,
            "share",
            True,
        ),
    ]
