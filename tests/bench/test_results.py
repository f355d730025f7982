"""The shape of results: kept as JSON and read again; how values are shown; what counts as ahead."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.bench.result import Column, Comparison, Result, Table, read, shown, write

RESULT = Result(
    benchmark="reading",
    command="python -m bench reading",
    date="2026-11-23",
    machine={"cores": 2, "processor": "some | processor"},
    versions={"Python": "3.11.7"},
    tables=(
        Table("trees", (Column("tree", "tree"), Column("ratio", "ratio", "ratio")), ({"tree": "a", "ratio": 7.0},)),
    ),
    comparisons=(Comparison("goal.a", "check", 7.0, 4.0, "the goal", "ratio"),),
)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read(write(RESULT, tmp_path / "results")) == RESULT


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (1234567, "count", "1,234,567"),
        (0.1374, "share", "13.7%"),
        (1, "share", "100%"),
        (3.456, "ratio", "3.46 ×"),
        (523.4, "ratio", "523 ×"),
        (0.0123, "milliseconds", "12 ms"),
        (0.0000123, "microseconds", "12 µs"),
        (52 * 2**20, "mebibytes", "52 MiB"),
        (True, "text", "yes"),
        (False, "count", "no"),
        (None, "ratio", ""),
        ("64 of 65", "count", "64 of 65"),
        (2, "text", "2"),
    ],
)
def test_values_are_shown_by_kind(value: str | float | bool | None, kind: str, text: str) -> None:
    assert shown(value, kind) == text


def test_an_unknown_kind_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        shown(1.0, "parsecs")


@pytest.mark.parametrize(
    ("ours", "theirs", "more_is_better", "ahead"),
    [(1.0, 2.0, False, True), (2.0, 1.0, False, False), (1.0, 2.0, True, False), (2.0, 2.0, True, True)],
)
def test_level_is_not_behind(ours: float, theirs: float, more_is_better: bool, ahead: bool) -> None:
    assert Comparison("key", "what", ours, theirs, "another", more_is_better=more_is_better).ahead is ahead
