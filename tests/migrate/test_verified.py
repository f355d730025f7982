"""Mendings proved in a run over repositories: through an entry point, a script, a test; and what nothing reaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from regrad.migrate import tasks
from regrad.migrate.request import Settings
from regrad.migrate.results import FileResult, read_results
from regrad.repair.options import Options
from regrad.verify.evidence import Verdict

from .repositories import BROKEN, git, repository, request, run

pytestmark = pytest.mark.tensorflow

LIBRARY = """\
import tensorflow as tf


def fit(model, optimizer, x, y):
    prediction = model(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - prediction))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
HEAD = """\
    model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(1)])
    optimizer = tf.keras.optimizers.SGD()
"""
SCRIPT = """\
import argparse

import tensorflow as tf

import library

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, required=True)
model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(1)])
for _ in range(parser.parse_args().epochs):
    library.fit(model, tf.keras.optimizers.SGD(), tf.random.normal((8, 3)), tf.random.normal((8, 1)))
"""
ALONE = LIBRARY.replace("(model, optimizer, x, y):\n", "(x, y):\n" + HEAD)
"""The same with a model of its own, so that it is found without a caller."""
TEST = """\
import tensorflow as tf

from package import library


def test_it():
    library.fit(tf.random.normal((8, 3)), tf.random.normal((8, 1)))
"""


@pytest.fixture(autouse=True, scope="module")
def ended() -> Iterator[None]:
    yield
    tasks.close_verifiers()


def results(tmp_path: Path, files: dict[str, str], *entries: str, **options: object) -> dict[str, FileResult]:
    top = repository(tmp_path / "models", dict(files))

    def settings(top: str, start: str) -> Settings:
        return Settings(Options(root=top, jobs=1, verify=True, **options), entries)  # type: ignore[arg-type]

    (result,) = run(request(tmp_path / "out", top, settings=settings))
    assert git(top, "status", "--porcelain") == ""
    assert result.message is None
    return {file.path: file for file in read_results(tmp_path / "out").files()}


def test_a_program_proves_itself(tmp_path: Path) -> None:
    file = results(tmp_path, {"a.py": BROKEN})["a.py"]
    assert file.outcome.evidence is not None
    assert (file.outcome.evidence.verdict, file.through, file.unverified) == (Verdict.MENDED, "a.py", None)


def test_a_library_is_proved_through_a_configured_entry_point_with_its_arguments(tmp_path: Path) -> None:
    files = {"library.py": LIBRARY, "train.py": SCRIPT}
    file = results(tmp_path, files, "train.py --epochs 1")["library.py"]
    assert file.outcome.evidence is not None
    assert (file.outcome.evidence.verdict, file.through) == (Verdict.MENDED, "train.py --epochs 1")


def test_a_library_is_proved_through_a_module(tmp_path: Path) -> None:
    files = {"package/__init__.py": "", "package/library.py": LIBRARY}
    files["package/train.py"] = SCRIPT.replace("import library", "from package import library")
    found = results(tmp_path, files, "-m package.train --epochs 1")["package/library.py"]
    assert found.outcome.evidence is not None
    assert (found.outcome.evidence.verdict, found.through) == (Verdict.MENDED, "-m package.train --epochs 1")


def test_a_library_is_proved_through_a_test(tmp_path: Path) -> None:
    files = {"package/__init__.py": "", "package/library.py": ALONE, "tests/test_library.py": TEST}
    file = results(tmp_path, files)["package/library.py"]
    assert file.outcome.evidence is not None, file.unverified
    assert (file.outcome.evidence.verdict, file.through) == (Verdict.MENDED, "-m pytest tests/test_library.py")


def test_what_nothing_reaches_is_said_to_be_unverified(tmp_path: Path) -> None:
    file = results(tmp_path, {"library.py": ALONE, "other.py": "import tensorflow\n"})["library.py"]
    assert file.through is None
    assert "no script, notebook, test or configured entry point" in (file.unverified or "")
    assert file.outcome.changed


def test_what_nothing_reaches_is_withdrawn_where_proofs_are_required(tmp_path: Path) -> None:
    file = results(tmp_path, {"library.py": ALONE}, require_verified=True)["library.py"]
    assert not file.outcome.changed


def test_a_program_that_writes_writes_into_its_scratch_folder_only(tmp_path: Path) -> None:
    harm = f"open({str(tmp_path / 'pwned')!r}, 'w').close()\n"
    results(tmp_path, {"a.py": BROKEN.replace("import tensorflow as tf\n", "import tensorflow as tf\n" + harm, 1)})
    assert not (tmp_path / "pwned").exists()
