"""No program gets itself called mended, outlives its run, or reaches what is not its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from regrad.verify import Job, Outcome, Verifier

from .attacks import ATTACKS, Attack
from .trial import tried

LONG = {"forks", "memory", "memory-in-children", "catch-all", "spin", "stop", "output"}
"""Those that use up the time or the memory of a run: tried by bench/abuse/hostile.py only."""
QUICK = [each for each in ATTACKS if each.survived and each.name not in LONG]


@pytest.fixture(scope="module")
def strict(verifier: Verifier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    """Isolated for certain; where that cannot be had, the shared verifier takes what needs no isolation."""
    probe = tmp_path_factory.mktemp("probe") / "probe.py"
    probe.write_text("pass\n")
    with Verifier(timeout=60.0, sandbox="require") as isolated:
        unavailable = isolated.step(Job(str(probe))).outcome is Outcome.UNAVAILABLE
        yield verifier if unavailable else isolated


@pytest.mark.tensorflow
@pytest.mark.parametrize("attack", QUICK, ids=lambda each: each.name)
def test_it_does_no_harm(attack: Attack, strict: Verifier, tmp_path: Path) -> None:
    if not attack.survived_off and strict.sandbox != "require":
        pytest.skip("this system cannot isolate a run")
    trial = tried(attack, strict, tmp_path)
    assert trial.harm == (), trial
