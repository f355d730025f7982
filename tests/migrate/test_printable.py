"""Names of files in messages of one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regrad.migrate.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("深度学习/train.py", "深度学习/train.py"),
        ("a\nFrom b.py", "a\\nFrom b.py"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\udcff.py", "\\udcff.py"),
        ("evil\u202eyp.py", "evil\\u202eyp.py"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_it_is_one_line_that_any_channel_takes(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() and len(f"-{shown}-".splitlines()) == 1
    shown.encode("utf-8")
