"""How much is reported: findings per 1,000 files over real trees, rule by rule, each with the line it stands on.

    python bench/silence.py ~/collections/keras-io ~/collections/docs
    python bench/silence.py --json reports.json --list ~/collections/*

A count by itself says nothing: whether a report is right has to be read. `--list` prints every report with its source
line, to be read; the JSON holds the same. `relevant` are the files that mention TensorFlow or Keras.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType

from regrad.analysis.program import Reader
from regrad.analysis.source import Unreadable, read, relevant
from regrad.codemods.engine.registry import selected
from regrad.codemods.engine.rule import Finding
from regrad.repair.detection import Detector
from regrad.repair.options import Options
from regrad.repair.pins import Pins
from regrad.repair.relevance import worth_reading
from regrad.repair.targets import Target, targets

READER_LASTS = 200
"""A reader keeps the modules that it has parsed; a fresh one after so many files keeps memory flat."""


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
    """What one tree gave."""

    tree: str
    files: int = 0
    relevant: int = 0
    seconds: float = 0.0
    reports: list[Report] = field(default_factory=list)
    slow: list[tuple[str, float]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)

    def by_rule(self) -> dict[str, int]:
        return dict(sorted(Counter(report.code for report in self.reports).items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", metavar="TREE", help="collections to read")
    parser.add_argument("--select", action="append", metavar="CODE", help="only these rules")
    parser.add_argument("--limit", type=float, default=60.0, metavar="SECONDS", help="the most that one file may take")
    parser.add_argument("--slow", type=float, default=20.0, metavar="SECONDS", help="name the files that take longer")
    parser.add_argument("--list", action="store_true", help="print every report with its source line")
    parser.add_argument("--json", metavar="FILE", help="write figures and reports there as well")
    given = parser.parse_args()
    found = [of_tree(tree, given.select, given.limit, given.slow, given.list) for tree in given.trees]
    print_table(found)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump([{**asdict(tree), "rules": tree.by_rule()} for tree in found], file, indent=1)


def of_tree(path: str, select: list[str] | None, limit: float, slow: float, listed: bool) -> Tree:
    """Every file of a tree as a program of its own, as `check` reads it; a finding in a shared module counts once."""
    options = Options(select=tuple(select) if select else None)
    detector = Detector(selected(options.select, ()), options)
    pins = Pins()
    tree = Tree(os.path.basename(os.path.normpath(path)))
    seen: set[tuple[str, int, int, str]] = set()
    reader = Reader(pinned=pins.generation_of)
    for target in targets([path], options):
        if not isinstance(target, Target):
            continue
        tree.files += 1
        try:
            content = read(target.path)
        except Unreadable:
            continue
        if not relevant(content):
            continue
        tree.relevant += 1
        if tree.relevant % READER_LASTS == 0:
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
                        report = as_report(finding, program.files[finding.location.path].line)
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


def as_report(finding: Finding, line_of: object) -> Report:
    line = finding.location.span.start.line
    text = line_of(line) if callable(line_of) else ""
    return Report(finding.location.path, line, finding.code, finding.message, str(text).strip()[:160])


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


def print_table(found: list[Tree]) -> None:
    print(f"\n{'tree':44} {'files':>6} {'relevant':>8} {'reports':>7} {'per 1,000':>9} {'seconds':>8}  rules")
    for tree in found:
        rules = ", ".join(f"{code} {count}" for code, count in tree.by_rule().items())
        rate = 1000 * len(tree.reports) / max(tree.relevant, 1)
        print(
            f"{tree.tree[:44]:44} {tree.files:6} {tree.relevant:8} {len(tree.reports):7} {rate:9.1f}"
            f" {tree.seconds:8.1f}  {rules}"
        )
    files, many, reports = (
        sum(tree.files for tree in found),
        sum(tree.relevant for tree in found),
        sum(len(tree.reports) for tree in found),
    )
    print(f"{'together':44} {files:6} {many:8} {reports:7} {1000 * reports / max(many, 1):9.1f}")
    counts = Counter(report.code for tree in found for report in tree.reports)
    for code, count in sorted(counts.items()):
        print(f"  {code} {count:5} {1000 * count / max(many, 1):8.2f} per 1,000 relevant files")
    for tree in found:
        for place in tree.given_up:
            print(f"given up after the limit: {place}")
        for crash in tree.crashed:
            print(f"crashed: {crash}")


if __name__ == "__main__":
    main()
