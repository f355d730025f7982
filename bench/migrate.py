"""Migration: throughput, memory, the second run, and one process against two, over generated repositories.

Every run is a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .machine import ROOT
from .result import Column, Comparison, Figures, Row, Table

TITLE = "Migration of large trees"
PACKAGES = ("libcst",)
GOAL_MEMORY = 1.25

BROKEN = """\
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense({units}), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam(learning_rate=0.01)
loss_fn = tf.keras.losses.MeanSquaredError()
for epoch in range(100):
    predictions = model(x_train, training=True)
    with tf.GradientTape() as tape:
        loss = loss_fn(y_train, predictions)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
SOUND = """\
import tensorflow as tf
from {package}.layers import block

inputs = tf.keras.Input(({units},))
outputs = tf.keras.layers.Dense(1, activation="sigmoid")(block(inputs))
model = tf.keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="binary_crossentropy")
model.fit(x_train, y_train, epochs=5)
"""
LAYERS = """\
import tensorflow as tf


def block(x):
    for units in (64, 32, 16):
        x = tf.keras.layers.Dense(units, activation="relu")(x)
    return x
"""
PARSING = "import ast, sys; text = sys.stdin.read(); [ast.parse(text) for _ in range(200)]"
OTHER = "".join(f"def function_{number}(value):\n    return value + {number}\n\n\n" for number in range(20))


def tree(folder: Path, files: int) -> int:
    """A repository of so many files, one in a hundred broken; gives the number of broken ones."""
    chance = random.Random(files)
    broken = 0
    for number in range(files):
        package = folder / f"package_{number // 100}"
        if number % 100 == 0:
            package.mkdir(parents=True)
            (package / "__init__.py").touch()
            (package / "layers.py").write_text(LAYERS)
            continue
        kind = chance.random()
        text = OTHER if kind < 0.4 else SOUND
        if number % 100 == 50:
            text, broken = BROKEN, broken + 1
        (package / f"program_{number}.py").write_text(
            text.replace("{units}", str(chance.randrange(8, 64))).replace("{package}", package.name)
        )
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return broken


def git(folder: Path, *arguments: str) -> None:
    person = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    subprocess.run(["git", "-C", str(folder), *person, *arguments], check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a state")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 3_000, 10_000], metavar="FILES")
    parser.add_argument("--verify", action="store_true", help="verify what is mended, too: long")


def measure(options: argparse.Namespace) -> Figures:
    rows: list[Row] = []
    gains = [gain_of_two()]
    for files in [200] if options.quick else options.sizes:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as name:
            rows += of_tree(Path(name), files, verify=options.verify)
        gains.append(gain_of_two())
    return figures_of(rows, statistics.median(gains))


def gain_of_two() -> float:
    """How much more two processes that share nothing get done than one, on this machine at this moment.

    Two "processors" of a rented machine are often the two halves of one core, and then this is well below 2.
    """
    source = (ROOT / "analysis" / "interpreter.py").read_text(encoding="utf-8")
    command = [sys.executable, "-c", PARSING]

    def elapsed(processes: int) -> float:
        started = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(processes)]
        begun = time.perf_counter()
        for process in started:
            assert process.stdin is not None
            process.stdin.write(source)
            process.stdin.close()
        for process in started:
            process.wait()
        return time.perf_counter() - begun

    return 2 * min(elapsed(1), elapsed(1)) / min(elapsed(2), elapsed(2))


def of_tree(folder: Path, files: int, *, verify: bool) -> list[Row]:
    top = folder / "models"
    broken = tree(top, files)
    rows: list[Row] = []

    def measured(what: str, output: str, jobs: int) -> dict[str, float]:
        command = [sys.executable, "-m", "bench.migrate", str(top), str(folder / output), str(jobs), str(int(verify))]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        rows.append({"files": files, "run": what, "rate": files / found["seconds"], **found})
        print(f"{files} files, {what}: {found['seconds']:.1f} s", file=sys.stderr, flush=True)
        return found

    first = measured("one process", "one", 1)
    if first["findings"] != broken:
        raise SystemExit(f"{first['findings']} findings in a tree with {broken} broken files")
    measured("two processes", "two", 2)
    measured("again, nothing has changed", "two", 2)
    for path in sorted(top.glob("package_0/program_1*.py"))[:10]:
        path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    commit(top)
    measured("again, 10 files have changed", "two", 2)
    return rows


def figures_of(rows: list[Row], gain: float) -> Figures:
    columns = (
        Column("files", "files", "count"),
        Column("run", "run"),
        Column("seconds", "elapsed", "seconds"),
        Column("rate", "files in a second", "count"),
        Column("processor", "processor time", "seconds"),
        Column("own", "peak memory", "mebibytes"),
        Column("worker", "of the largest worker", "mebibytes"),
        Column("findings", "findings", "count"),
        Column("mended", "mended", "count"),
    )
    made = []
    of = {(row["files"], row["run"]): row for row in rows}
    sizes = sorted({int(str(row["files"])) for row in rows})
    if len(sizes) > 1:
        one, two = (float(str(of[sizes[-1], f"{word}"]["seconds"])) for word in ("one process", "two processes"))
        small, large = (float(str(of[size, "one process"]["own"])) for size in (sizes[0], sizes[-1]))
        title = f"speed-up of two processes over one, {sizes[-1]:,} files"
        bare = "two processes that share nothing, here"
        made.append(Comparison("speed_up", title, one / two, gain, bare, "ratio", True))
        title = f"memory at {sizes[-1]:,} files over that at {sizes[0]:,}"
        made.append(Comparison("memory", title, large / small, GOAL_MEMORY, "flat memory, and noise", "ratio"))
    return Figures((Table("A generated repository, one file in a hundred broken", columns, tuple(rows)),), tuple(made))


def run(top: str, output: str, jobs: int, verify: bool) -> None:
    from multiprocessing import forkserver

    from regrad.migrate.engine import Processes
    from regrad.migrate.request import Request, Settings
    from regrad.migrate.run import migrate
    from regrad.migrate.targets import sources
    from regrad.repair.options import Options

    def settings(top: str, start: str) -> Settings:
        return Settings(Options(root=top, jobs=1, verify=verify))

    started = time.perf_counter()
    with Processes(jobs) as engine:
        (result,) = migrate(Request(sources([top]), Path(output), settings), executor=engine)
    seconds = time.perf_counter() - started
    # The workers are the fork server's children, and count as ours once it has ended.
    getattr(forkserver, "_forkserver")._stop()  # noqa: B009
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "seconds": seconds,
        "findings": result.totals.findings,
        "mended": result.totals.mended,
        "own": own.ru_maxrss * 1024,
        "worker": children.ru_maxrss * 1024,
        "processor": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    top, output, jobs, verify = sys.argv[1:]
    run(top, output, int(jobs), verify == "1")
