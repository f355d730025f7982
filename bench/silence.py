"""Silence: reports per 1,000 files of public collections, and what became of them when they were read by a person.

A count by itself says nothing: whether a report is right has to be read. `--list` prints every report with its source
line, to be read; bench/judgements.json holds what was found. `relevant` are the files that mention TensorFlow or Keras.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType

from regrad.analysis.reader import Reader
from regrad.analysis.source import Unreadable, read, relevant
from regrad.codemods.engine.registry import selected
from regrad.codemods.engine.rule import Finding
from regrad.repair.detection import Detector
from regrad.repair.options import Options
from regrad.repair.pins import Pins
from regrad.repair.relevance import worth_reading
from regrad.repair.targets import Target, targets

from . import inputs
from .machine import measured_with, regrad_version
from .result import Column, Comparison, Figures, Row, Table
from .rivals import Reader as Rival
from .rivals.naive import Naive
from .rivals.neuralint import NeuraLint

TITLE = "Silence: reports on public collections"
PACKAGES: tuple[str, ...] = ()
GOAL_PRECISION = 19 / 20
READER_LASTS = 200
"""A reader keeps the modules that it has parsed; a fresh one after so many files keeps memory flat."""
HERE = Path(__file__).resolve().parent


class TooSlow(BaseException):
    """One file takes longer than the limit. Nothing that is read may catch it."""


@dataclass(frozen=True)
class Report:
    """One finding, as a reader of the list needs it."""

    path: str
    line: int
    code: str
    message: str
    source: str


@dataclass
class Tree:
    """What one collection gave."""

    name: str
    files: int = 0
    relevant: int = 0
    seconds: float = 0.0
    reports: list[Report] = field(default_factory=list)
    rivals: dict[str, int] = field(default_factory=dict)
    """How many reports each rival made: one for each of its rules that speaks up about a file."""
    slow: list[tuple[str, float]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    regrad: str = "a version that was not recorded"


def arguments(parser: argparse.ArgumentParser) -> None:
    inputs.collections(parser)
    parser.add_argument("--select", action="append", metavar="CODE", help="only these rules")
    parser.add_argument("--limit", type=float, default=60.0, metavar="SECONDS", help="the most that one file may take")
    parser.add_argument("--slow", type=float, default=20.0, metavar="SECONDS", help="name the files that take longer")
    parser.add_argument("--list", action="store_true", help="print every report with its source line")
    parser.add_argument(
        "--journal", type=Path, metavar="FOLDER", help="keep each collection there, and go on from there"
    )
    parser.add_argument("--reports", type=Path, metavar="FILE", help="write every report there as JSON")


def measure(options: argparse.Namespace) -> Figures:
    folders = inputs.collection_folders(options)[: 3 if options.quick else None]
    found = []
    for folder in folders:
        found.append(_kept(options.journal, folder.name) or _read(folder, options))
        print(
            f"{folder.name}: {len(found[-1].reports)} reports, {found[-1].seconds:.0f} s", file=sys.stderr, flush=True
        )
    for tree in found:
        for line in [*(f"given up after the limit: {path}" for path in tree.given_up), *tree.crashed]:
            print(f"{tree.name}: {line}", file=sys.stderr)
    if options.reports:
        told = [
            {"collection": tree.name, "path": each.path, "line": each.line, "code": each.code, "message": each.message}
            for tree in found
            for each in tree.reports
        ]
        options.reports.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    figures = figures_of(found, known_collections(), judgements())
    return replace(figures, versions=measured_with(tree.regrad for tree in found))


def _read(folder: Path, options: argparse.Namespace) -> Tree:
    tree = of_tree(folder, options.select, options.limit, options.slow, options.list)
    if options.journal is not None:
        options.journal.mkdir(parents=True, exist_ok=True)
        (options.journal / f"{tree.name}.json").write_text(json.dumps(asdict(tree)), encoding="utf-8")
    return tree


def _kept(journal: Path | None, name: str) -> Tree | None:
    """What an earlier run that was cut short found."""
    if journal is None or not (journal / f"{name}.json").exists():
        return None
    found = json.loads((journal / f"{name}.json").read_text(encoding="utf-8"))
    reports = [Report(**each) for each in found.pop("reports")]
    return Tree(**{**found, "reports": reports})


def known_collections() -> Mapping[str, Mapping[str, str]]:
    """`repository` and `revision` of a collection, by the name of its folder."""
    found: Mapping[str, Mapping[str, str]] = json.loads((HERE / "collections.json").read_text(encoding="utf-8"))
    return found


def judgements() -> Mapping[tuple[str, str, int, str], str]:
    """`defect`, `shown on purpose` or `false`, by collection, path, line and code."""
    rows = json.loads((HERE / "judgements.json").read_text(encoding="utf-8"))
    return {(each["collection"], each["path"], each["line"], each["code"]): each["judged"] for each in rows}


def figures_of(
    found: Sequence[Tree],
    collections: Mapping[str, Mapping[str, str]],
    judged: Mapping[tuple[str, str, int, str], str],
) -> Figures:
    rows = [_row(tree, collections, judged) for tree in found]
    numbers = ("files", "relevant", "reports", "defects", "purpose", "false", "open", "given_up", "crashed")
    together = {key: sum(int(str(row[key])) for row in rows) for key in numbers}
    rows.sort(key=lambda row: str(row["collection"]).lower())
    per_rule = Counter(report.code for tree in found for report in tree.reports)
    relevant = max(together["relevant"], 1)
    rivals = Counter[str]()
    for tree in found:
        rivals.update(tree.rivals)
    noise: list[Row] = [
        {"reader": "regrad", "reports": together["reports"], "rate": 1000 * together["reports"] / relevant}
    ]
    noise += [{"reader": name, "reports": count, "rate": 1000 * count / relevant} for name, count in rivals.items()]
    columns = (
        Column("collection", "collection"),
        Column("revision", "revision"),
        Column("files", "files", "count"),
        Column("relevant", "mention TF or Keras", "count"),
        Column("reports", "reports", "count"),
        Column("defects", "judged a defect", "count"),
        Column("purpose", "true, but shown on purpose", "count"),
        Column("false", "judged false", "count"),
        Column("open", "not judged", "count"),
    )
    quiet = [row for row in rows if not row["reports"]]
    listed = [row for row in rows if row["reports"]]
    if quiet:
        sums = {key: sum(int(str(row[key])) for row in quiet) for key in ("files", "relevant")}
        listed.append({"collection": f"{len(quiet)} others", "revision": "", "reports": 0, **sums})
    listed.append({"collection": "together", "revision": "", **together})
    tables = [
        Table(
            "How much is reported",
            (
                Column("reader", "reader"),
                Column("reports", "reports", "count"),
                Column("rate", "per 1,000 files that mention TensorFlow or Keras", "number"),
            ),
            tuple(noise),
            "Of the rivals, one report for each rule that speaks up about a file.",
        ),
        Table("Every report of regrad, read by a person", columns, tuple(listed)),
        Table(
            "By rule",
            (
                Column("code", "rule"),
                Column("reports", "reports", "count"),
                Column("rate", "per 1,000 files", "number"),
            ),
            tuple(
                {"code": code, "reports": count, "rate": 1000 * count / relevant}
                for code, count in sorted(per_rule.items())
            ),
        ),
    ]
    if quiet:
        names = ", ".join(f"{row['collection']} ({row['revision']})" for row in quiet)
        tables.append(Table("Collections without a report", (Column("names", "collections"),), ({"names": names},)))
    made = []
    read_ones = together["defects"] + together["purpose"] + together["false"]
    if read_ones:
        precision = together["defects"] / read_ones
        made.append(
            Comparison(
                "precision",
                "share of the judged reports that are defects",
                precision,
                GOAL_PRECISION,
                "the goal",
                "share",
                True,
            )
        )
    if found:
        made.append(
            Comparison("not_judged", "reports that nobody has judged", together["open"], 0, "the goal", "count")
        )
        made.append(Comparison("crashed", "files on which a rule crashed", together["crashed"], 0, "the goal", "count"))
        made.append(
            Comparison("given_up", "files given up after the limit", together["given_up"], 0, "the goal", "count")
        )
    for name, count in rivals.items():
        made.append(
            Comparison(
                f"rate.{name}",
                "reports per 1,000 files",
                1000 * together["reports"] / relevant,
                1000 * count / relevant,
                name,
                "number",
            )
        )
    return Figures(tuple(tables), tuple(made))


def _row(
    tree: Tree,
    collections: Mapping[str, Mapping[str, str]],
    judged: Mapping[tuple[str, str, int, str], str],
) -> dict[str, str | int]:
    known = collections.get(tree.name, {})
    verdicts = Counter(judged.get((tree.name, each.path, each.line, each.code), "open") for each in tree.reports)
    return {
        "collection": known.get("repository", tree.name),
        "revision": known.get("revision", ""),
        "files": tree.files,
        "relevant": tree.relevant,
        "reports": len(tree.reports),
        "defects": verdicts["defect"],
        "purpose": verdicts["shown on purpose"],
        "false": verdicts["false"],
        "open": verdicts["open"],
        "given_up": len(tree.given_up),
        "crashed": len(tree.crashed),
    }


def of_tree(top: Path, select: list[str] | None, limit: float, slow: float, listed: bool) -> Tree:
    """Every file of a tree as a program of its own, as `check` reads it; a finding in a shared module counts once."""
    options = Options(select=tuple(select) if select else None)
    detector = Detector(selected(options.select, ()), options)
    pins = Pins()
    tree = Tree(top.name, regrad=regrad_version())
    rivals: list[tuple[str, Rival]] = [(rival.name, rival) for rival in (Naive(), NeuraLint())]
    seen: set[tuple[str, int, int, str]] = set()
    reader = Reader(pinned=pins.generation_of)
    for target in targets([str(top)], options):
        if not isinstance(target, Target):
            continue
        tree.files += 1
        try:
            content = read(target.path)
        except Unreadable:
            continue
        if relevant(content):
            tree.relevant += 1
            for name, rival in rivals:
                tree.rivals[name] = tree.rivals.get(name, 0) + len(rival.rules(Path(target.path)))
        elif not worth_reading(target.path, content):
            # A script that speaks of no TensorFlow may run what does.
            continue
        if tree.files % READER_LASTS == 0:
            reader = Reader(pinned=pins.generation_of)
            gc.collect()
        start = time.process_time()
        try:
            with at_most(limit):
                if worth_reading(target.path, content):
                    program = reader.read(target.path)
                    detected = detector.detect(program)
                    tree.crashed.extend(f"{target.path}: {problem}" for problem in detected.problems)
                    for finding in detected.findings:
                        report = as_report(finding, top, program.files[finding.location.path].line)
                        start_of = finding.location.span.start
                        key = (finding.location.path, start_of.line, start_of.column, finding.code)
                        if key not in seen:
                            seen.add(key)
                            tree.reports.append(report)
                            if listed:
                                print_report(report)
        except Unreadable:
            pass
        except TooSlow:
            tree.given_up.append(target.path)
            reader = Reader(pinned=pins.generation_of)
        except Exception as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            tree.crashed.append(f"{target.path}: {problem!r} ({os.path.basename(place.filename)}:{place.lineno})")
        took = time.process_time() - start
        tree.seconds += took
        if took > slow:
            tree.slow.append((target.path, round(took, 1)))
            print(f"slow: {target.path} {took:.1f} s", file=sys.stderr, flush=True)
    return tree


def as_report(finding: Finding, top: Path, line_of: object) -> Report:
    line = finding.location.span.start.line
    text = line_of(line) if callable(line_of) else ""
    path = os.path.relpath(finding.location.path, top)
    return Report(path, line, finding.code, finding.message, str(text).strip()[:160])


@contextmanager
def at_most(limit: float) -> Iterator[None]:
    """Gives up after so many seconds, where the system has such a clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    usual = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)


def print_report(report: Report) -> None:
    print(f"{report.path}:{report.line} {report.code} {report.message}\n      | {report.source}", flush=True)
