"""Plain words for what a training step showed."""

from __future__ import annotations

from regrad.analysis.cut import Cut, CutKind
from regrad.report.whereabouts import NOWHERE, Whereabouts
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, Symptom, VariableReport, Verdict
from regrad.verify.wording import SYMPTOM_WORDS

CUTS = {
    CutKind.BEFORE_TAPE: "runs before the tape records",
    CutKind.AFTER_TAPE: "runs after the tape has closed",
    CutKind.TAPE_PAUSED: "runs while the tape is paused",
    CutKind.NOT_WATCHED: "is a tensor that no tape watches",
    CutKind.NON_DIFFERENTIABLE: "is not differentiable",
    CutKind.NO_REGISTERED_GRADIENT: "has no registered gradient",
    CutKind.LEFT_TENSORFLOW: "leaves TensorFlow, so nothing is recorded",
    CutKind.INTEGER: "goes through integers, which carry no gradient",
    CutKind.STOPPED: "stops the gradient on purpose",
    CutKind.ASSIGNED: "writes into a variable, which carries no gradient",
    CutKind.VARIABLE_REPLACED: "replaces a variable by a plain tensor",
    CutKind.NOT_TRAINABLE: "is not trainable",
    CutKind.NEVER_USED: "is never used on the way to the loss",
    CutKind.CONSTANT: "is constant",
    CutKind.ZERO_SLOPE: "has slope zero here",
    CutKind.NON_FINITE: "has a slope that is not finite here",
}

_MISSING = {
    Gradient.NONE: "No gradient reaches",
    Gradient.NON_FINITE: "The gradient is NaN or infinite for",
    Gradient.ZERO: "The gradient is exactly zero for",
}

_ENDS = {
    Outcome.STEPPED: "the program made a training step",
    Outcome.RAISED: "the program raised an exception before its training step",
    Outcome.NO_STEP: "the program ended without a training step",
    Outcome.TIMEOUT: "the program did not reach the end of a training step in time",
    Outcome.CRASHED: "the program's process died",
    Outcome.UNAVAILABLE: "the program could not be run",
}


def symptom_words(symptom: Symptom) -> str:
    return SYMPTOM_WORDS.get(symptom, symptom.value.replace("-", " "))


def cut_words(cut: Cut) -> str:
    """What became of the gradient there."""
    if cut.kind is CutKind.NEVER_USED and cut.operation == "GradientTape.gradient":
        return "nothing on the way to the loss uses it"
    return f"{cut.operation} {CUTS.get(cut.kind, cut.kind.value.replace('-', ' '))}"


def ending_words(step: StepReport, whereabouts: Whereabouts = NOWHERE) -> str:
    """How a run ended, in the program's own words where it has some."""
    if step.exception:
        where = whereabouts.exception(step)
        return f"{step.exception} ({where})" if where else step.exception
    return step.reason or _ENDS.get(step.outcome, step.outcome.value)


def loss_words(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4g}"


def gradient_words(variable: VariableReport | None) -> str:
    """`flows 0.0123`, `none`, `frozen`."""
    if variable is None:
        return "-"
    if variable.gradient is Gradient.FLOWS:
        return "flows" if variable.norm is None else f"flows {variable.norm:.3g}"
    if variable.gradient is Gradient.NOT_ASKED:
        return "not asked" if variable.trainable else "frozen"
    if variable.gradient is Gradient.NON_FINITE:
        return "nan or inf"
    return str(variable.gradient.value)


def shape_words(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape) if shape else "scalar"


def reach_words(step: StepReport) -> str:
    """Whom gradients reach: `Gradients reach all 2 variables`, `No gradient reaches dense/kernel, dense/bias`."""
    asked = [each for each in step.variables if each.gradient is not Gradient.NOT_ASKED]
    if not step.variables:
        return "No variable was seen in a training step, so nothing is known about gradients"
    if not asked:
        return "The program asks for no gradient of any variable"
    parts = []
    reached = sum(each.gradient is Gradient.FLOWS for each in asked)
    if reached == len(asked):
        parts.append(
            f"Gradients reach all {reached} variables" if reached > 1 else "A gradient reaches the one variable"
        )
    elif reached:
        parts.append(f"Gradients reach {reached} of {len(asked)} variables")
    for gradient, words in _MISSING.items():
        names = [each.name for each in asked if each.gradient is gradient]
        if names:
            parts.append(f"{words} {listing(names)}")
    return "; ".join([parts[0], *(part[:1].lower() + part[1:] for part in parts[1:])])


def verdict_words(evidence: Evidence, before: Whereabouts = NOWHERE, after: Whereabouts = NOWHERE) -> str:
    """The verdict and the sentence that stands for it."""
    return f"{evidence.verdict.value}: {evidence.reason or _reason(evidence, before, after)}"


def _reason(evidence: Evidence, earlier: Whereabouts, later: Whereabouts) -> str:
    after = reach_words(evidence.after)
    after = after[:1].lower() + after[1:]
    if evidence.verdict is Verdict.NOT_VERIFIABLE:
        if evidence.before.outcome is not Outcome.STEPPED:
            return ending_words(evidence.before, earlier)
        return ending_words(evidence.after, later)
    if evidence.verdict is Verdict.WAS_NOT_BROKEN:
        return f"{after}, as before the change"
    if evidence.verdict is Verdict.UNCHANGED:
        return f"{after}, no better than before the change"
    if evidence.after.outcome is not Outcome.STEPPED:
        return ending_words(evidence.after, later)
    return after


def data_words(data: str | None, supplied: tuple[str, ...]) -> str | None:
    """`data: synthetic (X_train: 8 x 10 float32, y_train: 8 int64)`."""
    if data is None:
        return None
    return f"data: {data} ({listing(supplied, 6)})" if supplied else f"data: {data}"


def listing(names: list[str] | tuple[str, ...], limit: int = 8) -> str:
    """The first names, and how many are left."""
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[: limit - 1])} and {len(names) - limit + 1} more"


def soundness_words(step: StepReport, sound: bool, whereabouts: Whereabouts = NOWHERE) -> str:
    """The first sentence about one step: what a user wants to know before any table."""
    if step.outcome is not Outcome.STEPPED:
        ending = ending_words(step, whereabouts)
        return ending if not step.variables else f"{reach_words(step)}. {ending}"
    words = reach_words(step)
    if sound or not step.symptoms:
        return f"{words}."
    if any(each.gradient is Gradient.FLOWS for each in step.variables):
        return f"{words}, and still the step teaches nothing: {symptom_words(step.symptoms[0])}."
    return f"{words}; {symptom_words(step.symptoms[0])}."
