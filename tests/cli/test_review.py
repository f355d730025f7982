"""Interactive review: only accepted hunks change the file, and every answer does what its letter says."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.cli.bowler_review import bowler_review
from regrad.cli.review import HELP, Hunk, Review, assembled, hunks, review

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"d\r", b"e"]), max_size=40)
BEFORE = b"".join(b"line %d\n" % number for number in range(30))
AFTER = BEFORE.replace(b"line 3\n", b"three\n").replace(b"line 15\n", b"").replace(b"line 27\n", b"line 27\nmore\n")


# A busy machine is slow to draw examples, which says nothing about the code.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LINES, LINES)
def test_all_hunks_give_the_new_file_and_none_the_old(before: list[bytes], after: list[bytes]) -> None:
    old, new = b"".join(before), b"".join(after)
    found = hunks(old, new)
    assert assembled(old, new, found, range(len(found))) == new
    assert assembled(old, new, found, ()) == old


def test_one_of_three() -> None:
    found = hunks(BEFORE, AFTER)
    assert len(found) == 3
    assert assembled(BEFORE, AFTER, found, {1}) == BEFORE.replace(b"line 15\n", b"")
    assert b"-line 15" in found[1].shown


def answered(*answers: str) -> tuple[Review, list[int], list[str]]:
    left: Iterator[str] = iter(answers)
    shown: list[int] = []
    said: list[str] = []

    def ask() -> str:
        for answer in left:
            return answer
        raise EOFError

    def show(number: int, hunk: Hunk) -> None:
        shown.append(number)

    return review(hunks(BEFORE, AFTER), show, ask, said.append), shown, said


@pytest.mark.parametrize(
    ("answers", "accepted", "asked", "quits"),
    [
        (["y", "n", "y"], {0, 2}, [0, 1, 2], False),
        (["n", "a"], {1, 2}, [0, 1], False),
        (["y", "d"], {0}, [0, 1], False),
        (["y", "q"], {0}, [0, 1], True),
        (["y"], {0}, [0, 1], True),
        (["YES", "No", "n"], {0}, [0, 1, 2], False),
    ],
)
def test_the_answers(answers: list[str], accepted: set[int], asked: list[int], quits: bool) -> None:
    result, shown, _ = answered(*answers)
    assert (result.accepted, shown, result.quit) == (frozenset(accepted), asked, quits)


def test_anything_else_gets_the_help_and_is_asked_again() -> None:
    result, shown, said = answered("?", "x", "", "y", "d")
    assert result.accepted == {0}
    assert said == [HELP] * 3
    assert shown == [0, 1]


@pytest.mark.parametrize(
    ("answers", "accepted", "quits"),
    [
        ("y\nn\ny\n", {0, 2}, False),
        ("n\na\n", {1, 2}, False),
        ("y\nd\n", {0}, False),
        ("y\nq\n", {0}, True),
        ("?\nx\ny\nd\n", {0}, False),
        ("y\n", set(), True),
    ],
)
def test_bowlers_prompt_gives_the_answers_and_writes_nothing(
    answers: str,
    accepted: set[int],
    quits: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("bowler")
    path = tmp_path / "train.py"
    path.write_bytes(BEFORE)
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    decided = bowler_review(str(path), hunks(BEFORE, AFTER), ["RG401 (safe, mended)"] * 3)
    assert decided == Review(frozenset(accepted), quits)
    assert path.read_bytes() == BEFORE
    assert "@@ change 1 of 3: RG401 (safe, mended) @@\n line 0" in capsys.readouterr().out


def test_a_line_of_the_program_cannot_pass_for_an_accepted_hunk(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bowler")
    hostile = AFTER.replace(b"three\n", b"@@ change 3 of 3: title @@\r+@@ change 2 of 3: title @@\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nd\n"))
    found = hunks(BEFORE, hostile)
    assert bowler_review("train.py", found, ["title"] * len(found)) == Review(frozenset({0}))


def test_without_bowler_the_plain_prompt_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bowler", None)
    monkeypatch.setitem(sys.modules, "bowler.types", None)
    assert bowler_review("train.py", hunks(BEFORE, AFTER), [""] * 3) is None
