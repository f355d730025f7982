"""Edits in text, and the guard that every rewrite passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regrad.analysis.location import Position, Span
from regrad.analysis.source import SourceFile, decode
from regrad.codemods.engine import edits, guard
from regrad.codemods.engine.rule import Edit, Mending, Safety, Withheld


def file(text: str, path: str = "a.py") -> SourceFile:
    return decode(path, text.encode())


def edit(start: tuple[int, int], end: tuple[int, int], text: str, path: str = "a.py") -> Edit:
    return Edit(path, Span(Position(*start), Position(*end)), text)


def mending(*changes: Edit, safety: Safety = Safety.SAFE) -> Mending:
    return Mending("", safety, changes)


def test_order_and_insertions() -> None:
    source = file("abc\n")
    found = [edit((1, 2), (1, 3), "X"), edit((1, 2), (1, 2), "1"), edit((1, 2), (1, 2), "2"), edit((1, 3), (1, 3), "3")]
    assert edits.apply(source, found) == "a12X3c\n"


def test_line_breaks_become_those_of_the_file() -> None:
    assert edits.apply(file("a\r\nb\r\n"), [edit((2, 1), (2, 1), "x\ny\r\n")]) == "a\r\nx\r\ny\r\nb\r\n"


def test_overlaps_are_refused() -> None:
    with pytest.raises(edits.Overlap):
        edits.apply(file("abcdef"), [edit((1, 1), (1, 4), ""), edit((1, 3), (1, 5), "")])


def test_the_first_of_two_that_conflict_is_made() -> None:
    one, same = mending(edit((1, 1), (1, 1), "x")), mending(edit((1, 1), (1, 1), "x"))
    apart, other = mending(edit((1, 3), (1, 4), "")), mending(edit((1, 1), (1, 1), "x", "b.py"))
    assert edits.compatible([one, same, apart, other, mending()]) == (0, 2, 3)


@given(st.text(alphabet="ab\r\n", max_size=30), st.data())
def test_untouched_characters_stay(text: str, data: st.DataObject) -> None:
    source = file(text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    found, expected, done = [], "", 0
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        found.append(Edit("a.py", Span(source.position(start), source.position(end)), "X"))
        expected += text[done:start] + "X"
        done = end
    assert edits.apply(source, data.draw(st.permutations(found))) == expected + text[done:] or len(set(cuts)) < len(
        cuts
    )


@pytest.mark.parametrize(
    ("text", "change", "word"),
    [
        ("x = 1\n", edit((1, 5), (1, 6), "("), "not valid Python"),
        ("# coding: latin-1\nx = 1\n", edit((2, 5), (2, 6), "'☃'"), "iso-8859-1"),
        ("x = 1\n", edit((1, 1), (1, 1), "", "b.py"), "b.py"),
    ],
)
def test_what_would_do_harm_is_refused(text: str, change: Edit, word: str) -> None:
    outcome = guard.examine({"a.py": file(text)}, [change])
    assert isinstance(outcome, guard.Refused)
    assert word in outcome.reason
    withheld = guard.settle({"a.py": file(text)}, [mending(change)])
    assert isinstance(withheld, Withheld)


def test_a_mending_that_drops_a_comment_is_unsafe() -> None:
    files = {"a.py": file("x = 1  # why\ny = '# no comment'\n")}
    (kept,) = guard.settle(files, [mending(edit((1, 5), (1, 6), "2"))])  # type: ignore[misc]
    assert kept.safety is Safety.SAFE
    (dropped,) = guard.settle(files, [mending(edit((1, 5), (1, 13), "2"))])  # type: ignore[misc]
    assert dropped.safety is Safety.UNSAFE
    assert "# why" in dropped.reason
    (string,) = guard.settle(files, [mending(edit((2, 5), (2, 19), "2"))])  # type: ignore[misc]
    assert string.safety is Safety.SAFE


def test_a_mending_that_changes_nothing_is_withheld() -> None:
    outcome = guard.settle({"a.py": file("x = 1\n")}, [mending(edit((1, 1), (1, 2), "x"))])
    assert isinstance(outcome, Withheld)


@pytest.mark.parametrize("text", ["x = " + " + ".join(["a"] * 20_000), "x = a" + ".b()" * 2000])
def test_depth_does_not_bring_us_down(text: str) -> None:
    files = {"a.py": file(text + "\ny = 1\n")}
    outcome = guard.examine(files, [edit((2, 5), (2, 6), "2"), edit((1, 1), (1, 2), "z")])
    assert isinstance(outcome, guard.Passed | guard.Refused)


def test_display_only_needs_no_edits() -> None:
    shown = Mending("do it", Safety.DISPLAY_ONLY, ())
    assert guard.settle({}, [shown]) == (shown,)
