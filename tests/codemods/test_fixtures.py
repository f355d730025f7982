"""Every program in `fixtures/<rule>/` under its rule: what must be reported, how it is mended, what must be left alone,
and what a run says. The checks are those that `regrad test-rules` makes for anybody's rules.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.codemods.engine import registry
from regrad.repair import fixtures
from regrad.repair.fixtures import Case
from regrad.verify import Verifier

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(case, id=f"{fixtures.folder_name(case.rule)}-{case.place.stem}")
        for case in fixtures.cases(FIXTURES, registry.rules(), [kind])
    ]


@pytest.mark.parametrize("case", _cases("broken"))
def test_reported(case: Case) -> None:
    assert fixtures.reported(case) == ""


@pytest.mark.parametrize("case", _cases("broken"))
def test_comes_to_an_end(case: Case) -> None:
    assert fixtures.settled(case) == ""


@pytest.mark.parametrize("case", _cases("mended"))
def test_mended_as_the_author_would(case: Case) -> None:
    assert fixtures.exact(case) == ""


@pytest.mark.parametrize("case", _cases("mended"))
def test_silent_after_mending(case: Case) -> None:
    assert fixtures.silent(case) == ""


@pytest.mark.parametrize("case", _cases("sound"))
def test_left_alone(case: Case) -> None:
    assert fixtures.left_alone(case) == ""


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", _cases("mended"))
def test_proved(case: Case, verifier: Verifier) -> None:
    assert fixtures.proved(case, verifier) == ""


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", _cases("sound"))
def test_sound_programs_run(case: Case, verifier: Verifier) -> None:
    assert fixtures.steps(case, verifier) == ""
