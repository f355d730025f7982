"""A second run answers from what the first found out, and only as long as nothing has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from regrad.repair import session
from regrad.repair.options import Options
from regrad.repair.outcome import FileOutcome
from regrad.repair.survey import Surveyor

OUTSIDE = """\
import tensorflow as tf

w = tf.Variable(1.0)
loss = tf.square(w)
with tf.GradientTape() as tape:
    pass
gradient = tape.gradient(loss, [w])
"""
INSIDE = """\
import tensorflow as tf

w = tf.Variable(1.0)
with tf.GradientTape() as tape:
    loss = tf.square(w)
gradient = tape.gradient(loss, [w])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REGRAD_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The files that were really read, by name."""
    found: list[str] = []
    original = Surveyor.survey

    def counting(self: Surveyor, path: str, **others: object) -> object:
        found.append(os.path.basename(path))
        return original(self, path, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(Surveyor, "survey", counting)
    yield found


def write(path: Path, text: str) -> None:
    """Write, as if some time ago: a file that changes while it is read is not remembered."""
    path.write_text(text)
    long_ago = time.time_ns() - 10_000_000_000
    os.utime(path, ns=(long_ago, long_ago))


def check(folder: Path, **settings: object) -> list[FileOutcome]:
    return list(session.check([str(folder)], Options(root=str(folder), **settings)))  # type: ignore[arg-type]


def codes(outcomes: list[FileOutcome]) -> list[str]:
    return [finding.finding.code for outcome in outcomes for finding in outcome.findings]


def test_the_second_run_reads_nothing_and_says_the_same(project: Path, read: list[str]) -> None:
    write(project / "a.py", OUTSIDE)
    write(project / "b.py", INSIDE)
    write(project / "c.py", "print('nothing of ours')\n")
    write(project / "d.py", "import keras\nx = (\n")
    first = check(project)
    assert codes(first) == ["RG401"]
    assert sorted(read) == ["a.py", "b.py", "c.py", "d.py"]
    read.clear()
    assert check(project) == first
    assert read == []


def test_a_changed_file_is_read_again(project: Path, read: list[str]) -> None:
    write(project / "a.py", OUTSIDE)
    write(project / "b.py", OUTSIDE)
    check(project)
    read.clear()
    write(project / "b.py", INSIDE)
    assert codes(check(project)) == ["RG401"]
    assert read == ["b.py"]


def test_a_file_that_was_only_touched_is_not(project: Path, read: list[str]) -> None:
    write(project / "a.py", OUTSIDE)
    check(project)
    read.clear()
    os.utime(project / "a.py", ns=(1, 1))
    assert codes(check(project)) == ["RG401"]
    assert read == []


def test_a_change_in_an_imported_module_counts(project: Path, read: list[str]) -> None:
    write(project / "losses.py", "import tensorflow as tf\n\n\ndef loss_of(w):\n    return tf.square(w)\n")
    write(
        project / "train.py",
        "import tensorflow as tf\nfrom losses import loss_of\n\nw = tf.Variable(1.0)\n"
        "with tf.GradientTape() as tape:\n    loss = loss_of(w)\ngradient = tape.gradient(loss, [w])\n",
    )
    assert codes(check(project)) == []
    read.clear()
    write(project / "losses.py", "import tensorflow as tf\n\n\ndef loss_of(w):\n    return tf.stop_gradient(w)\n")
    assert codes(check(project)) == ["RG503"]
    assert sorted(read) == ["losses.py", "train.py"]


def test_a_module_that_appears_counts(project: Path, read: list[str]) -> None:
    write(
        project / "train.py",
        "import tensorflow as tf\nfrom losses import loss_of\n\nw = tf.Variable(1.0)\n"
        "with tf.GradientTape() as tape:\n    loss = loss_of(w)\ngradient = tape.gradient(loss, [w])\n",
    )
    assert codes(check(project)) == []
    write(project / "losses.py", "import tensorflow as tf\n\n\ndef loss_of(w):\n    return tf.stop_gradient(w)\n")
    assert codes(check(project)) == ["RG503"]


def test_other_settings_are_another_cache(project: Path, read: list[str]) -> None:
    write(project / "a.py", OUTSIDE)
    assert codes(check(project)) == ["RG401"]
    assert codes(check(project, ignore=("RG401",))) == []
    assert codes(check(project)) == ["RG401"]
    assert read == ["a.py", "a.py"]


def test_other_requirements_are_another_question(project: Path, read: list[str]) -> None:
    write(project / "a.py", INSIDE)
    (project / ".git").mkdir()
    check(project)
    (project / "requirements.txt").write_text("tensorflow<2.16\n")
    check(project)
    assert read == ["a.py", "a.py"]


def test_a_broken_cache_is_as_good_as_none(project: Path, read: list[str]) -> None:
    write(project / "a.py", OUTSIDE)
    check(project)
    (kept,) = Path(os.environ["REGRAD_CACHE_DIR"]).iterdir()
    kept.write_bytes(b"not a pickle")
    assert codes(check(project)) == ["RG401"]
    assert read == ["a.py", "a.py"]


def test_nothing_is_kept_where_nobody_wants_it(
    project: Path, read: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REGRAD_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    write(project / "a.py", OUTSIDE)
    check(project)
    check(project)
    assert read == ["a.py", "a.py"]
    assert not (tmp_path / "home").exists()
