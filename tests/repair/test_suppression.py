"""Comments that silence findings."""

from __future__ import annotations

import pytest
from regrad.analysis.location import Position, Span
from regrad.analysis.source import decode
from regrad.repair.suppression import Suppressions


def span(first: int, last: int | None = None) -> Span:
    return Span(Position(first, 1), Position(last or first, 9))


@pytest.mark.parametrize(
    ("text", "code", "place", "expected"),
    [
        ("x = 1  # regrad: ignore[RG401]\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[RG402, RG401] because\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[RG4]\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[RG402]\n", "RG401", span(1), False),
        ("x = 1  # regrad: ignore\n", "RG401", span(1), True),
        ("x = 1  # REGRAD:ignore\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignored\n", "RG401", span(1), False),
        ("x = 1  # noqa: RG401\n", "RG401", span(1), True),
        ("x = 1  # noqa: E501,RG401 why\n", "RG401", span(1), True),
        ("x = 1  # noqa: E501\n", "RG401", span(1), False),
        ("x = 1  # noqa\n", "RG401", span(1), False),
        ("x = 1\ny = 2  # regrad: ignore\n", "RG401", span(1), False),
        ("x = f(\n  1,\n)  # regrad: ignore\n", "RG401", span(1, 3), True),
        ("# regrad: ignore[RG401]\nx = f(\n  1)\n", "RG401", span(3), True),
        ("# regrad: ignore[RG401]\nx = 1\ny = 2\n", "RG401", span(3), False),
        ("x = '# regrad: ignore'\n", "RG401", span(1), False),
        ("x = 1\n# regrad: ignore-file\n", "RG401", span(1), True),
        ("x = 1\n# regrad: ignore-file[RG402]\n", "RG401", span(1), False),
        ("x = 1  # regrad: ignore\r\n", "RG401", span(1), True),
        ("x = 1  # type: ignore  # regrad: ignore[RG401]\n", "RG401", span(1), True),
        ("", "RG401", span(1), False),
        ("x = (  # regrad: ignore\n", "RG401", span(1), False),
    ],
)
def test_what_is_silenced(text: str, code: str, place: Span, expected: bool) -> None:
    assert Suppressions(decode("a.py", text.encode())).covers(code, place) is expected


def test_unused_ones_are_found() -> None:
    text = "x = 1  # regrad: ignore[RG401]\ny = 1  # regrad: ignore[RG402]\nz = 1  # noqa: RG999\n"
    found = Suppressions(decode("a.py", text.encode()))
    assert [each.line for each in found.unused([("RG401", span(1)), ("RG401", span(2))])] == [2]
