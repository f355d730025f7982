"""Verification cost: a before/after pair, cold and warm, against running the bare script twice; rate and memory.

The bare scripts and the pairs are measured in turns, so that other load on the machine falls on both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from regrad.verify.evidence import Verdict
from regrad.verify.job import Job
from regrad.verify.verifier import Verifier
from regrad.verify.worker.server import private_memory

from .real_programs import children
from .result import Column, Comparison, Figures, Row, Table

TITLE = "Verification cost"
PACKAGES = ("tensorflow", "keras")
GOAL_PAIR, GOAL_STEP, GOAL_MEMORY = 0.25, 2.0, 0.5
BROKEN = """
import tensorflow as tf
layers = [tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)]
model = tf.keras.Sequential([tf.keras.Input((3,)), *layers])
optimizer = tf.keras.optimizers.Adam(0.01)
x = tf.random.normal((8, 3), seed=1)
y = tf.reduce_sum(x, axis=1, keepdims=True)
prediction = model(x)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((prediction - y) ** 2)
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
STEPS = """
import time
import tensorflow as tf
inner = [tf.keras.layers.Conv2D(16, 3, activation="relu"), tf.keras.layers.Conv2D(32, 3, activation="relu")]
model = tf.keras.Sequential([tf.keras.Input((28, 28, 1)), *inner, tf.keras.layers.Flatten(), tf.keras.layers.Dense(10)])
optimizer = tf.keras.optimizers.Adam(0.01)
loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
x, y = tf.random.normal((32, 28, 28, 1), seed=1), tf.range(32) % 10
for step in range(4):
    started = time.process_time()
    with tf.GradientTape() as tape:
        loss = loss_of(y, model(x))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    print("step", step, time.process_time() - started, flush=True)
"""
MENDED = BROKEN.replace("prediction = model(x)\n", "").replace("(prediction - y)", "(model(x) - y)")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", type=int, default=10, metavar="N", help="so many pairs for the rate")


def measure(options: argparse.Namespace) -> Figures:
    rounds = options.rounds or (1 if options.quick else 3)
    pairs = 2 if options.quick else options.pairs
    with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder:
        before, after = Path(folder, "before.py"), Path(folder, "after.py")
        before.write_text(BROKEN, encoding="utf-8")
        after.write_text(MENDED, encoding="utf-8")
        jobs = Job(str(before)), Job(str(after))
        bare, warm, cold, alone = [], [], [], []
        with Verifier(sys.executable) as verifier:
            verifier.compare(*jobs, same_loss=True)
            for _ in range(rounds):
                started = time.perf_counter()
                alone += [fresh_process(before), fresh_process(after)]
                bare.append(time.perf_counter() - started)
                started = time.perf_counter()
                evidence = verifier.compare(*jobs, same_loss=True)
                warm.append(time.perf_counter() - started)
                started = time.perf_counter()
                with Verifier(sys.executable) as fresh:
                    fresh.compare(*jobs, same_loss=True)
                cold.append(time.perf_counter() - started)
            if evidence.verdict is not Verdict.MENDED:
                raise SystemExit(f"the pair of the benchmark is judged {evidence.verdict.value}: {evidence.reason}")
            started = time.perf_counter()
            peak = most_private(verifier, jobs, pairs)
            rate = pairs / (time.perf_counter() - started) * 60
    step, observed = probed_step(rounds)
    return figures_of(
        bare=statistics.median(bare),
        warm=statistics.median(warm),
        cold=statistics.median(cold),
        rate=rate,
        private=peak,
        alone=max(alone),
        step=step,
        observed=observed,
    )


def figures_of(
    *,
    bare: float,
    warm: float,
    cold: float,
    rate: float,
    private: int,
    alone: int,
    step: float,
    observed: float,
) -> Figures:
    times: list[Row] = [
        {"what": "the bare script, twice", "seconds": bare, "ratio": 1.0},
        {"what": "a pair, TensorFlow not yet imported", "seconds": cold, "ratio": cold / bare},
        {"what": "a pair, warm", "seconds": warm, "ratio": warm / bare},
        {"what": "one eager step of the bare script (processor time)", "seconds": step, "ratio": 1.0},
        {"what": "the same step, observed (processor time)", "seconds": observed, "ratio": observed / step},
    ]
    others: list[Row] = [
        {"what": "pairs in a minute, one after the other", "value": f"{rate:,.0f}"},
        {"what": "memory of one run of its own (forked from the warm server)", "value": f"{private / 2**20:,.0f} MiB"},
        {"what": "memory of a fresh process that runs the script", "value": f"{alone / 2**20:,.0f} MiB"},
    ]
    return Figures(
        (
            Table(
                "A small broken program and its mended twin",
                (
                    Column("what", "what"),
                    Column("seconds", "elapsed", "seconds"),
                    Column("ratio", "over the bare script", "ratio"),
                ),
                tuple(times),
            ),
            Table("Rate and memory", (Column("what", "what"), Column("value", "figure")), tuple(others)),
        ),
        (
            Comparison("pair", "a warm pair over two bare runs", warm / bare, GOAL_PAIR, "the goal", "ratio"),
            Comparison("cold", "a cold pair over two bare runs", cold / bare, 1.0, "running it twice", "ratio"),
            Comparison("step", "a step under observation", observed / step, GOAL_STEP, "the goal", "ratio"),
            Comparison("memory", "memory of a run over a fresh process", private / alone, GOAL_MEMORY, "half", "ratio"),
        ),
    )


def fresh_process(script: Path) -> int:
    """The peak of a run of the script by itself, in bytes."""
    started = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL)
    return os.wait4(started.pid, 0)[2].ru_maxrss * 1024


def most_private(verifier: Verifier, jobs: tuple[Job, Job], pairs: int) -> int:
    """The most that a run held for itself while so many pairs were verified."""
    server = next(iter(verifier.servers.values())).process.pid
    peak: list[int] = [0]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            peak.extend(private_memory(child) for child in children(server))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(pairs):
            verifier.compare(*jobs, same_loss=True)
    finally:
        stop.set()
        watcher.join()
    return max(peak)


def second_step(output: str) -> float:
    """Processor time of the second step: the first one makes the optimizer's own variables and warms everything up."""
    return float(next(line.split()[2] for line in output.splitlines() if line.startswith("step 1 ")))


def probed_step(rounds: int) -> tuple[float, float]:
    """The same eager step in the bare script and under observation."""
    with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder, Verifier(sys.executable) as verifier:
        path = Path(folder, "steps.py")
        path.write_text(STEPS, encoding="utf-8")
        bare, seen = [], []
        for _ in range(rounds):
            done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
            bare.append(second_step(done.stdout))
            seen.append(second_step(verifier.run(Job(str(path)), STEPS, "eager", {}, False).output))
        return min(bare), min(seen)
