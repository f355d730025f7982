"""What a migration of large trees costs: throughput, memory, the second run, one process against two.

`python bench/migrate.py [--files 1000 3000 10000] [--verify]` makes a repository of generated programs for each number
and prints a line for each run. Every run is a process of its own, so that its memory is its own. On a machine that is
busy with other things the processor's seconds say more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def measured(top: Path, output: Path, jobs: int, *, verify: bool) -> dict[str, float]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--run", str(top), str(output), str(jobs), str(int(verify))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


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
        "own_mib": own.ru_maxrss / 1024,
        "largest_child_mib": children.ru_maxrss / 1024,
        "processor_seconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
    }
    print(json.dumps(figures))


def show(name: str, files: int, figures: dict[str, float]) -> None:
    rate = files / figures["seconds"]
    print(
        f"{files:7,} files  {name:34} {figures['seconds']:8.1f} s  {rate:9,.0f} files/s"
        f"  {figures['processor_seconds']:7.1f} s of processor  {figures['own_mib']:5.0f} MiB"
        f"  largest worker {figures['largest_child_mib']:5.0f} MiB  {figures['findings']:.0f} findings,"
        f" {figures['mended']:.0f} mended",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 3000, 10000])
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run is not None:
        top, output, jobs, verify = given.run
        run(top, output, int(jobs), verify == "1")
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for files in given.files:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as name:
            folder = Path(name)
            top = folder / "models"
            broken = tree(top, files)
            one = measured(top, folder / "one", 1, verify=given.verify)
            assert one["findings"] == broken
            show("one process", files, one)
            two = measured(top, folder / "two", 2, verify=given.verify)
            show("two processes", files, two)
            print(f"               speed-up {one['seconds'] / two['seconds']:.2f}")
            show("again, nothing has changed", files, measured(top, folder / "two", 2, verify=given.verify))
            for path in sorted(top.glob("package_0/program_1*.py"))[:10]:
                path.write_text(path.read_text() + "# changed\n")
            commit(top)
            show("again, 10 files have changed", files, measured(top, folder / "two", 2, verify=given.verify))


if __name__ == "__main__":
    main()
