"""Interactive review: only accepted hunks change the file, and every answer does what its letter says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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
