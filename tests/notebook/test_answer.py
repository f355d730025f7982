"""What is said of the cells that ran: which findings concern a cell, and the text to copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.notebook.answer import Answer, Cause, MendedCell, Place, answer
from regrad.notebook.drawing import markdown, plain
from regrad.notebook.session import RanCell, RanCells, content, sources
from regrad.repair.symptom import Meaning, meaning

from .test_kernel import BROKEN, FROZEN, MENDED, SETUP


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def cells(*sources: str) -> list[RanCell]:
    return [RanCell(source, f"In [{number}]") for number, source in enumerate(sources, 1)]


def test_the_cells_come_back_as_they_were() -> None:
    given = ["%matplotlib inline\nx = 1", "", "print('ä\N{GRINNING FACE}')\n", "tail"]
    assert sources(content(cells(*given))) == given


def test_a_cell_that_ran_again_counts_as_it_ran_last() -> None:
    ran = RanCells()
    for cell in (RanCell("a = 1", "1", "one"), RanCell("b = a", "2", "two"), RanCell("a = 2", "3", "one")):
        ran.add(cell)
    assert [cell.source for cell in ran.cells] == ["b = a", "a = 2"]
    for source in ("c", "d", "c"):
        ran.add(RanCell(source, ""))
    assert [cell.source for cell in ran.cells] == ["b = a", "a = 2", "d", "c"]


def test_the_line_and_the_mended_cell() -> None:
    found = answer(cells("%matplotlib inline", SETUP, BROKEN), meaning("No gradients provided for any variable"))
    assert [(cause.code, cause.place) for cause in found.causes] == [
        ("RG401", Place("In [3], line 1", "prediction = model(x)"))
    ]
    assert [(cell.label, cell.source) for cell in found.mended] == [("In [3]", MENDED)]
    assert not found.unsafe


def test_what_changes_the_meaning_says_so() -> None:
    found = answer(cells(SETUP, FROZEN), only_about=1)
    assert "RG201" in [cause.code for cause in found.causes]
    assert found.unsafe
    assert "changes what the program means" in plain(found)
    assert answer(cells(SETUP, FROZEN), only_about=1, unsafe=False).mended == ()


def test_another_cells_finding_is_left_out() -> None:
    program = cells(SETUP, BROKEN, "print(loss)")
    assert answer(program, only_about=2) == Answer(None, (), ())
    assert answer(program, only_about=1).causes


def test_a_mistake_in_a_cell_is_no_accident() -> None:
    assert answer(cells("def (:", SETUP)) == Answer(None, (), ())


def test_words_of_the_program_do_not_act_on_the_page() -> None:
    hostile = Place("In [1], line 1", "x = '`</code><script>'")
    cause = Cause("RG401", "name", "`<b>` and <img src=x>", hostile, (), "*do* it")
    drawn = markdown(Answer(Meaning("a < b", ()), (cause,), (MendedCell("In [1]", "s = '```'\n"),)))
    assert "`<b>` and \\<img src=x\\>" in drawn
    assert "`` x = '`</code><script>' ``" in drawn
    assert "````python\ns = '```'\n````" in drawn
    assert "a \\< b" in drawn
