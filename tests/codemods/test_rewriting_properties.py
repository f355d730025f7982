"""The promises of bench/promises.py, kept on every fixture in every dress that a file can wear, and by the checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.analysis.source import Unreadable, decode, parse
from regrad.bench import promises
from regrad.codemods.engine import registry
from regrad.repair import fixtures
from regrad.repair.history import Version

ROOT = Path(__file__).resolve().parents[2]


SCRIPTS = [
    (case.rule.code, case.place)
    for case in fixtures.cases(ROOT / "fixtures", registry.rules(), ["broken"])
    if case.place.suffix == ".py"
]


@st.composite
def dresses(draw: st.DrawFn, text: str) -> bytes:
    """The program with other line breaks, indentation, marks and ends; what it does stays the same."""
    if draw(st.booleans()):
        text = text.replace("    ", "\t") if '"""' not in text else text
    if draw(st.booleans()):
        # A form feed between two statements of the module, as some editors put it there.
        head, separator, rest = text.partition("\n\n\n")
        text = f"{head}{separator}\x0c\n{rest}" if separator else text
    remark = draw(st.sampled_from(["", "  # wärme", "  # ∂L/∂w", "  # plain"]))
    if remark:
        text = "".join(
            line + remark + "\n"
            if line.endswith((")", "]")) and line.startswith(("model", "    loss"))
            else line + "\n"
            for line in text.split("\n")
        ).removesuffix("\n")
    encoding = "utf-8"
    if remark == "  # wärme" and draw(st.booleans()) and text.isprintable() is not None:
        try:
            text.encode("latin-1")
        except UnicodeEncodeError:
            pass
        else:
            encoding, text = "latin-1", "# -*- coding: latin-1 -*-\n" + text
    if draw(st.booleans()):
        text = text.rstrip("\n")
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    mark = b"\xef\xbb\xbf" if encoding == "utf-8" and draw(st.booleans()) else b""
    return mark + text.encode(encoding)


def test_every_rule_that_mends_has_a_script_among_its_fixtures() -> None:
    mending = {case.rule.code for case in fixtures.cases(ROOT / "fixtures", registry.rules(), ["mended"])}
    assert mending <= {code for code, _ in SCRIPTS}


@pytest.mark.parametrize("rule", sorted({code for code, _ in SCRIPTS}))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_promises_hold_in_every_dress(rule: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([place for code, place in SCRIPTS if code == rule]))
    plain = path.read_text(encoding="utf-8")
    content = data.draw(dresses(plain))
    place = f"/nowhere/{path.name}"
    try:
        parse(decode(place, content))
    except Unreadable:
        return
    made = promises.rewrite(place, {place: content})
    if made is not None:
        assert list(promises.complaints(made)) == []


@pytest.mark.parametrize("path", [pytest.param(place, id=f"{code}-{place.stem}") for code, place in SCRIPTS])
def test_promises_hold_on_every_fixture(path: Path) -> None:
    made = promises.rewrite(str(path))
    assert made is None or list(promises.complaints(made)) == []


# -- the checks themselves can fail ------------------------------------------------------------------------------------


@pytest.fixture
def made() -> Any:
    """A program that was mended, to be spoiled."""
    found = promises.rewrite(str(ROOT / "fixtures" / "tape_exhausted" / "broken" / _first("tape_exhausted")))
    assert found is not None
    return found


def _first(name: str) -> str:
    return next(path.name for path in sorted((ROOT / "fixtures" / name / "broken").glob("*.py")))


def _spoiled(made: Any, old: str, new: str) -> Iterator[str]:
    """The same, with other text in the result than its edits make."""
    ((path, version),) = made.versions.items()
    text = version.source.text.replace(old, new)
    assert text != version.source.text
    source = decode(path, text.encode())
    spoiled = made.plan._replace(versions={path: Version(source, version.steps)})
    yield from promises.complaints(replace(made, plan=spoiled))


def test_what_does_not_parse_is_told(made: Any) -> None:
    assert any("does not parse" in each for each in _spoiled(made, "import tensorflow", "import import tensorflow"))


def test_a_change_elsewhere_is_told(made: Any) -> None:
    assert any("line 1 differs" in each for each in _spoiled(made, made_head(made), "# another beginning\n"))


def made_head(made: Any) -> str:
    ((_, version),) = made.versions.items()
    return str(version.source.text.split("\n")[0]) + "\n"


def test_other_line_breaks_are_told(made: Any) -> None:
    assert any("had LF alone" in each for each in _spoiled(made, made_head(made), made_head(made)[:-1] + "\r\n"))


def test_an_unfinished_mending_is_told(made: Any) -> None:
    """Put back as it was, the second run has everything to do."""
    assert any("a second run" in each for each in _spoiled(made, "persistent=True", "persistent=False"))
