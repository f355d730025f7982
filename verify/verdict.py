"""What the step before and the step after prove about a rewrite: one pure function of two reports."""

from __future__ import annotations

import math

from regrad.analysis.cut import CutKind
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, Symptom, Verdict
from regrad.verify.faults import asked, faults_of, flowing
from regrad.verify.wording import because, describe, healthy, kind_of, listed, sentence, short, told, was

LOSS_TOLERANCE = 1e-4

NO_VALUES = (Outcome.TIMEOUT, Outcome.CRASHED, Outcome.NO_STEP)


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
