"""How the cost of `regrad check` grows: CPU time with the length of one program, memory with the number of files.

    python bench/growth.py
    python bench/growth.py --json results.json --files 500 2000

Each figure is one run of the command line over generated programs that train, without a cache. CPU time is that of all
its processes; the peak is that of the largest of them. `ratio` is against `ast.parse` of the same text in this run.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

LINES = (100, 1_000, 10_000, 100_000)
FILES = (500, 2_000, 8_000)
LINES_A_FILE = 60
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
    arguments.add_argument("--lines", nargs="*", type=int, default=LINES, metavar="N", help="lengths of one program")
    arguments.add_argument("--files", nargs="*", type=int, default=FILES, metavar="N", help="numbers of files")
    arguments.add_argument("--json", metavar="FILE", help="write the figures there as well")
    given = arguments.parse_args()
    figures: dict[str, Any] = {"lines": [], "files": []}
    with tempfile.TemporaryDirectory() as compiled, tempfile.TemporaryDirectory() as folder:
        # As after an installation, which compiles what it installs.
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        write(os.path.join(folder, "train.py"), LINES_A_FILE)
        check(folder)
        print(f"{'lines':>8} {'parse':>8} {'check':>8} {'ratio':>6} {'us/line':>8} {'peak MB':>8}")
        for count in given.lines:
            figures["lines"].append(of_lines(count))
        print(f"\n{'files':>8} {'check':>8} {'ms/file':>8} {'peak MB':>8}")
        for count in given.files:
            figures["files"].append(of_files(count))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)


def of_lines(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train.py")
        text = write(path, count)
        started = time.process_time()
        ast.parse(text)
        parsed = time.process_time() - started
        checked = check(folder)
    each = checked["seconds"] / count * 1e6
    print(
        f"{count:8} {parsed:7.3f}s {checked['seconds']:7.2f}s {checked['seconds'] / parsed:6.1f} {each:8.1f}"
        f" {checked['peak'] / 1e6:8.1f}",
        flush=True,
    )
    return {"lines": count, "parse": parsed, **checked}


def of_files(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            write(os.path.join(folder, f"program{number:05}.py"), LINES_A_FILE)
        checked = check(folder)
    each = checked["seconds"] / count * 1e3
    print(f"{count:8} {checked['seconds']:7.2f}s {each:8.2f} {checked['peak'] / 1e6:8.1f}", flush=True)
    return {"files": count, **checked}


def write(path: str, lines: int) -> str:
    pieces = [HEAD]
    wanted = lines - HEAD.count("\n")
    while wanted > 0:
        pieces.append(PIECE.format(n=len(pieces)))
        wanted -= PIECE.count("\n")
    text = "".join(pieces)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return text


def check(folder: str) -> dict[str, Any]:
    """CPU time and peak of one run with all its processes. Another process starts it, so that it alone is counted."""
    command = [sys.executable, "-m", "regrad.cli", "check", "--isolated", "--output-format", "concise", folder]
    measured = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss, done.returncode)\n"
    )
    environment = {**os.environ, "REGRAD_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", measured, *command], capture_output=True, text=True, check=True, env=environment
    )
    seconds, peak, status = done.stdout.split()
    if int(status) not in (0, 1):
        raise SystemExit(f"regrad check ended with status {status}:\n{done.stderr}")
    return {"seconds": float(seconds), "peak": int(peak) * (1 if sys.platform == "darwin" else 1024)}


if __name__ == "__main__":
    main()
