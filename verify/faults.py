"""What is wrong with one step that was made: the variables, gradients and symptoms that count."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from regrad.verify.evidence import Gradient, Outcome, StepReport, Symptom, VariableReport


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a step that was carried out."""

    none: frozenset[str]
    surplus: frozenset[str]
    """Without gradient, and no fault: they feed an output that the program leaves aside."""
    non_finite: frozenset[str]
    dead: frozenset[str]
    """Models (or optimizers) whose every gradient is exactly zero."""
    symptoms: frozenset[Symptom]
    bad_loss: bool

    def __bool__(self) -> bool:
        return bool(self.none or self.non_finite or self.dead or self.symptoms or self.bad_loss)

    def counts(self) -> tuple[int, ...]:
        return len(self.none), len(self.non_finite), len(self.dead), len(self.symptoms), int(self.bad_loss)


def asked(report: StepReport) -> tuple[VariableReport, ...]:
    return tuple(variable for variable in report.variables if variable.gradient is not Gradient.NOT_ASKED)


def flowing(report: StepReport) -> tuple[VariableReport, ...]:
    return tuple(variable for variable in report.variables if variable.gradient is Gradient.FLOWS)


def faults_of(report: StepReport) -> Faults:
    groups: dict[str, list[VariableReport]] = defaultdict(list)
    for variable in asked(report):
        groups[variable.model or variable.optimizer or "the program"].append(variable)
    return Faults(
        none=frozenset(v.name for v in asked(report) if v.gradient is Gradient.NONE and not v.surplus),
        surplus=frozenset(v.name for v in asked(report) if v.gradient is Gradient.NONE and v.surplus),
        non_finite=frozenset(variable.name for variable in asked(report) if variable.gradient is Gradient.NON_FINITE),
        dead=frozenset(
            name for name, members in groups.items() if all(member.gradient is Gradient.ZERO for member in members)
        ),
        symptoms=frozenset(report.symptoms),
        bad_loss=report.loss is not None and not math.isfinite(report.loss),
    )


def sound(report: StepReport) -> bool:
    """Whether the step shows nothing wrong and was really seen."""
    return report.outcome is Outcome.STEPPED and bool(flowing(report)) and not faults_of(report)
