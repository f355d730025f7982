"""The cost of reading: CPU time against `ast.parse` over real trees, growth with the program, memory over many files.

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

LINES = (100, 1_000, 10_000, 100_000)
FILES = (100, 400, 1_600)
PIECE = '''
def make_{n}(units):
    """Make a small network."""
    inputs = keras.Input((8,))
    x = keras.layers.Dense(units, activation="relu")(inputs)
    if units > {n}:
        x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


class Trainer_{n}:
    def __init__(self, model):
        self.model = model
        self.optimizer = keras.optimizers.Adam(1e-3)

    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.model(x) - y))
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
        return loss


trainer_{n} = Trainer_{n}(make_{n}({n}))
for batch in range(10):
    loss_{n} = trainer_{n}.step(tf.random.normal((4, 8)), tf.random.normal((4, 1)))
'''
HEAD = "import tensorflow as tf\nfrom tensorflow import keras\n"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("trees", nargs="*", metavar="TREE", help="real collections to read")
    arguments.add_argument("--json", metavar="FILE", help="write the figures there as well")
    arguments.add_argument("--skip-growth", action="store_true", help="only the trees")
    given = arguments.parse_args()
    figures: dict[str, Any] = {"trees": [], "lines": [], "files": [], "again": []}
    if given.trees:
        print(f"{'tree':40} {'files':>6} {'relevant':>8} {'MB':>6} {'parse':>8} {'check':>8} {'ratio':>6} {'again':>7}")
    for tree in given.trees:
        figures["trees"].append(of_tree(tree))
    if not given.skip_growth:
        print(f"\n{'lines':>8} {'parse':>8} {'check':>8} {'ratio':>6} {'us/line':>8}")
        for count in LINES:
            figures["lines"].append(of_lines(count))
        print(f"\n{'files':>8} {'check':>8} {'peak MB':>8}")
        for count in FILES:
            figures["files"].append(of_files(count))
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


def of_lines(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        write(os.path.join(folder, "train.py"), count)
        parsed, checked = in_child("parse", [folder]), in_child("check", [folder], REGRAD_CACHE_DIR="")
    ratio = checked["seconds"] / parsed["seconds"]
    each = checked["seconds"] / count * 1e6
    print(f"{count:8} {parsed['seconds']:7.2f}s {checked['seconds']:7.2f}s {ratio:6.2f} {each:8.1f}", flush=True)
    return {"lines": count, "parse": parsed["seconds"], "check": checked["seconds"], "microseconds_a_line": each}


def of_files(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            write(os.path.join(folder, f"program{number:05}.py"), 150)
        checked = in_child("check", [folder], REGRAD_CACHE_DIR="")
    print(f"{count:8} {checked['seconds']:7.2f}s {checked['peak'] / 1e6:8.1f}", flush=True)
    return {"files": count, **checked}


def write(path: str, lines: int) -> None:
    pieces = [HEAD]
    wanted = lines - HEAD.count("\n")
    while wanted > 0:
        pieces.append(PIECE.format(n=len(pieces)))
        wanted -= PIECE.count("\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(pieces))


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
