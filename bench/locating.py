"""How often a run of a broken program names the line that the true fix changes, or one that leads to it.

A line leads to a changed one where one step connects them: it uses a name that the changed lines (or the function or
class around them) bind, or it binds a name that they use.
"""

from __future__ import annotations

import argparse
import ast
import collections
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

from regrad.verify import StepReport, Verifier
from regrad.verify.verdict import sound

spec = importlib.util.spec_from_file_location("verify_cases", Path(__file__).with_name("verify_cases.py"))
assert spec is not None and spec.loader is not None
verify_cases: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify_cases)

Line = tuple[str, int]


def named_lines(report: StepReport, entry: Path) -> list[Line]:
    """The lines that the report names, in the order in which they are shown."""
    lines = [(cut.location.path, cut.location.span.start.line) for cut in report.cuts]
    if report.exception_line:
        lines.append((str(entry), report.exception_line))
    lines += [(place.path, place.line) for place in report.places]
    return list(dict.fromkeys(lines))


def statements(tree: ast.AST, lines: set[int]) -> list[ast.AST]:
    """The smallest statements that these lines belong to, by their own lines without their bodies."""
    found: dict[int, tuple[int, ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = (body[0].lineno - 1) if body else (node.end_lineno or node.lineno)
            start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
            for line in lines & set(range(start, max(end, node.lineno) + 1)):
                if line not in found or end - start < found[line][0]:
                    found[line] = (end - start, node)
    return [node for _, node in found.values()]


def names(nodes: list[ast.AST], tree: ast.AST) -> tuple[set[str], set[str]]:
    """The names that these statements bind (with the functions and classes around them), and those that they use."""
    bound: set[str] = set()
    used: set[str] = set()
    wanted = {id(node) for node in nodes}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and any(id(inner) in wanted for inner in ast.walk(node)):
            bound.add(node.name)
    for statement in nodes:
        for part in own_parts(statement):
            if isinstance(part, ast.Name):
                (used if isinstance(part.ctx, ast.Load) else bound).add(part.id)
            elif isinstance(part, ast.Attribute):
                (used if isinstance(part.ctx, ast.Load) else bound).add(part.attr)
            elif isinstance(part, ast.arg):
                bound.add(part.arg)
    return bound, used


def own_parts(statement: ast.AST) -> list[ast.AST]:
    inner = {
        id(part)
        for child in getattr(statement, "body", []) + getattr(statement, "orelse", [])
        if isinstance(child, ast.AST)
        for part in ast.walk(child)
    }
    return [part for part in ast.walk(statement) if id(part) not in inner]


LIBRARY = {"tf", "np", "keras", "tensorflow", "numpy", "self", "layers", "range", "len", "print", "zip"}


def leads(named: Line, touched: set[Line], texts: dict[str, str]) -> bool:
    def of(lines: set[Line]) -> tuple[set[str], set[str]]:
        bound: set[str] = set()
        used: set[str] = set()
        for path in {path for path, _ in lines}:
            if path in texts:
                tree = ast.parse(texts[path])
                here = names(statements(tree, {line for place, line in lines if place == path}), tree)
                bound |= here[0]
                used |= here[1]
        return bound - LIBRARY, used - LIBRARY

    bound, used = of(touched)
    its_bound, its_used = of({named})
    return bool(bound & its_used or its_bound & used)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path, nargs="+", help="folders of cases: */case.json beside buggy and fixed")
    parser.add_argument("--python", help="the interpreter that runs the programs")
    parser.add_argument("--only", help="cases whose name contains this")
    options = parser.parse_args()
    hits: collections.Counter[str] = collections.Counter()
    seen: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    with Verifier(options.python) as verifier:
        for case in sorted(path.parent for folder in options.cases for path in folder.glob("*/case.json")):
            buggy, fixed = (verify_cases.side(case, name) for name in ("buggy", "fixed"))
            if buggy is None or fixed is None or (options.only and options.only not in case.name):
                continue
            description = json.loads((case / "case.json").read_text(encoding="utf-8"))
            job = verify_cases.job_for(buggy, description)
            report = verifier.step(job)
            touched = verify_cases.touched_lines(buggy, fixed)
            files = sorted(buggy.rglob("*.py")) if buggy.is_dir() else [buggy]
            texts = {
                str(file.resolve()): verify_cases.program_text(file) if file.suffix == ".ipynb" else file.read_text()
                for file in files
            }
            lines = named_lines(report, Path(job.path))
            if lines and lines[0] in touched:
                hit = "first line"
            elif touched & set(lines):
                hit = "another line"
            elif any(leads(line, touched, texts) for line in lines):
                hit = "leads to it"
            else:
                hit = "elsewhere" if lines else "none"
            hits[hit] += 1
            seen["sound" if sound(report) else "broken"] += 1
            places = " ".join(f"{line}:{what}" for _, line, what in told(report))
            mark = "!" if hit in ("elsewhere", "none") else "s" if sound(report) else " "
            print(f"{mark} {hit:12} {case.name}: {places} | fix {sorted(line for _, line in touched)}", flush=True)
            if hit in ("elsewhere", "none"):
                print(f"      {verify_cases.show(report)}", flush=True)
    total = sum(hits.values())
    good = total - hits["elsewhere"] - hits["none"]
    print(f"{good} of {total} located: {dict(hits)}; a run shows {dict(seen)}; {time.monotonic() - started:.0f} s")
    return 0


def told(report: StepReport) -> list[tuple[str, int, str]]:
    cuts = [(cut.location.path, cut.location.span.start.line, cut.kind.value) for cut in report.cuts]
    raised = [("", report.exception_line, "raised")] if report.exception_line else []
    return [*cuts, *raised, *((place.path, place.line, place.what.split(" here")[0]) for place in report.places)]


if __name__ == "__main__":
    sys.exit(main())
