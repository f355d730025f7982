"""Mutation of our own honesty: every rule's rewrite is broken on purpose, and the proof has to withdraw it.

    python bench/abuse/sabotage.py --json bench/abuse/sabotage.json --page docs/honesty.md
    python bench/abuse/sabotage.py --rule RG401 --every

For each rule that mends, the repair loop gets rewrites that mend nothing in the place of its own, and runs the program
as `regrad fix --unsafe-fixes` does. A spoiled rewrite that is called mended is a lie; the exit status is then 1. One
that is written as *improved*, with what is still wrong, is counted as kept.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from regrad.verify import Verifier

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", help="only this code")
    parser.add_argument("--sabotage", help="only this kind")
    parser.add_argument("--every", action="store_true", help="all programs of each rule, not the first that will do")
    parser.add_argument("--python", help="the interpreter that runs the programs")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--page", type=Path, metavar="FILE", help="where the table goes")
    options = parser.parse_args()
    sabotages = importlib.import_module("repair.sabotage").SABOTAGES
    repair = importlib.import_module("repair.spoiled_repair")
    programs: dict[str, list[Any]] = collections.defaultdict(list)
    for broken, _ in repair.pairs():
        if options.rule in (None, broken.rule.code):
            programs[broken.rule.code].append(broken)
    rows: list[dict[str, Any]] = []
    started = time.monotonic()
    with Verifier(options.python, timeout=60.0) as verifier:
        for sabotage in sabotages:
            if options.sabotage not in (None, sabotage.name):
                continue
            for code, cases in sorted(programs.items()):
                for case in cases:
                    with tempfile.TemporaryDirectory() as folder:
                        spoiled = repair.spoiled_repair(case, sabotage, verifier, Path(folder))
                    if spoiled is None:
                        continue
                    allowed = sabotage.only_same_loss and not spoiled.promised_same
                    row = {
                        "rule": code,
                        "program": case.place.stem,
                        "sabotage": sabotage.name,
                        "decision": spoiled.decision,
                        "verdict": spoiled.verdict,
                        "written": spoiled.written,
                        "mended otherwise": spoiled.otherwise,
                        "lie": spoiled.lie and not allowed,
                        "reason": spoiled.reason,
                    }
                    rows.append(row)
                    mark = "LIE" if row["lie"] else "other" if spoiled.otherwise else "wrote" if spoiled.written else ""
                    print(f"{mark:5} {code} {sabotage.name:15} {spoiled.verdict:15} {spoiled.decision:10}", end=" ")
                    print(f"{case.place.stem}: {spoiled.reason[:160]}", flush=True)
                    if options.json:
                        Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
                    if not options.every:
                        break
    if options.page:
        made = importlib.import_module("repair.spoiled_table").with_table(options.page.read_text(), rows)
        options.page.write_text(made)
    counted = collections.Counter(row["verdict"] for row in rows)
    lies = sum(row["lie"] for row in rows)
    print(f"{len(rows)} spoiled rewrites, {dict(counted)}, {lies} lies, {time.monotonic() - started:.0f} s")
    return 1 if lies else 0


if __name__ == "__main__":
    sys.exit(main())
