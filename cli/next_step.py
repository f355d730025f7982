"""What a user does next after a training step that is not sound: one sentence, and none where none would help."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.verify.evidence import StepReport

WITHOUT_TENSORFLOW = (
    "Get it with: python -m pip install tensorflow (in your project's environment), or name an interpreter that has it"
    " with --python. Without it, regrad check and regrad fix --no-verify still work."
)


def next_step(step: StepReport, path: str) -> str | None:
    """The way on. `path` is the program's file, however it was named."""
    from regrad.verify.evidence import Outcome

    if lacked_tensorflow(step):
        return WITHOUT_TENSORFLOW
    if step.outcome is Outcome.UNAVAILABLE:
        # The heading tells what was raised, and the reason what is missing.
        return step.reason if step.exception else None
    if step.outcome in (Outcome.STEPPED, Outcome.RAISED):
        return f"Find the cause with: regrad check {shlex.quote(path)}"
    return None


def lacked_tensorflow(step: StepReport) -> bool:
    """Whether the run failed for want of an interpreter with TensorFlow."""
    from regrad.verify.evidence import NO_TENSORFLOW, Outcome

    # A program that cannot even be read is as far from TensorFlow, and for another reason.
    return step.outcome is Outcome.UNAVAILABLE and (step.reason or "").startswith(NO_TENSORFLOW)
