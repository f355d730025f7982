"""Runs one training step before and after a rewrite and says, variable by variable, what gradients arrive."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, Symptom, VariableReport, Verdict
    from regrad.verify.job import Job
    from regrad.verify.library import assert_gradients_flow, one_step
    from regrad.verify.verdict import judge
    from regrad.verify.verifier import Verifier

__all__ = [
    "Evidence",
    "Gradient",
    "Job",
    "Outcome",
    "StepReport",
    "Symptom",
    "VariableReport",
    "Verdict",
    "Verifier",
    "assert_gradients_flow",
    "judge",
    "one_step",
]

# Loaded when first asked for: commands that only read need the records, and none of what starts processes.
_PLACES = {
    **dict.fromkeys(
        ("Evidence", "Gradient", "Outcome", "StepReport", "Symptom", "VariableReport", "Verdict"),
        "regrad.verify.evidence",
    ),
    "Job": "regrad.verify.job",
    **dict.fromkeys(("assert_gradients_flow", "one_step"), "regrad.verify.library"),
    "judge": "regrad.verify.verdict",
    "Verifier": "regrad.verify.verifier",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
