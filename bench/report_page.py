"""What the reports of a large migration cost, with made-up results: time, size and memory of each format.

Every file has a finding, two in five a diff and a training step of twelve variables.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from .machine import ROOT
from .measuring import as_installed, cost
from .result import Column, Figures, Row, Table

TITLE = "Reports of a large migration"
PACKAGES: tuple[str, ...] = ()
FORMATS = ("html", "jsonl", "csv")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--findings-reported", type=int, nargs="+", default=[1_000, 10_000], metavar="N")


def measure(options: argparse.Namespace) -> Figures:
    rows: list[Row] = []
    with as_installed(PYTHONPATH=str(ROOT)) as environment:
        for findings in [100] if options.quick else options.findings_reported:
            # A process for each format, so that its memory is its own.
            for name in FORMATS:
                spent = cost(
                    [sys.executable, "-m", "bench.report_page", name, str(findings)],
                    environment=environment,
                    folder=ROOT,
                    accepted=[0],
                )
                rows.append({"format": name, "findings": findings, **json.loads(spent.output.splitlines()[-1])})
    columns = (
        Column("format", "format"),
        Column("findings", "findings", "count"),
        Column("seconds", "processor time", "seconds"),
        Column("bytes", "bytes", "count"),
        Column("peak", "peak memory", "mebibytes"),
    )
    return Figures((Table("One report", columns, tuple(rows)),))


def _one(name: str, findings: int) -> dict[str, float]:
    from regrad.report import csv_table, html, json_lines

    # The tests are no part of the package: they are found as this is started from the root.
    large = importlib.import_module("tests.report.migrations").large

    write = {"html": html.write, "jsonl": json_lines.write, "csv": csv_table.write}[name]
    repositories = max(findings // 100, 1)
    with tempfile.TemporaryDirectory() as folder:
        results = large(Path(folder) / "run", repositories, findings // repositories)
        place = Path(folder) / f"report.{name}"
        started = time.process_time()
        with place.open("w", encoding="utf-8", errors="replace", newline="") as stream:
            write(results, stream)
        seconds = time.process_time() - started
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return {"seconds": seconds, "bytes": place.stat().st_size, "peak": peak}


if __name__ == "__main__":
    print(json.dumps(_one(sys.argv[1], int(sys.argv[2]))))
