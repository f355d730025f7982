"""What the reports of a large migration cost, with made-up results: `python bench/report_page.py [REPOSITORIES FILES]`.

Prints the processor time, the size and the memory of each format. Every file has a finding, two in five a diff and a
training step of twelve variables.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from regrad.report import csv_table, html, json_lines  # noqa: E402

from tests.report.migrations import large  # noqa: E402

WRITERS = {"html": html.write, "jsonl": json_lines.write, "csv": csv_table.write}


def main(repositories: int, files: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = large(Path(folder) / "run", repositories, files)
        for name, write in WRITERS.items():
            place = Path(folder) / f"report.{name}"
            started = time.process_time()
            with place.open("w", encoding="utf-8", errors="replace", newline="") as stream:
                write(results, stream)
            seconds = time.process_time() - started
            size = place.stat().st_size / 1e6
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{name:5} {repositories * files:,} findings: {seconds:.1f} s, {size:.1f} MB, {memory:.0f} MiB at most"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3])) if len(sys.argv) > 2 else main(100, 100)
