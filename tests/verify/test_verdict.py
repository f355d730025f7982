"""The verdict as a pure function of two step reports."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.verify import Gradient, Outcome, StepReport, Symptom, VariableReport, Verdict, judge
from regrad.verify.evidence import Terms
from regrad.verify.faults import sound
from regrad.verify.wording import SYMPTOM_WORDS, SYMPTOM_WORDS_BEFORE

PLACE = Location("train.py", Span(Position(1, 1), Position(1, 2)))
NORMS = {Gradient.FLOWS: 1.0, Gradient.ZERO: 0.0}


def variable(name: str, gradient: Gradient, *, changed: bool | None = None, trainable: bool = True) -> VariableReport:
    flows = gradient is Gradient.FLOWS
    return VariableReport(
        name, (2,), gradient, NORMS.get(gradient), flows if changed is None else changed, trainable, "model", "Adam"
    )


def stepped(*gradients: Gradient, loss: float | None = 0.5, symptoms: tuple[Symptom, ...] = ()) -> StepReport:
    variables = tuple(variable(f"v{index}", gradient) for index, gradient in enumerate(gradients))
    return StepReport(Outcome.STEPPED, loss=loss, variables=variables, symptoms=symptoms, data="real")


def raised(text: str = "ValueError: No gradients provided for any variable.") -> StepReport:
    variables = (variable("v0", Gradient.NONE), variable("v1", Gradient.NONE))
    return StepReport(Outcome.RAISED, exception=text, loss=0.5, variables=variables, data="real")


GOOD = stepped(Gradient.FLOWS, Gradient.FLOWS)


def verdict(before: StepReport, after: StepReport, *, same_loss: bool = False) -> Verdict:
    return judge(before, after, same_loss=same_loss).verdict


def test_raised_then_sound_is_mended() -> None:
    evidence = judge(raised(), GOOD, same_loss=True)
    assert evidence.verdict is Verdict.MENDED
    assert evidence.reason is not None and "No gradients provided" in evidence.reason and "2 of 2" in evidence.reason


def test_an_exception_that_the_program_catches_now_is_still_there() -> None:
    caught = replace(GOOD, swallowed="ValueError: No gradients provided for any variable in the model.")
    assert verdict(raised(), caught) is Verdict.UNCHANGED
    assert verdict(raised("TypeError: another thing"), caught) is Verdict.MENDED
    assert verdict(stepped(Gradient.FLOWS, Gradient.NONE), caught) is Verdict.MENDED


def test_a_term_that_is_stopped_now_is_not_mended() -> None:
    cut = Cut(CutKind.NO_REGISTERED_GRADIENT, PLACE, "Lu")
    before = replace(raised("LookupError: gradient registry has no entry for: Lu"), cuts=(cut,), terms=Terms(2, 0))
    assert verdict(before, replace(GOOD, terms=Terms(2, 0))) is Verdict.MENDED
    assert verdict(before, replace(GOOD, terms=Terms(3, 0))) is Verdict.MENDED
    assert verdict(before, replace(GOOD, terms=Terms(1, 1))) is Verdict.UNCHANGED
    assert verdict(before, replace(GOOD, terms=Terms(1, 0))) is Verdict.UNCHANGED
    assert verdict(before, GOOD) is Verdict.MENDED


def test_a_loss_of_one_piece_for_two_terms_is_no_loss_of_terms() -> None:
    assert verdict(replace(raised(), terms=Terms(2, 0)), replace(GOOD, terms=Terms(1, 0))) is Verdict.MENDED
    assert verdict(replace(raised(), terms=Terms(1, 1)), replace(GOOD, terms=Terms(1, 1))) is Verdict.MENDED
    # Nothing was reached before, and so nothing was stopped on the way.
    assert verdict(replace(raised(), terms=Terms(0, 0)), replace(GOOD, terms=Terms(1, 1))) is Verdict.MENDED


def test_partial_none_then_sound_is_mended() -> None:
    assert verdict(stepped(Gradient.FLOWS, Gradient.NONE), GOOD) is Verdict.MENDED


def test_all_zero_then_sound_is_mended() -> None:
    assert verdict(stepped(Gradient.ZERO, Gradient.ZERO), GOOD) is Verdict.MENDED


def test_a_symptom_that_goes_is_mended_and_its_words_are_told() -> None:
    evidence = judge(
        stepped(Gradient.FLOWS, Gradient.FLOWS, loss=0.0, symptoms=(Symptom.LOSS_IS_ZERO,)), GOOD, same_loss=False
    )
    assert evidence.verdict is Verdict.MENDED
    assert evidence.reason is not None and "exactly 0" in evidence.reason


def test_sound_before_was_not_broken() -> None:
    assert verdict(GOOD, GOOD) is Verdict.WAS_NOT_BROKEN


def test_a_single_legitimate_zero_is_no_fault() -> None:
    assert sound(stepped(Gradient.FLOWS, Gradient.ZERO))
    assert (
        verdict(stepped(Gradient.FLOWS, Gradient.ZERO), stepped(Gradient.FLOWS, Gradient.ZERO))
        is Verdict.WAS_NOT_BROKEN
    )


def test_a_dead_model_beside_a_healthy_one_is_a_fault() -> None:
    dead = VariableReport("d", (1,), Gradient.ZERO, 0.0, False, True, "discriminator", "Adam_1")
    live = VariableReport("g", (1,), Gradient.FLOWS, 1.0, True, True, "generator", "Adam")
    assert not sound(StepReport(Outcome.STEPPED, variables=(dead, live)))


def test_fewer_none_is_improved() -> None:
    before = stepped(Gradient.NONE, Gradient.NONE, Gradient.FLOWS)
    assert verdict(before, stepped(Gradient.FLOWS, Gradient.NONE, Gradient.FLOWS)) is Verdict.IMPROVED


def test_raised_then_partly_none_is_improved() -> None:
    assert verdict(raised(), stepped(Gradient.FLOWS, Gradient.NONE)) is Verdict.IMPROVED


def test_raised_then_all_none_is_unchanged() -> None:
    assert verdict(raised(), stepped(Gradient.NONE, Gradient.NONE)) is Verdict.UNCHANGED


def test_still_raising_is_unchanged() -> None:
    assert verdict(raised(), raised()) is Verdict.UNCHANGED
    assert verdict(raised(), raised("TypeError: x")) is Verdict.UNCHANGED


def test_sound_then_raising_is_worse() -> None:
    assert verdict(GOOD, raised()) is Verdict.WORSE


def test_a_lost_gradient_is_worse_whatever_else_was_repaired() -> None:
    assert verdict(stepped(Gradient.FLOWS, Gradient.NONE), stepped(Gradient.NONE, Gradient.FLOWS)) is Verdict.WORSE


def test_a_statistic_that_is_no_longer_asked_for_is_no_loss() -> None:
    before = StepReport(
        Outcome.STEPPED, variables=(variable("w", Gradient.FLOWS), variable("s", Gradient.NONE, trainable=False))
    )
    after = StepReport(
        Outcome.STEPPED, variables=(variable("w", Gradient.FLOWS), variable("s", Gradient.NOT_ASKED, trainable=False))
    )
    assert verdict(before, after) is Verdict.MENDED


def test_variables_that_were_left_out_and_train_now_are_mended() -> None:
    assert verdict(stepped(Gradient.FLOWS, Gradient.NOT_ASKED), GOOD) is Verdict.MENDED


def test_a_variable_that_got_an_owner_and_a_new_name_is_known_by_its_shape() -> None:
    loose = VariableReport("Variable", (3, 5), Gradient.NOT_ASKED, None, False, True)
    owned = VariableReport("attention/kernel", (3, 5), Gradient.FLOWS, 1.0, True, True, "model", "Adam")
    other = VariableReport("attention/kernel", (7,), Gradient.FLOWS, 1.0, True, True, "model", "Adam")
    before = StepReport(Outcome.STEPPED, variables=(variable("w", Gradient.FLOWS), loose))
    assert verdict(before, StepReport(Outcome.STEPPED, variables=(*before.variables[:1], owned))) is Verdict.MENDED
    different = StepReport(Outcome.STEPPED, variables=(*before.variables[:1], other))
    assert verdict(before, different) is Verdict.WAS_NOT_BROKEN


def test_training_something_else_mends_nothing() -> None:
    decoy = variable("decoy", Gradient.FLOWS)
    standing = tuple(variable(f"v{number}", Gradient.NOT_ASKED) for number in range(2))
    after = StepReport(Outcome.STEPPED, loss=0.5, variables=(*standing, decoy), data="real")
    evidence = judge(raised(), after, same_loss=False)
    assert evidence.verdict is Verdict.UNCHANGED
    assert evidence.reason == "Still, v0, v1 receive nothing: what trains now is something else."


def test_what_was_unfrozen_and_passed_over_is_not_mended() -> None:
    frozen = tuple(variable(f"v{number}", Gradient.NOT_ASKED, trainable=False) for number in range(2))
    before = StepReport(Outcome.RAISED, exception="ValueError: none", loss=0.5, variables=frozen, data="real")
    thawed = tuple(variable(f"v{number}", Gradient.NOT_ASKED) for number in range(2))
    decoy = variable("decoy", Gradient.FLOWS)
    after = StepReport(Outcome.STEPPED, loss=0.5, variables=(*thawed, decoy), data="real")
    assert verdict(before, after) is Verdict.UNCHANGED
    still_frozen = StepReport(Outcome.STEPPED, loss=0.5, variables=(*frozen, decoy), data="real")
    assert verdict(before, still_frozen) is Verdict.MENDED, "a new head on a base that is meant to stand still"


def test_what_is_only_asked_no_more_is_not_mended() -> None:
    """The second step of two asked the first one's loss; then it asked for the first one's weights too."""
    trained, without = variable("encoder", Gradient.FLOWS), variable("head", Gradient.NONE)
    before = StepReport(Outcome.RAISED, exception="ValueError: none", loss=0.5, variables=(trained, without))
    left = variable("head", Gradient.NOT_ASKED)
    evidence = judge(before, StepReport(Outcome.STEPPED, loss=0.5, variables=(trained, left)), same_loss=False)
    assert evidence.verdict is Verdict.UNCHANGED
    assert evidence.reason == "Still, head receives nothing: no gradient is asked for there any more."
    frozen = replace(left, trainable=False)
    assert verdict(before, StepReport(Outcome.STEPPED, loss=0.5, variables=(trained, frozen))) is Verdict.MENDED
    other = (trained, left, variable("value", Gradient.FLOWS))
    assert verdict(before, StepReport(Outcome.STEPPED, loss=0.5, variables=other)) is Verdict.MENDED


def test_what_the_trained_model_is_made_without_may_have_been_meant_to_train() -> None:
    """A model took one output of another; now it begins at the inputs of that one, and ends at its output."""
    whole = [
        replace(variable(name, kind), model="whole") for name, kind in (("a", Gradient.FLOWS), ("b", Gradient.NONE))
    ]
    before = StepReport(Outcome.STEPPED, loss=0.5, variables=tuple(whole))
    narrow = replace(variable("a", Gradient.FLOWS), model="narrow")
    beside = replace(variable("b", Gradient.NOT_ASKED), model="whole")
    assert verdict(before, StepReport(Outcome.STEPPED, loss=0.5, variables=(narrow, beside))) is Verdict.IMPROVED
    kept = replace(narrow, model="whole")
    assert verdict(before, StepReport(Outcome.STEPPED, loss=0.5, variables=(kept, beside))) is Verdict.UNCHANGED


def test_a_variable_with_an_owner_and_a_new_name_is_passed_over_too() -> None:
    before = StepReport(Outcome.RAISED, exception="ValueError: none", variables=(variable("w", Gradient.NONE),))
    decoy = replace(variable("decoy", Gradient.FLOWS), shape=(3, 3))
    after = StepReport(Outcome.STEPPED, loss=0.5, variables=(variable("layer/w", Gradient.NOT_ASKED), decoy))
    assert verdict(before, after) is Verdict.UNCHANGED


def test_without_any_variable_before_a_model_that_is_left_standing_is_not_mended() -> None:
    before = StepReport(Outcome.RAISED, exception="ValueError: none")
    standing = variable("kernel", Gradient.NOT_ASKED)
    alone = VariableReport("decoy", (2,), Gradient.FLOWS, 1.0, True, True)
    evidence = judge(before, StepReport(Outcome.STEPPED, loss=0.5, variables=(standing, alone)), same_loss=False)
    assert evidence.verdict is Verdict.IMPROVED and evidence.reason is not None and "kernel" in evidence.reason
    own = replace(standing, model=None)
    assert verdict(before, StepReport(Outcome.STEPPED, loss=0.5, variables=(own, alone))) is Verdict.IMPROVED
    frozen = replace(standing, trainable=False)
    fitted = StepReport(Outcome.STEPPED, loss=0.5, variables=(frozen, alone))
    assert verdict(before, fitted) is Verdict.MENDED, "an input that is fitted to a model that is meant to stand still"
    trained = StepReport(Outcome.STEPPED, loss=0.5, variables=(standing, variable("head", Gradient.FLOWS)))
    assert verdict(before, trained) is Verdict.MENDED, "a target network beside the one that trains"


def test_zeros_in_the_place_of_missing_gradients_mend_nothing() -> None:
    before = stepped(Gradient.FLOWS, Gradient.NONE)
    evidence = judge(before, stepped(Gradient.FLOWS, Gradient.ZERO), same_loss=False)
    assert evidence.verdict is Verdict.UNCHANGED and evidence.reason is not None and "v1" in evidence.reason
    some = judge(raised(), stepped(Gradient.FLOWS, Gradient.ZERO), same_loss=False)
    assert some.verdict is Verdict.MENDED, "one that is zero at first, beside one that flows"


def test_other_variables_of_the_program_may_train_in_their_place() -> None:
    """The gradient was asked of the wrong model: the right one was there before."""
    wrong, right = variable("wrong", Gradient.NONE), variable("right", Gradient.NOT_ASKED)
    before = StepReport(Outcome.RAISED, exception="ValueError: none", loss=0.5, variables=(wrong, right), data="real")
    now = (variable("wrong", Gradient.NOT_ASKED), variable("right", Gradient.FLOWS))
    assert verdict(before, StepReport(Outcome.STEPPED, loss=0.5, variables=now, data="real")) is Verdict.MENDED


def test_raised_then_standing_still_is_unchanged() -> None:
    still = tuple(variable(f"v{number}", Gradient.FLOWS, changed=False) for number in range(2))
    after = StepReport(Outcome.STEPPED, loss=0.5, variables=still, symptoms=(Symptom.NOTHING_CHANGED,), data="real")
    assert verdict(raised(), after) is Verdict.UNCHANGED


def test_one_symptom_less_is_nothing_while_nothing_moves() -> None:
    before = stepped(Gradient.ZERO, symptoms=(Symptom.LOSS_IS_ZERO, Symptom.NOTHING_CHANGED))
    assert verdict(before, stepped(Gradient.ZERO, symptoms=(Symptom.NOTHING_CHANGED,))) is Verdict.UNCHANGED


def test_weights_that_no_longer_move_are_worse_whatever_flows() -> None:
    before = stepped(Gradient.FLOWS, Gradient.NONE)
    still = tuple(variable(f"v{number}", Gradient.FLOWS, changed=False) for number in range(2))
    after = StepReport(Outcome.STEPPED, loss=0.5, variables=still, symptoms=(Symptom.NOTHING_CHANGED,), data="real")
    assert verdict(before, after) is Verdict.WORSE


def test_same_loss_is_demanded_only_where_it_was_promised() -> None:
    other = stepped(Gradient.FLOWS, Gradient.FLOWS, loss=0.6)
    assert verdict(raised(), other, same_loss=True) is Verdict.WORSE
    assert verdict(raised(), other, same_loss=False) is Verdict.MENDED
    assert verdict(stepped(Gradient.NONE, loss=math.nan), stepped(Gradient.FLOWS), same_loss=True) is Verdict.MENDED


def test_what_could_not_be_run_is_not_verifiable_with_its_reason() -> None:
    missing = StepReport(Outcome.UNAVAILABLE, reason="The module 'gym' is missing.")
    evidence = judge(missing, GOOD, same_loss=False)
    assert evidence.verdict is Verdict.NOT_VERIFIABLE and evidence.reason == "The module 'gym' is missing."
    assert verdict(StepReport(Outcome.NO_STEP), GOOD) is Verdict.NOT_VERIFIABLE
    assert verdict(GOOD, StepReport(Outcome.UNAVAILABLE, reason="The server was lost.")) is Verdict.NOT_VERIFIABLE


NO_STEP = [Outcome.NO_STEP, Outcome.CRASHED, Outcome.TIMEOUT]


@pytest.mark.parametrize("ending", NO_STEP)
def test_a_step_that_no_longer_comes_is_worse_and_says_so(ending: Outcome) -> None:
    after = StepReport(ending, reason="It went away.")
    evidence = judge(GOOD, after, same_loss=False)
    assert evidence.verdict is Verdict.WORSE
    assert evidence.reason is not None
    assert evidence.reason.startswith("It made a training step before; now ") and "It went away" in evidence.reason
    evidence = judge(raised(), after, same_loss=False)
    assert evidence.verdict is Verdict.WORSE, "it raised in its step, and now never comes to it"
    early = StepReport(Outcome.RAISED, exception="TypeError: no")
    assert verdict(early, after) is Verdict.UNCHANGED, "it raised on the way, and comes no further"
    for unseen in [*NO_STEP, Outcome.UNAVAILABLE]:
        assert verdict(StepReport(unseen), after) is Verdict.NOT_VERIFIABLE


def test_what_only_the_rewritten_program_lacks_is_the_rewrites_fault() -> None:
    lacking = StepReport(Outcome.UNAVAILABLE, exception="NameError: name 'loss_fn' is not defined", reason="No name.")
    assert verdict(GOOD, lacking) is Verdict.WORSE
    assert verdict(raised(), lacking) is Verdict.WORSE
    assert verdict(StepReport(Outcome.RAISED, exception="TypeError: no"), lacking) is Verdict.NOT_VERIFIABLE


def test_reasons_are_whole_sentences_in_their_tense() -> None:
    zero = stepped(Gradient.FLOWS, Gradient.FLOWS, loss=0.0, symptoms=(Symptom.LOSS_IS_ZERO,))
    assert judge(zero, GOOD, same_loss=False).reason == (
        "Before, the loss stayed exactly 0 although the prediction differed from the targets;"
        " now 2 of 2 variables receive gradients, loss 0.5."
    )
    assert judge(raised(), GOOD, same_loss=False).reason == (
        "It raised ValueError: No gradients provided for any variable before;"
        " now 2 of 2 variables receive gradients, loss 0.5."
    )
    partly = stepped(Gradient.FLOWS, Gradient.NONE)
    assert judge(partly, partly, same_loss=False).reason == "Still, 1 of 2 variables receive no gradient (v1)."
    assert judge(GOOD, GOOD, same_loss=False).reason == (
        "Gradients arrived before the rewrite as well: 2 of 2 variables received gradients, loss 0.5."
    )
    assert set(SYMPTOM_WORDS) == set(SYMPTOM_WORDS_BEFORE) == set(Symptom)


def test_nan_loss_is_never_sound() -> None:
    assert not sound(stepped(Gradient.FLOWS, loss=math.nan))
    assert verdict(raised(), stepped(Gradient.FLOWS, loss=math.nan)) is not Verdict.MENDED


GRADIENTS = st.sampled_from(list(Gradient))
VARIABLES = st.lists(
    st.builds(
        VariableReport,
        name=st.sampled_from(["a", "b", "c", "d"]),
        shape=st.just((2,)),
        gradient=GRADIENTS,
        norm=st.none() | st.floats(0, 10),
        changed=st.booleans(),
        trainable=st.booleans(),
        model=st.sampled_from(["m", "n", None]),
        optimizer=st.sampled_from(["Adam", None]),
    ),
    max_size=4,
    unique_by=lambda item: item.name,
).map(tuple)
REPORTS = st.builds(
    StepReport,
    outcome=st.sampled_from(list(Outcome)),
    exception=st.none() | st.just("ValueError: x"),
    loss=st.none() | st.floats(allow_nan=True, allow_infinity=True),
    variables=VARIABLES,
    symptoms=st.lists(st.sampled_from(list(Symptom)), max_size=2, unique=True).map(tuple),
    data=st.sampled_from(["real", "synthetic"]),
)


@given(REPORTS, REPORTS, st.booleans())
def test_mended_is_never_said_of_a_step_with_a_fault(before: StepReport, after: StepReport, same_loss: bool) -> None:
    evidence = judge(before, after, same_loss=same_loss)
    assert evidence.reason
    if evidence.verdict in (Verdict.MENDED, Verdict.WAS_NOT_BROKEN):
        asked = [v for v in after.variables if v.gradient is not Gradient.NOT_ASKED]
        assert after.outcome is Outcome.STEPPED
        assert asked and all(v.gradient in (Gradient.FLOWS, Gradient.ZERO) for v in asked)
        assert any(v.gradient is Gradient.FLOWS for v in asked)
        assert not after.symptoms
        assert after.loss is None or math.isfinite(after.loss)


@given(REPORTS, REPORTS, st.booleans())
def test_nothing_that_flowed_is_lost_in_silence(before: StepReport, after: StepReport, same_loss: bool) -> None:
    if judge(before, after, same_loss=same_loss).verdict in (Verdict.MENDED, Verdict.IMPROVED, Verdict.WAS_NOT_BROKEN):
        later = {v.name: v for v in after.variables}
        for v in before.variables:
            if before.outcome is Outcome.STEPPED and v.gradient is Gradient.FLOWS and v.name in later:
                assert later[v.name].gradient not in (Gradient.NONE, Gradient.NON_FINITE)


@given(REPORTS, REPORTS, st.booleans())
def test_every_pair_of_endings_has_its_verdicts(before: StepReport, after: StepReport, same_loss: bool) -> None:
    evidence = judge(before, after, same_loss=same_loss)
    unseen = after.outcome not in (Outcome.STEPPED, Outcome.RAISED)
    if unseen:
        assert evidence.verdict in (Verdict.WORSE, Verdict.UNCHANGED, Verdict.NOT_VERIFIABLE)
    if unseen and before.outcome is Outcome.STEPPED and after.outcome is not Outcome.UNAVAILABLE:
        assert evidence.verdict is Verdict.WORSE
    if before.outcome not in (Outcome.STEPPED, Outcome.RAISED):
        assert evidence.verdict is Verdict.NOT_VERIFIABLE
    assert evidence.reason
    assert evidence.reason.endswith(".") and "  " not in evidence.reason


@given(REPORTS)
def test_a_program_compared_with_itself_is_never_repaired(report: StepReport) -> None:
    assert judge(report, report, same_loss=True).verdict in (
        Verdict.UNCHANGED,
        Verdict.WAS_NOT_BROKEN,
        Verdict.NOT_VERIFIABLE,
    )


def test_losses_that_draw_random_numbers_are_not_compared() -> None:
    before = StepReport(Outcome.RAISED, exception="ValueError: x", loss=0.5, random=True, data="real")
    assert verdict(before, stepped(Gradient.FLOWS, loss=0.6), same_loss=True) is Verdict.MENDED


def test_autographs_listing_does_not_hide_the_message() -> None:
    # ruff: noqa: E501
    listing = 'AttributeError: in user code:\n\n    File "a.py", line 3, in f *\n        x\n\n    AttributeError: no such thing\n'
    evidence = judge(GOOD, raised(listing), same_loss=False)
    assert evidence.reason == "It made a training step before; now it raises AttributeError: no such thing."
