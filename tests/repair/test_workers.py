"""Many files are read by several processes: same answers, same order, and a crash costs one file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from regrad.repair import session, workers
from regrad.repair.options import Options
from regrad.repair.outcome import Status
from regrad.repair.survey import Surveyed, Surveyor

BROKEN = """\
import tensorflow as tf

w = tf.Variable(1.0)
loss = tf.square(w)
with tf.GradientTape() as tape:
    pass
gradient = tape.gradient(loss, [w])
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for number in range(40):
        text = BROKEN if number % 3 == 0 else "import tensorflow as tf\nx = tf.ones(3)\n"
        (tmp_path / f"program{number:02}.py").write_text(text)
    return sorted(str(path) for path in tmp_path.iterdir())


def in_one_process(files: list[str]) -> list[Surveyed]:
    own = session.surveyor(Options())
    return [own.survey(path) for path in files]


def test_same_answers_in_the_same_order(files: list[str]) -> None:
    answers = list(workers.surveyed(files, Options(), 2))
    assert answers == in_one_process(files)
    assert sum(len(answer.findings) for answer in answers) == 14


@pytest.mark.skipif(sys.platform != "linux", reason="the crash is put in by a fork")
@pytest.mark.parametrize("culprits", [{3}, {0, 39}, {8, 9, 30}])
def test_a_crash_costs_the_file_that_caused_it(
    files: list[str], culprits: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = in_one_process(files)
    doomed = {files[number] for number in culprits}
    original = Surveyor.survey

    def dying(self: Surveyor, path: str, **others: object) -> Surveyed:
        if path in doomed:
            os._exit(11)
        return original(self, path, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(Surveyor, "survey", dying)
    # Where the tests themselves run side by side there is a second thread, which waits for orders.
    monkeypatch.setattr("threading.active_count", lambda: 1)
    answers = list(workers.surveyed(files, Options(), 2))
    assert [answer.path for answer in answers] == files
    for number, answer in enumerate(answers):
        if number in culprits:
            assert answer.status is Status.UNREADABLE
            assert "ended the process" in answer.messages[0]
        else:
            assert answer == expected[number]


def test_a_run_over_many_files_says_what_a_run_over_each_says(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAD_CACHE_DIR", "")
    alone = [outcome for path in files for outcome in session.check([path], Options(jobs=1))]
    monkeypatch.setattr(workers, "WORTH_IT", 0)
    assert list(session.check(files, Options(jobs=2))) == alone


def test_few_files_start_no_process(files: list[str]) -> None:
    assert not workers.worth_it(files[:3], 8)
    assert not workers.worth_it(files, 8)
    assert not workers.worth_it(files * 1000, 1)
    assert workers.worth_it(files * 1000, 2)
