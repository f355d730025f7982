"""What the step before and the step after prove about a rewrite: one pure function of two reports."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from regrad.analysis.cut import CutKind
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, Symptom, VariableReport, Verdict

LOSS_TOLERANCE = 1e-4

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
NO_VALUES = (Outcome.TIMEOUT, Outcome.CRASHED, Outcome.NO_STEP)


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


def judge(before: StepReport, after: StepReport, *, same_loss: bool) -> Evidence:
    """The verdict. `same_loss` says that the rewrite promises to compute the same, so that the losses must agree."""
    verdict, reason = weigh(before, after, same_loss)
    return Evidence(verdict, reason, before, after)


def weigh(before: StepReport, after: StepReport, same_loss: bool) -> tuple[Verdict, str]:
    if after.outcome not in (Outcome.STEPPED, Outcome.RAISED):
        return without_after(before, after)
    if before.outcome is Outcome.UNAVAILABLE:
        return Verdict.NOT_VERIFIABLE, before.reason or "The program could not be run before the rewrite."
    if before.outcome in NO_VALUES:
        if after.outcome is Outcome.RAISED:
            return Verdict.NOT_VERIFIABLE, f"{sentence(was(before))}; now it raises {short(after.exception)}."
        return Verdict.NOT_VERIFIABLE, f"There is nothing to compare with: before the rewrite, {was(before)}."
    if after.outcome is Outcome.RAISED:
        if before.outcome is Outcome.RAISED:
            if before.exception == after.exception:
                return Verdict.UNCHANGED, f"It still raises {short(after.exception)}."
            return Verdict.UNCHANGED, f"{sentence(was(before))} before; now it raises {short(after.exception)}."
        return Verdict.WORSE, f"It made a training step before; now it raises {short(after.exception)}."
    if not asked(after):
        return without_gradients(before, after)
    gone = lost(before, after)
    if gone:
        return Verdict.WORSE, f"{listed(gone)} received gradients before and receive none now."
    if same_loss and losses_differ(before, after):
        return (
            Verdict.WORSE,
            f"The rewrite should compute the same, but the loss was {before.loss:.6g} and is {after.loss:.6g}.",
        )
    return compare_steps(before, after)


def came(report: StepReport) -> bool:
    """Whether the run got as far as its training step: it was made, or it raised once gradients were known."""
    return report.outcome is Outcome.STEPPED or (report.outcome is Outcome.RAISED and bool(asked(report)))


def without_after(before: StepReport, after: StepReport) -> tuple[Verdict, str]:
    """No step could be seen after the rewrite: that is the rewrite's fault wherever there was one before.

    What cannot be run for reasons of ours raises nothing, and proves nothing against the rewrite.
    """
    if after.outcome is Outcome.UNAVAILABLE and after.exception is None:
        return Verdict.NOT_VERIFIABLE, after.reason or "The program could not be run after the rewrite."
    if before.outcome is Outcome.STEPPED:
        return Verdict.WORSE, f"It made a training step before; now {describe(after)}{because(after)}."
    if came(before):
        return Verdict.WORSE, f"{sentence(was(before))} in its step before; now {describe(after)}{because(after)}."
    if before.outcome is Outcome.RAISED and after.outcome is not Outcome.UNAVAILABLE:
        return Verdict.UNCHANGED, f"{sentence(was(before))} before; now {describe(after)}{because(after)}."
    return Verdict.NOT_VERIFIABLE, after.reason or f"After the rewrite, {describe(after)}."


def without_gradients(before: StepReport, after: StepReport) -> tuple[Verdict, str]:
    if flowing(before):
        return Verdict.WORSE, "Gradients arrived before; now none is asked for."
    if not before.variables and not after.variables and not after.symptoms:
        return Verdict.NOT_VERIFIABLE, "A step was made, but no variable of it could be seen."
    if before.outcome is Outcome.RAISED:
        return Verdict.UNCHANGED, f"{sentence(was(before))} before; now no gradient is asked for."
    return Verdict.UNCHANGED, "Still, no gradient is asked for."


def compare_steps(before: StepReport, after: StepReport) -> tuple[Verdict, str]:
    verdict, reason = compare_gradients(before, after)
    outside = made_without(before, after) if verdict is Verdict.MENDED else ()
    if not outside:
        return verdict, reason
    return Verdict.IMPROVED, (
        f"{sentence(was(before))} before; now all that is asked for receives gradients, "
        f"and {listed(outside)} {'is' if len(outside) == 1 else 'are'} in no model that trains any more."
    )


def compare_gradients(before: StepReport, after: StepReport) -> tuple[Verdict, str]:
    remaining = faults_of(after)
    if before.exception is not None and kind_of(before.exception) == kind_of(after.swallowed):
        return Verdict.UNCHANGED, f"{sentence(was(before))} before, and still does: the program catches it now."
    standing = passed_over(before, after)
    if standing:
        verb = "receives" if len(standing) == 1 else "receive"
        return Verdict.UNCHANGED, f"Still, {listed(standing)} {verb} nothing: what trains now is something else."
    dropped = no_longer_asked(before, after)
    if dropped:
        verb = "receives" if len(dropped) == 1 else "receive"
        return Verdict.UNCHANGED, f"Still, {listed(dropped)} {verb} nothing: no gradient is asked for there any more."
    if cuts_off_a_term(before, after):
        return Verdict.UNCHANGED, "A term of the loss is cut off from the weights now: it does not train any more."
    if Symptom.DRIED_UP in remaining.symptoms and Symptom.DRIED_UP not in before.symptoms:
        return Verdict.UNCHANGED, "Gradients arrive in the first step alone: later ones read what that one computed."
    filled = filled_with_zeros(before, after)
    if filled:
        return Verdict.UNCHANGED, f"Zeros take the place of the missing gradients of {listed(filled)}."
    if Symptom.NOTHING_CHANGED in remaining.symptoms:
        if before.outcome is Outcome.RAISED:
            return Verdict.UNCHANGED, f"It no longer raises, but {told(after, remaining)}."
        if any(each.changed for each in before.variables) and not any(each.changed for each in after.variables):
            return Verdict.WORSE, "Weights changed before; now none does."
        if not flowing(before) and not flowing(after):
            return Verdict.UNCHANGED, f"Still, {told(after, remaining)}."
    if before.outcome is Outcome.RAISED:
        if not remaining and flowing(after):
            aside = left_standing(after) if not before.variables else ()
            if aside:
                idle = f"{listed(aside)} {'stands' if len(aside) == 1 else 'stand'} still"
                return Verdict.IMPROVED, f"{sentence(was(before))} before; {healthy(after)}, but {idle}."
            return Verdict.MENDED, f"{sentence(was(before))} before; {healthy(after)}."
        if flowing(after):
            return Verdict.IMPROVED, f"{sentence(was(before))} before; it trains now, but {told(after, remaining)}."
        return Verdict.UNCHANGED, f"It no longer raises, but {told(after, remaining)}."
    wrong = faults_of(before)
    gained = newly_trained(before, after)
    if not remaining and flowing(after):
        if wrong or not flowing(before):
            return Verdict.MENDED, f"Before, {told(before, wrong, past=True)}; {healthy(after)}."
        if wrong.surplus - remaining.surplus:
            unused = listed(wrong.surplus - remaining.surplus)
            return (
                Verdict.MENDED,
                f"Before, {unused} received no gradient, as their output is not used; {healthy(after)}.",
            )
        if gained:
            return Verdict.MENDED, f"Before, {listed(gained)} stood still; {healthy(after)}."
        return Verdict.WAS_NOT_BROKEN, f"Gradients arrived before the rewrite as well: {healthy(before, past=True)}."
    better = [later < earlier for earlier, later in zip(wrong.counts(), remaining.counts(), strict=True)]
    worse = [later > earlier for earlier, later in zip(wrong.counts(), remaining.counts(), strict=True)]
    if any(worse) and not any(better) and len(flowing(after)) <= len(flowing(before)):
        return Verdict.WORSE, f"Now {told(after, remaining)}."
    if (any(better) or gained) and not (any(worse) and len(flowing(after)) < len(flowing(before))):
        earlier = told(before, wrong, past=True) if wrong else f"{listed(gained)} stood still"
        return Verdict.IMPROVED, f"Before, {earlier}; it is better now, but {told(after, remaining)}."
    return Verdict.UNCHANGED, f"Still, {told(after, remaining)}."


def cuts_off_a_term(before: StepReport, after: StepReport) -> bool:
    """Whether a term that had a way to the weights has none now: stopped, or the one whose operation raised, left out.

    Elsewhere fewer terms are no sign: a loss may be swapped for one that Keras computes in one piece.
    """
    if before.terms is None or after.terms is None:
        return False
    raised = before.outcome is Outcome.RAISED and any(cut.kind is CutKind.NO_REGISTERED_GRADIENT for cut in before.cuts)
    fewer = after.terms.open < before.terms.open
    return fewer and (raised or after.terms.stopped > before.terms.stopped)


def passed_over(before: StepReport, after: StepReport) -> tuple[str, ...]:
    """The program's own variables, where all that trains now was not there before and they stand still.

    A variable that a layer has come to own has another name, and is gone under its old one.
    """
    known = {variable.name for variable in before.variables}
    later = {variable.name: variable for variable in after.variables}
    gone = [variable.shape for variable in before.variables if variable.name not in later]
    # The gradient of an input trains nothing, and takes the place of no training.
    trained = [variable for variable in flowing(after) if not variable.name.startswith("source ")]
    if not trained or any(variable.name in known or variable.shape in gone for variable in trained):
        return ()
    renamed = [variable for variable in after.variables if variable.name not in known]
    standing = []
    for variable in before.variables:
        now = later.get(variable.name) or next((each for each in renamed if each.shape == variable.shape), None)
        if now is not None and now.trainable and now.gradient is Gradient.NOT_ASKED and not now.changed:
            standing.append(now.name)
    return tuple(standing)


def no_longer_asked(before: StepReport, after: StepReport) -> tuple[str, ...]:
    """Variables without gradient that are not asked for any more, where nothing trains that did not before.

    To leave out what gets no gradient ends the error, and teaches nothing.
    """
    outside = made_without(before, after)
    return tuple(name for name in _asked_no_more(before, after) if name not in outside)


def made_without(before: StepReport, after: StepReport) -> tuple[str, ...]:
    """Those that shared a model with variables that train, and are in none of their models any more: the model is made
    without them. Whether they were to be trained, no step can tell.
    """
    shared = {variable.model for variable in flowing(before)} - {None}
    parted = {variable.name for variable in before.variables if variable.model in shared}
    trained = {variable.model for variable in flowing(after)}
    owners = {variable.name: variable.model for variable in after.variables}
    return tuple(
        name
        for name in _asked_no_more(before, after)
        if name in parted and owners[name] is not None and owners[name] not in trained
    )


def _asked_no_more(before: StepReport, after: StepReport) -> tuple[str, ...]:
    flowed = {variable.name for variable in flowing(before)}
    if any(variable.name not in flowed for variable in flowing(after)):
        return ()
    without = faults_of(before).none
    return tuple(
        variable.name
        for variable in after.variables
        if variable.name in without
        and variable.trainable
        and variable.gradient is Gradient.NOT_ASKED
        and not variable.changed
    )


def left_standing(after: StepReport) -> tuple[str, ...]:
    """Variables that nothing asks for, where all that trains is no weight of a model.

    An input may be fitted, as its author wishes, or something may train in the place of what was to be trained: without
    any variable of the program as it was there is no telling.
    """
    if any(variable.model is not None for variable in flowing(after)):
        return ()
    return tuple(
        variable.name
        for variable in after.variables
        if variable.trainable and variable.gradient is Gradient.NOT_ASKED and not variable.changed
    )


def filled_with_zeros(before: StepReport, after: StepReport) -> tuple[str, ...]:
    """Variables without gradient that now receive exactly zero, where none of those without has come to receive more.

    Beside others that flow, a zero is a matter of the first step (a dead unit, a kernel that starts at zero). Only
    zeros that were measured count: of what was traced it is only known that nothing moved.
    """
    without = faults_of(before).none
    now = {variable.name: variable for variable in after.variables if variable.name in without}
    if not now or any(each.gradient is not Gradient.ZERO or each.norm is None for each in now.values()):
        return ()
    return tuple(sorted(now))


def newly_trained(before: StepReport, after: StepReport) -> tuple[str, ...]:
    """Variables that stood still, as no gradient was asked for or it was exactly zero, and that train now.

    A variable that a layer has come to own has another name than before: then its shape tells which one it was.
    """
    now = {variable.name: variable for variable in flowing(after) if variable.changed}
    known = {variable.name for variable in before.variables}
    renamed = [variable for variable in now.values() if variable.name not in known]
    later = {variable.name for variable in after.variables}
    gained = []
    for variable in before.variables:
        if variable.gradient not in (Gradient.NOT_ASKED, Gradient.ZERO) or variable.changed:
            continue
        if variable.name in now:
            gained.append(variable.name)
        elif variable.name not in later:
            same = next((other for other in renamed if other.shape == variable.shape), None)
            if same is not None:
                renamed.remove(same)
                gained.append(variable.name)
    return tuple(gained)


def lost(before: StepReport, after: StepReport) -> tuple[str, ...]:
    """Variables that received a gradient and do so no more. One that is gone or was never meant to train is no loss."""
    later = {variable.name: variable for variable in after.variables}
    gone = []
    for variable in flowing(before):
        now = later.get(variable.name)
        if now is None or now.gradient is Gradient.FLOWS or now.shape != variable.shape:
            continue
        if now.gradient is Gradient.ZERO and (now.changed or not variable.changed):
            continue
        if now.gradient is Gradient.NOT_ASKED and (not now.trainable or now.changed):
            continue
        gone.append(variable.name)
    return tuple(gone)


def losses_differ(before: StepReport, after: StepReport) -> bool:
    if before.data != after.data or before.loss is None or after.loss is None or before.random or after.random:
        return False
    if not math.isfinite(before.loss) or not math.isfinite(after.loss):
        return False
    return abs(before.loss - after.loss) > LOSS_TOLERANCE * max(abs(before.loss), abs(after.loss)) + 1e-7


# -- words ------------------------------------------------------------------------------------------------------------


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
