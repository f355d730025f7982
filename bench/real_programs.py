"""Verifies programs that are known to train: are they sound, did a file of theirs change, is a process left."""

from __future__ import annotations

import argparse
import collections
import hashlib
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

from regrad.verify import Job, Outcome, Verifier
from regrad.verify.verdict import faults_of, sound, told

spec = importlib.util.spec_from_file_location("verify_cases", Path(__file__).with_name("verify_cases.py"))
assert spec is not None and spec.loader is not None
verify_cases: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify_cases)


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=Path, nargs="+", help="scripts and notebooks")
    parser.add_argument("--python", help="the interpreter that runs them")
    parser.add_argument("--timeout", type=float, default=120.0)
    options = parser.parse_args()
    judged: collections.Counter[str] = collections.Counter()
    changed: list[str] = []
    left: list[int] = []
    with Verifier(options.python, timeout=options.timeout) as verifier:
        for path in options.programs:
            path = path.resolve()
            before = contents(path.parent)
            overrides = {str(path): verify_cases.program_text(path)} if path.suffix == ".ipynb" else {}
            started = time.monotonic()
            report = verifier.step(Job(str(path), overrides))
            if contents(path.parent) != before:
                changed.append(str(path))
            left += [child for server in verifier.servers.values() for child in children(server.process.pid)]
            if sound(report):
                word = "sound"
            elif report.outcome is Outcome.STEPPED:
                word = f"broken: {told(report, faults_of(report))}"
            else:
                word = f"{report.outcome.value}: {report.reason}"
            judged[word.partition(":")[0]] += 1
            flows = sum(variable.gradient.value == "flows" for variable in report.variables)
            print(
                f"{word[:140]} | {path.name} | {flows} of {len(report.variables)} flow, {report.data}"
                f", {time.monotonic() - started:.0f} s",
                flush=True,
            )
        servers = [server.process.pid for server in verifier.servers.values()]
    left += [process for process in servers if Path("/proc", str(process)).exists()]
    print(f"{dict(judged)}; files changed: {changed or 'none'}; processes left: {left or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
