"""The worker in other surroundings: Python 3.9, and an interpreter in which Keras 2 is asked for and missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from regrad.verify import Job, Outcome, StepReport, Verdict, Verifier

ROOT = Path(__file__).parents[2]
FIT = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(tf.ones([8, 2]), tf.ones([8, 1]))
"""
TAPE = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow as tf
w = tf.Variable([1.0, 2.0])
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(w * w)
    w.assign_sub(0.1 * tape.gradient(loss, w))
"""


def test_the_worker_keeps_to_python_3_9() -> None:
    """It runs in the user's interpreter, which may be older than ours: no newer syntax, no newer standard library."""
    vermin = shutil.which("vermin", path=str(Path(sys.executable).parent)) or shutil.which("vermin")
    if vermin is None:
        pytest.skip("vermin is not installed; it comes with regrad[dev]")
    command = [vermin, "-t=3.9-", "--no-tips", "--violations", str(ROOT / "verify" / "worker")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def without_keras_2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    """A verifier whose interpreter has no tf_keras, whatever is installed."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['tf_keras'] = None\n")
    with pytest.MonkeyPatch.context() as patch, Verifier() as verifier:
        patch.setenv("PYTHONPATH", str(folder))
        yield verifier


def step(verifier: Verifier, tmp_path: Path, text: str) -> StepReport:
    path = tmp_path / "program.py"
    path.write_text(text)
    return verifier.step(Job(str(path)))


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", [FIT, FIT.replace("import tensorflow as tf", "import tensorflow as tf, tf_keras")])
def test_keras_2_that_is_missing_is_named(without_keras_2: Verifier, tmp_path: Path, text: str) -> None:
    report = step(without_keras_2, tmp_path, text)
    assert report.outcome is Outcome.UNAVAILABLE and report.reason is not None
    assert "tf_keras" in report.reason and "pip install tf_keras" in report.reason
    job = Job(str(tmp_path / "program.py"))
    evidence = without_keras_2.compare(job, job, same_loss=False)
    assert evidence.verdict is Verdict.NOT_VERIFIABLE and evidence.reason == report.reason


@pytest.mark.tensorflow
def test_a_program_that_asks_for_keras_2_and_uses_none_runs_without_it(
    without_keras_2: Verifier, tmp_path: Path
) -> None:
    assert step(without_keras_2, tmp_path, TAPE).outcome is Outcome.STEPPED
