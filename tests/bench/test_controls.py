"""Controls: what counts as mended, as wrong, as seen and as located, and what the tables say of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.bench import controls
from regrad.bench.cases import Program, program_text
from regrad.bench.controls import Judged
from regrad.bench.locating import FOUND, MISSED, located, touched_lines
from regrad.verify import Outcome, StepReport
from regrad.verify.evidence import Place

BROKEN = """import tensorflow as tf
weight = tf.Variable(2)
rate = 0.1
with tf.GradientTape() as tape:
    loss = cost(
        weight,
        rate,
    )
print("done")
"""


def judged(case: str, verdict: str = "mended", **changes: object) -> Judged:
    usual: dict[str, object] = {
        "case": case,
        "kind": "integer-path",
        "broken_seen": True,
        "sound_seen": True,
        "suspected": "",
        "verdict": verdict,
        "reason": "why",
        "location": FOUND[0],
        "shown": "",
        "tensorflow": "2.21.0",
    }
    return Judged(**{**usual, **changes})  # type: ignore[arg-type]


def test_totals_count_pairs_and_correct_programs_apart() -> None:
    found = [
        judged("a"),
        judged("b", "was-not-broken", broken_seen=False, location=MISSED[1]),
        judged("c", "improved", sound_seen=False, suspected="NaN", location=FOUND[2]),
        judged("d", "", broken_seen=None, location=""),
        judged("e", "", broken_seen=None, location="", sound_seen=False, suspected="no step"),
    ]
    totals = controls.totals_of(found)
    assert (len(totals.pairs), len(totals.correct), totals.mended, totals.wrong) == (3, 2, 1, 1)
    assert (totals.broken_seen, totals.sound_seen, totals.located) == (2, 3, 2)
    overview, lines, exceptions = controls.tables_of("set", found)
    assert [row["programs"] for row in overview.rows] == ["1 of 3", "1 of 3", "2 of 3", "2 of 3", "1 of 2"]
    assert [row["programs"] for row in lines.rows] == [1, 0, 1, 0, 1]
    assert [(row["case"], row["what"]) for row in exceptions.rows] == [
        ("b", "judged was-not-broken"),
        ("b", "broken, and nothing is seen"),
        ("c", "judged improved"),
        ("c", "sound, and suspected"),
        ("e", "sound, and suspected"),
        ("b", "not located"),
    ]
    behind = {each.key for each in controls.comparisons_of("set", found) if not each.ahead}
    assert behind == {"pairs.set", "wrong.set", "unseen.set", "suspected.set", "lines.set"}


def test_nothing_is_behind_where_all_is_right() -> None:
    assert all(each.ahead for each in controls.comparisons_of("set", [judged("a")]))
    assert len(controls.tables_of("set", [judged("a")])) == 2


def test_a_journal_is_taken_up_again(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    controls._keep(journal, "set", "pair", judged("a"))
    controls._keep(journal, "another", "ok", judged("b"))
    assert controls._journal(journal, "set") == {("a", "pair"): judged("a")}
    assert controls._journal(None, "set") == {}


def named(path: Path, *lines: int, places: tuple[int, ...] = ()) -> StepReport:
    cuts = tuple(
        Cut(CutKind.INTEGER, Location(str(path), Span(Position(line, 1), Position(line, 2))), "Cast", ("weight",))
        for line in lines
    )
    return StepReport(Outcome.STEPPED, cuts=cuts, places=tuple(Place("here", str(path), line) for line in places))


@pytest.mark.parametrize(
    ("cuts", "places", "found"),
    [
        ((2,), (), FOUND[0]),
        ((9,), (2,), FOUND[1]),
        ((5,), (), FOUND[2]),
        ((9,), (), MISSED[0]),
        ((), (), MISSED[1]),
    ],
)
def test_lines_are_held_against_the_fix(
    tmp_path: Path, cuts: tuple[int, ...], places: tuple[int, ...], found: str
) -> None:
    for name, text in (("buggy", BROKEN), ("fixed", BROKEN.replace("Variable(2)", "Variable(2.0)"))):
        (tmp_path / f"{name}.py").write_text(text)
    broken, mended = (Program("case", "integer-path", name, tmp_path / f"{name}.py", {}) for name in ("buggy", "fixed"))
    path = (tmp_path / "buggy.py").resolve()
    assert touched_lines(broken, mended) == {(str(path), line) for line in (1, 2, 3)}
    assert located(named(path, *cuts, places=places), broken, mended) == found


def test_another_line_of_the_same_statement_leads_to_it(tmp_path: Path) -> None:
    for name, text in (("buggy", BROKEN), ("fixed", BROKEN.replace("        rate,\n", "        rate * 2,\n"))):
        (tmp_path / f"{name}.py").write_text(text)
    broken, mended = (Program("case", "integer-path", name, tmp_path / f"{name}.py", {}) for name in ("buggy", "fixed"))
    assert located(named((tmp_path / "buggy.py").resolve(), 5), broken, mended) == FOUND[2]


def test_a_notebook_is_run_without_its_magics(tmp_path: Path) -> None:
    path = tmp_path / "notes.ipynb"
    path.write_text(
        '{"cells": [{"cell_type": "code", "source": ["%matplotlib inline\\n", "x = 1"]},'
        ' {"cell_type": "markdown", "source": ["text"]}, {"cell_type": "code", "source": "!pip install\\ny = 2"}]}'
    )
    assert program_text(path) == "#%matplotlib inline\nx = 1\n#!pip install\ny = 2"
    program = Program("case", "kind", "ok", path, {})
    assert program.job.overrides == {str(path.resolve()): program_text(path)}
