"""Real programs that train: does the verifier call them sound, does a file of theirs change, is a process left."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from regrad.verify import Job, Outcome, Verifier
from regrad.verify.faults import faults_of, sound
from regrad.verify.wording import told

from .cases import program_text
from .result import Column, Comparison, Figures, Missing, Row, Table

TITLE = "Real programs under the verifier"
PACKAGES = ("tensorflow", "keras")
GOAL = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--programs", type=Path, nargs="+", default=[], metavar="FILE", help="scripts and notebooks")
    parser.add_argument("--with-python", metavar="PYTHON", help="the interpreter that runs them")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="the most for one program")


def measure(options: argparse.Namespace) -> Figures:
    if not options.programs:
        raise Missing("needs programs that are known to train: name them with --programs")
    rows: list[Row] = []
    changed: list[str] = []
    left: list[int] = []
    with Verifier(options.with_python, timeout=options.timeout) as verifier:
        for path in options.programs:
            path = path.resolve()
            before = contents(path.parent)
            overrides = {str(path): program_text(path)} if path.suffix == ".ipynb" else {}
            started = time.monotonic()
            report = verifier.step(Job(str(path), overrides))
            if contents(path.parent) != before:
                changed.append(path.name)
            left += [child for server in verifier.servers.values() for child in children(server.process.pid)]
            if sound(report):
                word, why = "sound", ""
            elif report.outcome is Outcome.STEPPED:
                word, why = "called broken", told(report, faults_of(report)) or ""
            else:
                word, why = report.outcome.value, report.reason or ""
            flows = sum(variable.gradient.value == "flows" for variable in report.variables)
            rows.append(
                {
                    "program": f"{path.parent.name}/{path.name}",
                    "judged": word,
                    "flows": f"{flows} of {len(report.variables)}",
                    "data": report.data or "",
                    "seconds": time.monotonic() - started,
                    "why": why[:140],
                }
            )
            print(" | ".join(map(str, rows[-1].values())), file=sys.stderr, flush=True)
        servers = [server.process.pid for server in verifier.servers.values()]
    left += [process for process in servers if Path("/proc", str(process)).exists()]
    return figures_of(rows, changed, left)


def figures_of(rows: Sequence[Row], changed: Sequence[str], left: Sequence[int]) -> Figures:
    judged = Counter(str(row["judged"]) for row in rows)
    columns = (
        Column("program", "program"),
        Column("judged", "judged"),
        Column("flows", "variables that gradients reach"),
        Column("data", "data"),
        Column("seconds", "elapsed", "seconds"),
        Column("why", "why"),
    )
    summary: list[Row] = [{"judged": word, "programs": count} for word, count in judged.most_common()]
    return Figures(
        (
            Table("Together", (Column("judged", "judged"), Column("programs", "programs", "count")), tuple(summary)),
            Table("Each program", columns, tuple(rows)),
        ),
        (
            Comparison("sound", "real programs found sound", judged["sound"], GOAL, "the goal", "count", True),
            Comparison("broken", "sound programs called broken", judged["called broken"], 0, "the goal", "count"),
            Comparison("changed", "programs beside which a file changed", len(changed), 0, "the goal", "count"),
            Comparison("left", "processes left behind", len(left), 0, "the goal", "count"),
        ),
    )


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file beside and below a program, by time of change and digest (of those that are not huge)."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            size = path.stat().st_size
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if size < 5_000_000 else str(size)
            found[str(path)] = (path.stat().st_mtime_ns, digest)
    return found


def children(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(name))
    return found
