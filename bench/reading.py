"""The cost of reading: CPU time against `ast.parse` over real trees. (`growth.py` has programs of every size.)

    python bench/reading.py ~/collections/keras-io ~/collections/docs
    python bench/reading.py --json results.json ~/collections/*

Every figure is CPU time of one process, so that other work on the machine counts little. `ratio` is all that a check
does (walking the folders, reading, searching, parsing, interpreting, all rules) over `ast.parse` of the relevant files.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from typing import Any

FIRST = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "fixtures", "tape_exhausted")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("trees", nargs="+", metavar="TREE", help="real collections to read")
    arguments.add_argument("--json", metavar="FILE", help="write the figures there as well")
    given = arguments.parse_args()
    figures: dict[str, Any] = {"trees": []}
    print(f"{'tree':40} {'files':>6} {'relevant':>8} {'MB':>6} {'parse':>8} {'check':>8} {'ratio':>6} {'again':>7}")
    with tempfile.TemporaryDirectory() as compiled:
        # As after an installation, which compiles what it installs.
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        in_child("check", [FIRST], REGRAD_CACHE_DIR="")
        for tree in given.trees:
            figures["trees"].append(of_tree(tree))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)


def of_tree(tree: str) -> dict[str, Any]:
    parsed = in_child("parse", [tree])
    with tempfile.TemporaryDirectory() as cache:
        checked = in_child("check", [tree], REGRAD_CACHE_DIR=cache)
        again = in_child("check", [tree], REGRAD_CACHE_DIR=cache)
    ratio = checked["seconds"] / max(parsed["seconds"], 1e-9)
    print(
        f"{os.path.basename(os.path.normpath(tree))[:40]:40} {parsed['files']:6} {parsed['relevant']:8}"
        f" {parsed['bytes'] / 1e6:6.1f} {parsed['seconds']:7.2f}s {checked['seconds']:7.2f}s {ratio:6.2f}"
        f" {again['seconds']:6.2f}s",
        flush=True,
    )
    return {
        "tree": os.path.basename(os.path.normpath(tree)),
        **parsed,
        "check": checked,
        "again": again,
        "ratio": ratio,
    }


# -- in a process of its own, so that each figure stands alone ---------------------------------------------------------


def in_child(work: str, arguments: Sequence[str], **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, os.path.abspath(__file__), f"--child-{work}", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def parse(paths: Sequence[str]) -> dict[str, Any]:
    from regrad.analysis.source import Unreadable, decode, read, relevant
    from regrad.repair.options import Options
    from regrad.repair.targets import Target, targets

    warnings.simplefilter("ignore")
    seconds, files, sources = 0.0, 0, []
    for target in targets(paths, Options()):
        if isinstance(target, Target):
            files += 1
            try:
                content = read(target.path)
                if relevant(content):
                    sources.append(decode(target.path, content))
            except Unreadable:
                continue
    for source in sources:
        start = time.process_time()
        try:
            ast.parse(source.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        finally:
            seconds += time.process_time() - start
    size = sum(len(source.text) for source in sources)
    return {"seconds": seconds, "files": files, "relevant": len(sources), "bytes": size}


def check(paths: Sequence[str]) -> dict[str, Any]:
    from regrad.repair import session
    from regrad.repair.options import Options

    start = time.process_time()
    outcomes = list(session.check(paths, Options(jobs=1)))
    seconds = time.process_time() - start
    findings = sum(len(outcome.findings) for outcome in outcomes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"seconds": seconds, "findings": findings, "peak": peak}


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("--child-"):
        print(json.dumps({"parse": parse, "check": check}[sys.argv[1].removeprefix("--child-")](sys.argv[2:])))
    else:
        main()
