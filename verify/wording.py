"""A step in words: how it ended, what was wrong with it, how many variables receive gradients."""

from __future__ import annotations

from regrad.verify.evidence import Gradient, Outcome, StepReport, Symptom
from regrad.verify.faults import Faults, asked, faults_of, flowing

SYMPTOM_WORDS = {
    Symptom.CONSTANT_OUTPUT: "the output is the same number whatever the weights are",
    Symptom.OUTPUT_IGNORES_INPUT: "the output does not depend on the input",
    Symptom.OUTPUT_FIXED: "the weights that are trained have no part in the output: they move, and it stays the same",
    Symptom.LOSS_IS_ZERO: "the loss stays exactly 0 although the prediction differs from the targets",
    Symptom.LOSS_IGNORES_TARGETS: "the loss does not react to the targets",
    Symptom.LOSS_DOES_NOT_FALL: "the error of one batch does not fall when the batch is fitted",
    Symptom.NOTHING_CHANGED: "no weight changed",
    Symptom.UNTRAINED_LAYER_FROZEN: "a freshly initialised layer is frozen and is never trained",
    Symptom.STUCK_AT_ZERO: "a matrix of zeros receives a gradient of exactly zero, so that it stays as it is",
    Symptom.DRIED_UP: "some gradients arrive in the first step alone: later ones read what an earlier step computed",
    Symptom.LEFT_OUT: "weights that the loss needs are in no list of variables, or too late: nothing trains them",
    Symptom.UPDATE_MISSING: "gradients arrive at variables that no optimizer is told to update",
    Symptom.TARGETS_OUT_OF_RANGE: "the targets lie outside the range that the loss is made for",
    Symptom.PREDICTIONS_OUT_OF_RANGE: "the loss takes for probabilities what lies outside 0 to 1",
    Symptom.PROBABILITIES_AS_LOGITS: "the loss applies a second softmax or sigmoid to what has been through one",
    Symptom.LOSS_ARGUMENTS_SWAPPED: "the loss takes the prediction for the target and the target for the prediction",
    Symptom.TARGET_BROADCAST: "every prediction is compared with every target, as one has the shape (n,), one (n, 1)",
}


SYMPTOM_WORDS_BEFORE = {
    Symptom.CONSTANT_OUTPUT: "the output was the same number whatever the weights were",
    Symptom.OUTPUT_IGNORES_INPUT: "the output did not depend on the input",
    Symptom.OUTPUT_FIXED: "the weights that were trained had no part in the output: they moved, and it stayed the same",
    Symptom.LOSS_IS_ZERO: "the loss stayed exactly 0 although the prediction differed from the targets",
    Symptom.LOSS_IGNORES_TARGETS: "the loss did not react to the targets",
    Symptom.LOSS_DOES_NOT_FALL: "the error of one batch did not fall when the batch was fitted",
    Symptom.NOTHING_CHANGED: "no weight changed",
    Symptom.UNTRAINED_LAYER_FROZEN: "a freshly initialised layer was frozen and never trained",
    Symptom.STUCK_AT_ZERO: "a matrix of zeros received a gradient of exactly zero, so that it stayed as it was",
    Symptom.DRIED_UP: "some gradients arrived in the first step alone: later ones read what an earlier step computed",
    Symptom.LEFT_OUT: "weights that the loss needed were in no list of variables, or too late: nothing trained them",
    Symptom.UPDATE_MISSING: "gradients arrived at variables that no optimizer was told to update",
    Symptom.TARGETS_OUT_OF_RANGE: "the targets lay outside the range that the loss is made for",
    Symptom.PREDICTIONS_OUT_OF_RANGE: "the loss took for probabilities what lay outside 0 to 1",
    Symptom.PROBABILITIES_AS_LOGITS: "the loss applied a second softmax or sigmoid to what had been through one",
    Symptom.LOSS_ARGUMENTS_SWAPPED: "the loss took the prediction for the target and the target for the prediction",
    Symptom.TARGET_BROADCAST: "every prediction was compared with every target, as one had the shape (n,), one (n, 1)",
}


def short(text: str | None) -> str:
    lines = [line.strip() for line in (text or "an exception").splitlines() if line.strip()]
    line = lines[0].rstrip(".") if lines else "an exception"
    if line.endswith("in user code:") and len(lines) > 1:
        # AutoGraph puts its own listing of the source between the type and the text.
        line = lines[-1].rstrip(".")
    return line if len(line) <= 160 else line[:157] + "..."


def listed(names: tuple[str, ...] | frozenset[str]) -> str:
    ordered = sorted(names) if isinstance(names, frozenset) else list(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def describe(report: StepReport) -> str:
    """How a run ended, in the present."""
    words = {
        Outcome.RAISED: f"it raises {short(report.exception)}",
        Outcome.TIMEOUT: "no training step ends in time",
        Outcome.CRASHED: "the process dies",
        Outcome.NO_STEP: "the program ends without a training step",
        Outcome.UNAVAILABLE: "it cannot be run",
    }
    return words.get(report.outcome, "a training step is made")


def kind_of(exception: str | None) -> str | None:
    return None if exception is None else exception.partition(":")[0]


def was(report: StepReport) -> str:
    """How a run ended, in the past."""
    words = {
        Outcome.RAISED: f"it raised {short(report.exception)}",
        Outcome.TIMEOUT: "no training step ended in time",
        Outcome.CRASHED: "the process died",
        Outcome.NO_STEP: "the program ended without a training step",
        Outcome.UNAVAILABLE: "it could not be run",
    }
    return words.get(report.outcome, "a training step was made")


def because(report: StepReport) -> str:
    return f" ({report.reason.rstrip('.')})" if report.reason else ""


def healthy(report: StepReport, *, past: bool = False) -> str:
    counted = asked(report)
    loss = f", loss {report.loss:.4g}" if report.loss is not None else ""
    zero = sum(variable.gradient is Gradient.ZERO for variable in counted)
    note = f" ({zero} exactly zero)" if zero else ""
    unused = faults_of(report).surplus
    note += f" ({listed(unused)} feed an output that is not used)" if unused else ""
    verb = "received" if past else "receive" if len(counted) != 1 else "receives"
    noun = "variable" if len(counted) == 1 else "variables"
    reach = f"{len(flowing(report))} of {len(counted)} {noun} {verb} gradients{note}{loss}"
    return reach if past else f"now {reach}"


def told(report: StepReport, faults: Faults, *, past: bool = False) -> str:
    """The faults of a step in words."""
    parts = []
    total = len(asked(report))
    noun = "variable" if total == 1 else "variables"
    be = "were" if past else "are"
    if faults.none:
        verb = "received" if past else "receives" if total == 1 else "receive"
        parts.append(f"{len(faults.none)} of {total} {noun} {verb} no gradient ({listed(faults.none)})")
    if faults.non_finite:
        parts.append(
            f"{len(faults.non_finite)} of {total} gradients {be} NaN or infinite ({listed(faults.non_finite)})"
        )
    if faults.dead:
        parts.append(f"every gradient of {listed(faults.dead)} {'was' if past else 'is'} exactly zero")
    words = SYMPTOM_WORDS_BEFORE if past else SYMPTOM_WORDS
    parts += [words[symptom] for symptom in sorted(faults.symptoms, key=lambda symptom: symptom.value)]
    if faults.bad_loss:
        parts.append(f"the loss {'was' if past else 'is'} {report.loss}")
    if parts:
        return ", and ".join(parts) if len(parts) <= 2 else ", ".join(parts[:-1]) + f", and {parts[-1]}"
    asking = "no gradient was asked for" if past else "no gradient is asked for"
    arriving = "no gradient arrived" if past else "no gradient arrives"
    return arriving if total else asking
