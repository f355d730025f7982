"""The table in docs/security.md says what the results say, and both say what the tests expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .attacks import ATTACKS
from .table import table, with_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((ROOT / "bench" / "abuse" / "hostile.json").read_text())


def test_the_page_has_the_table_of_the_results(results: Any) -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    assert table(results) in page
    assert with_table(page, results) == page


def test_what_is_told_is_what_was_expected(results: Any) -> None:
    for level in ("require", "off"):
        trials = results["trials"][level]
        assert set(trials) == {attack.name for attack in ATTACKS}
        for attack in ATTACKS:
            expected = attack.survived if level == "require" else attack.survived_off
            assert bool(trials[attack.name]["harm"]) is not expected, attack.name


def test_what_is_not_survived_has_its_reason() -> None:
    for attack in ATTACKS:
        assert bool(attack.why) is not (attack.survived and attack.survived_off), attack.name
