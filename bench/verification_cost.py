"""What a verification costs: a warm before/after pair against running the bare script twice, and memory per run."""

# The program under test stands on a long line.
# ruff: noqa: E501
from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from regrad.verify.job import Job
from regrad.verify.verifier import Verifier
from regrad.verify.worker.server import private_memory

BROKEN = """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)])
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
    started = time.perf_counter()
    with tf.GradientTape() as tape:
        loss = loss_of(y, model(x))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    print("step", step, time.perf_counter() - started, flush=True)
"""
MENDED = BROKEN.replace("prediction = model(x)\n", "").replace("(prediction - y)", "(model(x) - y)")


def largest_child(server: int, peak: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.005):
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    parent = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()[1]
                except (OSError, IndexError):
                    continue
                if int(parent) == server:
                    peak.append(private_memory(int(name)))


def second_step(output: str) -> float:
    """Seconds of the second step: the first one makes the optimizer's own variables and warms everything up."""
    return float(next(line.split()[2] for line in output.splitlines() if line.startswith("step 1 ")))


def probe_overhead(rounds: int) -> dict[str, float]:
    """The same eager step in the bare script and under observation."""
    with tempfile.TemporaryDirectory() as folder, Verifier(sys.executable) as verifier:
        path = Path(folder, "steps.py")
        path.write_text(STEPS)
        bare, seen = [], []
        for _ in range(rounds):
            done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
            bare.append(second_step(done.stdout))
            seen.append(second_step(verifier.run(Job(str(path)), STEPS, "eager", {}, False).output))
        return {
            "bare_step_seconds": round(min(bare), 4),
            "observed_step_seconds": round(min(seen), 4),
            "probe_overhead": round(min(seen) / min(bare), 2),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.py"), Path(folder, "after.py")
        before.write_text(BROKEN)
        after.write_text(MENDED)
        bare, warm, alone = [], [], []
        with Verifier(sys.executable) as verifier:
            verifier.compare(Job(str(before)), Job(str(after)), same_loss=True)
            server = next(iter(verifier.servers.values())).process.pid
            peak: list[int] = [0]
            stop = threading.Event()
            watcher = threading.Thread(target=largest_child, args=(server, peak, stop))
            # The two are measured in turns, so that other load on the machine falls on both.
            for _ in range(options.rounds):
                started = time.perf_counter()
                for script in (before, after):
                    done = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL)
                    alone.append(os.wait4(done.pid, 0)[2].ru_maxrss * 1024)
                bare.append(time.perf_counter() - started)
                started = time.perf_counter()
                evidence = verifier.compare(Job(str(before)), Job(str(after)), same_loss=True)
                warm.append(time.perf_counter() - started)
            watcher.start()
            verifier.compare(Job(str(before)), Job(str(after)), same_loss=True)
            stop.set()
            watcher.join()
    print(
        json.dumps(
            {
                "verdict": evidence.verdict.value,
                "bare_pair_seconds": round(statistics.median(bare), 2),
                "warm_pair_seconds": round(statistics.median(warm), 2),
                "ratio": round(statistics.median(warm) / statistics.median(bare), 3),
                "private_mib_per_run": round(max(peak) / 2**20),
                "fresh_process_mib": round(max(alone) / 2**20),
                **probe_overhead(options.rounds),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
