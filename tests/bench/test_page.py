"""docs/benchmarks.md: made from the kept results and the notes, up to date, with a reason for every place behind."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from regrad.bench import __main__ as command
from regrad.bench import page
from regrad.bench.result import Comparison

from .test_results import RESULT

NOTES = {
    "introduction": "What this is.",
    "not_ahead_introduction": "Where others are better.",
    "benchmarks": {"reading": "How fast files are read."},
    "not_ahead": {"reading": {"goal": "Interpreting\ncosts."}},
}
TITLES = {"reading": "Reading speed"}


def test_the_page_holds_everything() -> None:
    text = page.page([RESULT], NOTES, TITLES)
    assert text.startswith("# Benchmarks\n\nWhat this is.\n")
    assert "- **Check**: 7.00 ×; the goal: 4.00 ×. Interpreting costs." in text
    assert "## Reading speed\n\nHow fast files are read.\n\n**trees**" in text
    assert "| tree | ratio |\n| --- | ---: |\n| a | 7.00 × |" in text
    assert "cores 2, processor some | processor. Python 3.11.7. `python -m bench reading`" in text


def test_nothing_is_said_to_be_behind_that_is_ahead() -> None:
    ahead = replace(RESULT, comparisons=(Comparison("goal.a", "check", 3.0, 4.0, "the goal"),))
    assert "not ahead" not in page.page([ahead], NOTES, TITLES)


def test_a_place_behind_needs_its_reason() -> None:
    unexplained = replace(RESULT, comparisons=(Comparison("memory", "memory", 7.0, 4.0, "the goal"),))
    with pytest.raises(page.NotExplained, match=re.escape('[not_ahead.reading] "memory"')):
        page.page([unexplained], NOTES, TITLES)


def test_the_reason_under_the_longest_key_counts() -> None:
    notes = {**NOTES, "not_ahead": {"reading": {"goal": "In general.", "goal.a": "Of a."}}}
    assert "Of a." in page.page([RESULT], notes, TITLES)


def test_cells_cannot_break_a_table() -> None:
    (table,) = RESULT.tables
    text = page.markdown(replace(table, rows=({"tree": "a|b\nc", "ratio": None},)))
    assert text.splitlines()[-1] == "| a\\|b c |  |"


def test_the_order_is_that_of_the_command() -> None:
    results = [replace(RESULT, benchmark=name, comparisons=()) for name in ("growth", "reading", "detection")]
    text = page.page(results, NOTES, command.titles())
    places = [text.index(f"## {command.titles()[name]}") for name in ("detection", "reading", "growth")]
    assert places == sorted(places)


def test_the_page_is_up_to_date() -> None:
    """`python -m bench page` makes it so."""
    assert page.PAGE.read_text(encoding="utf-8") == page.made(command.titles())


def test_every_kept_result_belongs_to_a_benchmark() -> None:
    kept = page.kept()
    assert kept
    assert {result.benchmark for result in kept} <= set(command.NAMES)
    for result in kept:
        assert result.command.startswith("python -m bench ")
        assert {"cores", "processor", "memory in GiB"} <= set(result.machine)
        assert {"Python", "regrad"} <= set(result.versions)


def test_nothing_that_is_kept_names_a_place_on_a_machine() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(page.RESULTS.glob("*.json"))]
    for text in [*texts, page.PAGE.read_text(encoding="utf-8"), page.NOTES.read_text(encoding="utf-8")]:
        assert not re.search(r"(^|[\s\"'`(])/(home|root|tmp|work|Users|usr|opt|mnt)/", text)


def test_every_note_belongs_to_a_benchmark() -> None:
    notes = page.notes()
    assert set(notes["benchmarks"]) | set(notes["not_ahead"]) <= set(command.NAMES)


def test_data_beside_the_runner_is_whole(tmp_path: Path) -> None:
    from regrad.bench.cases import CAUSES
    from regrad.bench.silence import judgements, known_collections
    from regrad.codemods.engine.registry import rules

    codes = {rule.code for rule in rules()}
    assert set().union(*CAUSES.values()) <= codes
    assert {collection for collection, *_ in judgements()} <= set(known_collections())
    assert {code for *_, code in judgements()} <= codes
    assert set(judgements().values()) == {"defect", "shown on purpose", "false"}
    for known in known_collections().values():
        assert known["repository"].count("/") == 1 and known["revision"]
