"""Findings put together into programs, and what may be run for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from regrad.migrate import entries, programs
from regrad.migrate.programs import Group
from regrad.migrate.tasks import Work, read_files
from regrad.repair.options import Options

from .repositories import BROKEN

TRAINING = "import tensorflow as tf\nimport library\n\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
TRAINING += "model.compile(loss=library.loss)\nmodel.fit(x, y)\n"


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def work(folder: Path, paths: tuple[str, ...], runnable: tuple[str, ...], configured: bool = False) -> Work:
    options = Options(root=str(folder), verify=True)
    return Work("models", str(folder), paths[0], paths, runnable, configured, frozenset(), frozenset(), options)


def words(folder: Path, paths: tuple[str, ...], runnable: tuple[str, ...], configured: bool = False) -> str | None:
    entry = next(entries.in_order(work(folder, paths, runnable, configured)), None)
    return None if entry is None else entry.words


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("train.py --epochs 1", "train.py"),
        ("'my train.py' x", "my train.py"),
        ("-m package.train", "package/train.py"),
        ("-m pytest tests/test_a.py", None),
        ("'", None),
        ("", None),
    ],
)
def test_the_program_of_an_entry_point(command: str, program: str | None) -> None:
    assert entries.program_of(command) == program


def test_a_configured_entry_point_is_taken_where_it_reaches() -> None:
    around = {"library.py": ["train.py", "other.py"], "alone.py": ["alone.py"]}
    configured = ("other.py --epochs 1", "-m pytest tests/test_alone.py")
    tests = ("tests/test_alone.py",)
    reached = programs.runnable(Group({"library.py"}), configured[:1], around, ())
    assert reached == (("other.py --epochs 1",), True)
    assert programs.runnable(Group({"alone.py"}), configured[:1], around, ()) == ((), False)
    assert programs.runnable(Group({"alone.py"}), configured, around, tests)[1] is True


def test_scripts_come_before_tests_and_near_ones_first() -> None:
    around = {"library.py": ["deep/er/train.py", "train.py", "tests/test_x.py", "library.py"]}
    runnable, configured = programs.runnable(Group({"library.py"}), (), around, ("tests/test_x.py",))
    assert (runnable, configured) == (("train.py", "deep/er/train.py", "tests/test_x.py"), False)


def test_a_program_that_trains_needs_no_other(tmp_path: Path) -> None:
    put(tmp_path, a=BROKEN, b=BROKEN)
    assert words(tmp_path, ("a.py",), ("b.py",)) is None
    assert words(tmp_path, ("a.py",), ("b.py --epochs 1",), configured=True) == "b.py --epochs 1"


def test_a_library_is_run_through_a_script_that_trains(tmp_path: Path) -> None:
    put(tmp_path, library="def loss(y, p):\n    return p\n", show="import library\n", train=TRAINING)
    assert words(tmp_path, ("library.py",), ("show.py", "train.py")) == "train.py"
    assert words(tmp_path, ("library.py",), ("show.py",)) is None


def test_a_library_is_run_through_a_test_that_imports_it_by_name(tmp_path: Path) -> None:
    put(
        tmp_path,
        src__package__losses="def loss(y, p):\n    return p\n",
        tests__test_near="import package\n",
        tests__test_losses="from package import losses\n\n\ndef test_it():\n    pass\n",
    )
    tests = ("tests/test_near.py", "tests/test_losses.py")
    assert words(tmp_path, ("src/package/losses.py",), tests) == "-m pytest tests/test_losses.py"
    assert (tmp_path / "regrad_runs_tests.py").exists()
    assert words(tmp_path, ("src/package/losses.py",), tests[:1]) is None


def test_an_entry_point_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert words(tmp_path, ("a.py",), ("gone.py",), configured=True) is None


def test_without_verification_nothing_is_looked_for(tmp_path: Path) -> None:
    put(tmp_path, a=BROKEN)
    unverified = work(tmp_path, ("a.py",), ("a.py",), configured=True)
    assert list(entries.in_order(replace(unverified, options=Options(root=str(tmp_path))))) == [None]


def test_reading_gives_paths_below_the_top(tmp_path: Path) -> None:
    put(tmp_path, a=BROKEN, wrong="import tensorflow\nx = = 1\n")
    first, second = read_files(str(tmp_path), ["a.py", "wrong.py"], Options(root=str(tmp_path)))
    assert (first.path, first.findings, first.trains, first.files) == ("a.py", 1, True, ("a.py",))
    assert first.record is not None
    assert str(tmp_path) not in first.record
    assert second.status.value == "syntax-error"
