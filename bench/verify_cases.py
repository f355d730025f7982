"""Runs every pair of a folder of cases through the verifier and prints the verdicts and their totals."""

from __future__ import annotations

import argparse
import collections
import difflib
import json
import sys
import time
from pathlib import Path
from typing import Any

from regrad.verify import Evidence, Job, Outcome, StepReport, Verdict, Verifier
from regrad.verify.verdict import faults_of, sound, told

ENTRIES = ("train.py", "main.py", "run.py", "__main__.py")


def side(case: Path, name: str) -> Path | None:
    """`buggy`, `fixed` or `ok` of a case: a folder, a script or a notebook."""
    return next((case / (name + end) for end in ("", ".py", ".ipynb") if (case / (name + end)).exists()), None)


def entry_of(source: Path, description: dict[str, Any]) -> Path:
    if not source.is_dir():
        return source
    named = source / Path(description.get("entry") or source.name).name
    return named if named.exists() else next((source / e for e in ENTRIES if (source / e).exists()), named)


def program_text(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return "\n".join("#" + line if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())


def job_for(source: Path, description: dict[str, Any]) -> Job:
    entry = entry_of(source, description).resolve()
    overrides = {str(entry): program_text(entry)} if entry.suffix == ".ipynb" else {}
    return Job(str(entry), overrides)


def show(report: StepReport) -> str:
    variables = ", ".join(
        f"{v.name}={v.gradient.value}{'' if v.norm is None else f':{v.norm:.2g}'}{'*' if v.changed else ''}"
        for v in report.variables
    )
    symptoms = ",".join(symptom.value for symptom in report.symptoms)
    cuts = " ".join(f"{cut.location.span.start.line}:{cut.kind.value}[{cut.operation}]" for cut in report.cuts)
    loss = "" if report.loss is None else f" loss={report.loss:.5g}"
    raised = "" if report.exception is None else f" {report.exception.splitlines()[0][:150]}"
    reason = "" if report.reason is None or report.exception else f" {report.reason[:200]}"
    return f"{report.outcome.value} {report.seconds:.2f}s{loss}{raised}{reason} [{symptoms}] {cuts} | {variables[:600]}"


def touched_lines(buggy: Path, fixed: Path) -> set[tuple[str, int]]:
    """The lines of the broken program that the true fix changes, or that stand beside what it inserts."""
    lines: set[tuple[str, int]] = set()
    files = sorted(buggy.rglob("*.py")) if buggy.is_dir() else [buggy]
    for file in files:
        other = fixed / file.relative_to(buggy) if buggy.is_dir() else fixed
        read = program_text if file.suffix == ".ipynb" else Path.read_text
        if not other.exists():
            continue
        matcher = difflib.SequenceMatcher(None, read(file).splitlines(), read(other).splitlines(), autojunk=False)
        for tag, start, end, _, _ in matcher.get_opcodes():
            if tag != "equal":
                lines |= {(str(file.resolve()), line) for line in range(start, max(end, start + 1) + 2)}
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path, help="a folder of cases: */case.json beside buggy, fixed or ok")
    parser.add_argument("--python", help="the interpreter that runs the programs")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--after", default="", help="cases whose name comes after this")
    parser.add_argument("--same-loss", action="store_true", help="demand equal losses, as for a safe rewrite")
    parser.add_argument("-v", "--verbose", action="store_true", help="show both reports")
    options = parser.parse_args()
    verdicts: collections.Counter[str] = collections.Counter()
    unsound: list[str] = []
    located: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    with Verifier(options.python) as verifier:
        for case in sorted(path.parent for path in options.cases.glob("*/case.json")):
            if case.name <= options.after or (options.only and options.only not in case.name):
                continue
            description = json.loads((case / "case.json").read_text())
            buggy, fixed, correct = (side(case, name) for name in ("buggy", "fixed", "ok"))
            if buggy and fixed:
                evidence: Evidence = verifier.compare(
                    job_for(buggy, description), job_for(fixed, description), same_loss=options.same_loss
                )
                verdicts[evidence.verdict.value] += 1
                mark = " " if evidence.verdict is Verdict.MENDED else "!"
                print(f"{mark} {evidence.verdict.value:15} {case.name}: {evidence.reason}", flush=True)
                if options.verbose:
                    print(f"      before {show(evidence.before)}\n      after  {show(evidence.after)}", flush=True)
                touched = touched_lines(buggy, fixed)
                places = [(cut.location.path, cut.location.span.start.line) for cut in evidence.before.cuts]
                hit = (
                    "none"
                    if not places
                    else "first"
                    if places[0] in touched
                    else "later"
                    if touched & set(places)
                    else "other"
                )
                located[hit] += 1
                if options.verbose and hit in ("none", "other"):
                    print(f"      cut {hit}: the fix touches {sorted(line for _, line in touched)}", flush=True)
                if not sound(evidence.after):
                    unsound.append(f"{case.name} fixed")
            if correct:
                report = verifier.step(job_for(correct, description))
                verdicts["sound" if sound(report) else "unsound"] += 1
                words = "sound" if sound(report) else told(report, faults_of(report))
                print(
                    f"{' ' if sound(report) else '!'} {words:15} {case.name} {show(report) if options.verbose else ''}",
                    flush=True,
                )
                if not sound(report):
                    unsound.append(
                        f"{case.name} ok{'' if report.outcome is Outcome.STEPPED else ' ' + report.outcome.value}"
                    )
    print(f"{dict(verdicts)} in {time.monotonic() - started:.0f} s")
    print(f"a cut on a line of the true fix, or beside it: {dict(located)}")
    print(f"judged broken though fixed or correct: {unsound or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
