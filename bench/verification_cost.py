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
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
