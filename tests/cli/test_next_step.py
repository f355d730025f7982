"""The last line of `verify`: the way on where there is one, and never a command that leads nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from regrad.cli import one_step
from regrad.cli.next_step import WITHOUT_TENSORFLOW, lacked_tensorflow, next_step
from regrad.verify.evidence import NO_TENSORFLOW, Outcome, StepReport
from regrad.verify.job import Job
from regrad.verify.verifier import Verifier

from .console_script import Script

CHECK = "Find the cause with: regrad check 'my train.py'"
MISSING = "The module 'cv2' is missing in the interpreter that runs the program; install it there."
NONE = StepReport(Outcome.UNAVAILABLE, reason=f"{NO_TENSORFLOW} in any interpreter that was tried.")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (StepReport(Outcome.STEPPED), CHECK),
        (StepReport(Outcome.RAISED, exception="ValueError: No gradients provided for any variable."), CHECK),
        (StepReport(Outcome.NO_STEP, reason="The program ended without a training step."), None),
        (StepReport(Outcome.TIMEOUT, reason="No training step ended within 60 s."), None),
        (StepReport(Outcome.UNAVAILABLE, exception="ModuleNotFoundError: no cv2", reason=MISSING), MISSING),
        (StepReport(Outcome.UNAVAILABLE, reason="train.py cannot be read."), None),
        (StepReport(Outcome.UNAVAILABLE, reason="The program runs Keras on jax."), None),
        (NONE, WITHOUT_TENSORFLOW),
    ],
)
def test_the_way_on(step: StepReport, said: str | None) -> None:
    assert next_step(step, "my train.py") == said


def test_only_a_missing_tensorflow_is_a_missing_tensorflow(tmp_path: Path) -> None:
    assert lacked_tensorflow(NONE)
    with Verifier() as verifier:
        assert not lacked_tensorflow(verifier.step(Job(str(tmp_path / "absent.py"))))


def test_the_command_names_the_file_of_a_function(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stub:
        def __init__(self, *_: object, **__: object) -> None: ...

        def __enter__(self) -> Stub:
            return self

        def __exit__(self, *_: object) -> None: ...

        def step(self, job: Job) -> StepReport:
            assert job.function == "main"
            return StepReport(Outcome.RAISED, exception="ValueError: no")

    monkeypatch.setattr("regrad.verify.verifier.Verifier", Stub)
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("def main():\n    pass\n")
    ran = script("verify", "train:main")
    assert ran.status == 1
    assert ran.stdout.splitlines()[-1] == "Find the cause with: regrad check train.py"
    assert os.path.exists(one_step.entry_of("train:main", (), module=False).path)
