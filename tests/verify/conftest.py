"""Writes a program to a fresh folder and says what one step of it showed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from regrad.verify import Evidence, Job, StepReport, Verifier

Step = Callable[..., StepReport]
Compare = Callable[..., Evidence]


@pytest.fixture
def step(verifier: Verifier, tmp_path: Path) -> Step:
    def run(text: str, **more: object) -> StepReport:
        path = tmp_path / "program.py"
        path.write_text(text)
        return verifier.step(Job(str(path), **more))  # type: ignore[arg-type]

    return run


@pytest.fixture
def compare(verifier: Verifier, tmp_path: Path) -> Compare:
    """The broken text is on disk; the mended one is only handed over, as a repair would do."""

    def run(before: str, after: str, *, same_loss: bool = False) -> Evidence:
        path = tmp_path / "program.py"
        path.write_text(before)
        mended = Job(str(path), {str(path.resolve()): after})
        evidence = verifier.compare(Job(str(path)), mended, same_loss=same_loss)
        assert path.read_text() == before
        return evidence

    return run
