"""Runs one training step before and after a rewrite and says, variable by variable, what gradients arrive."""

from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, Symptom, VariableReport, Verdict
from regrad.verify.job import Job
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
    "judge",
]
