"""Runs every pair of a folder of cases through the verifier and prints the verdicts and their totals."""

from __future__ import annotations

import argparse
import collections
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path, help="a folder of cases: */case.json beside buggy, fixed or ok")
    parser.add_argument("--python", help="the interpreter that runs the programs")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--same-loss", action="store_true", help="demand equal losses, as for a safe rewrite")
    parser.add_argument("-v", "--verbose", action="store_true", help="show both reports")
    options = parser.parse_args()
    verdicts: collections.Counter[str] = collections.Counter()
    unsound: list[str] = []
    started = time.monotonic()
    with Verifier(options.python) as verifier:
        for case in sorted(path.parent for path in options.cases.glob("*/case.json")):
            if options.only and options.only not in case.name:
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
                if not sound(evidence.after):
                    unsound.append(f"{case.name} fixed")
            if correct:
                report = verifier.step(job_for(correct, description))
                verdicts["sound" if sound(report) else "unsound"] += 1
                words = "sound" if sound(report) else told(report, faults_of(report))
                print(f"{' ' if sound(report) else '!'} {words:15} {case.name} {show(report) if options.verbose else ''}", flush=True)
                if not sound(report):
                    unsound.append(f"{case.name} ok{'' if report.outcome is Outcome.STEPPED else ' ' + report.outcome.value}")
    print(f"{dict(verdicts)} in {time.monotonic() - started:.0f} s")
    print(f"judged broken though fixed or correct: {unsound or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
