"""What bench/mending_back.py measures, on our own sound programs: broken in one place, they come back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from regrad.bench import mending_back as back
from regrad.codemods.engine import registry
from regrad.repair.detection import Detector
from regrad.repair.options import Options

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = [
    ROOT / "fixtures" / rule / "sound" / f"{name}.py"
    for rule, name in (
        ("forward_outside_tape", "*"),
        ("loss_outside_tape", "*"),
        ("tape_exhausted", "*"),
        ("gradients_misapplied", "*"),
    )
]


DETECTOR = Detector(registry.selected(None), Options(unsafe_fixes=True))
BROKEN = [
    one
    for pattern in PROGRAMS
    for path in sorted(pattern.parent.glob(pattern.name))
    for one in back.broken(str(path), 1, random.Random(0))
]
TAPE = frozenset({"forward above the tape", "zip gone", "pairs swapped", "stop_gradient", "loss.numpy()"})
"""Breaks that every rule concerned sees for certain wherever the program can be read at all."""


@pytest.mark.parametrize("one", [pytest.param(one, id=f"{one.breakage.name}-{Path(one.path).stem}") for one in BROKEN])
def test_no_promise_is_broken_and_nothing_stays_half_mended(one: back.Broken) -> None:
    assert back.judge(one, DETECTOR).outcome not in ("spoiled", "unmended")


def test_most_of_what_the_tape_rules_report_is_the_author_s_program_again() -> None:
    outcomes = [back.judge(one, DETECTOR).outcome for one in BROKEN if one.breakage.name in TAPE]
    reported = [outcome for outcome in outcomes if outcome != "silent"]
    assert len(reported) > 20
    assert sum(outcome in ("exact", "same") for outcome in reported) >= 0.9 * len(reported)


def test_what_is_not_the_author_s_is_told_from_what_is() -> None:
    one = next(one for one in BROKEN if one.breakage.name == "zip gone")
    assert back.meant(one, one.author.text)
    assert back.meant(one, one.author.text + "\n# a comment more\n")
    assert not back.meant(one, one.author.text + "\nprint()\n")
