"""RG410 gradients-misapplied: the gradients are right, and the optimizer never gets them, or not as pairs, or for
other weights.

What it does
------------
Reports `apply_gradients(grads, variables)` and `apply_gradients(grads)` without a `zip`; pairs the wrong way round; a
`zip` or generator that was read before it is applied; gradients of one model paired with the variables of a differently
built one; a training loop in which an optimizer is made and the gradients go nowhere, or are summed up, in variables or
over tasks, and never applied, and one of several steps, or a part of one request, that drops them; steps by hand that
move copies of the weights, or only a name; copies that are given to the optimizer; a network, layer or table that is
trained through and in no optimizer's list, be it in front of what is trained or a head behind it, whose output is
compared with data; a list of weights that is begun again where it was to grow; a variable in no list that means nothing
unless it moves (its exponential is taken, or it is a factor or an offset of zero), alone or in a dictionary, under
whatever name; a `None` that reaches an operation which clips; a step of a graph that no session is asked to run, alone
or since the group that is run leaves it out.

Why gradients stop
------------------
`apply_gradients` takes one iterable of (gradient, variable) pairs. Anything else raises, or pairs what does not
belong together; gradients that no one applies change nothing, without a word.

Example
-------
Broken::

    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(grads, model.trainable_variables)

Mended::

    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))

The fix and its safety
----------------------
Pairs are made or turned round: safe, since the program could not run before. Applying gradients that were not applied,
or training one more network, is unsafe: weights move that did not. Gradients that are gathered over several batches or
tasks are applied where their sum is whole, to the weights that it was begun for; where it is not begun anew, that is
left to the author. What a session runs of the pairs of `compute_gradients` becomes the step that applies them. What
a group assigns in the place of a step that it leaves out waits for that step (`tf.control_dependencies`).

When it stays silent
--------------------
When the optimizer is of the program's own making; when what is left out has weights from elsewhere, is frozen, set or
asked for anywhere, said to stay fixed, or judges what is trained: a discriminator (compared with ones and zeros), a
network that compares features (with itself), a teacher; the gradient comes through it, and it need not move; variables
that hold data or noise; when gradients are squared, which measures the weights; when they are used in another way (a
step made by hand, accumulated, drawn, returned to a caller that is not known, clipped where None is passed over); when
the program only reads gradients out (saliency, attacks, tests) and has no optimizer; when the gradients of a copy are
applied to the original of the same build (A3C).

References
----------
- https://github.com/tensorflow/tensorflow/issues/32478
- https://github.com/soumik12345/tf2_gans/issues/14
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.program import Program
from regrad.codemods.engine.clipped_none import ClippedNone, clipped_none, passed_by
from regrad.codemods.engine.copied_variables import AppliedToCopies, applied_to_copies, applied_to_variables
from regrad.codemods.engine.idle_accumulators import Accumulated, applied_before_clearing, idle_accumulators
from regrad.codemods.engine.idle_beside_others import idle_beside_others
from regrad.codemods.engine.idle_gradients import Idle, Unapplied, applied, idle, idle_in_graph
from regrad.codemods.engine.idle_sums import Forsaken, applied_when_whole, idle_sums
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.left_out import LeftOut, joined, left_out, passed_over
from regrad.codemods.engine.left_out_of_graph import LeftOutOfGraph, left_out_of_graph
from regrad.codemods.engine.left_out_parameters import left_out_parameters, listed
from regrad.codemods.engine.left_unread import LeftUnread, left_unread, run_before
from regrad.codemods.engine.list_begun_again import BegunAgain, begun_again, grown
from regrad.codemods.engine.moved_copies import MovedCopy, moved_copies, moved_in_place
from regrad.codemods.engine.never_run import NeverRun, never_run
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.pairs import Misread, misread_pairs, paired
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.run_in_vain import stepped
from regrad.codemods.engine.term_in_vain import joined_where_returned
from regrad.codemods.engine.used_up import UsedUp, kept, used_up
from regrad.codemods.engine.variables_left_out import VariablesLeftOut, listed_as_well, variables_left_out


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    for each in _noticed(program):
        finding = Finding(
            RULE.code,
            RULE.name,
            each.message,
            program.location(each.node, each.event.frame),
            CutKind.NEVER_USED,
            each.variables,
            each.related,
            each.evidence,
        )
        if finding.location not in seen:
            seen.add(finding.location)
            yield finding
    for unapplied in idle_in_graph(program):
        message = "the gradients are computed and never applied, so no variable moves"
        place = program.location(unapplied.node, unapplied.path)
        yield Finding(RULE.code, RULE.name, message, place, CutKind.NEVER_USED, (), (), unapplied)


def _noticed(program: Program) -> Iterator[Noticed]:
    yield from misread_pairs(program)
    for used in used_up(program):
        yield Noticed(
            used.applied.node,
            used.applied,
            f"the {used.kind} was read to its end before, so no pair is left to apply",
            used,
            (),
            (Related(program.location(used.walk.node, used.walk.frame), "its pairs are used up here"),),
        )
    yield from idle(program)
    yield from idle_accumulators(program)
    yield from idle_sums(program)
    yield from idle_beside_others(program)
    for given in applied_to_copies(program):
        message = "`apply_gradients` is given copies of the variables, which it cannot move"
        yield Noticed(given.made, given.applied, message, given)
    for copy in moved_copies(program):
        yield Noticed(
            copy.moved.node,
            copy.moved,
            f"`{copy.name}` is moved here and read nowhere: no weight changes",
            copy,
            (),
            (Related(program.location(copy.event.node, copy.event.frame), "the gradients are taken here"),),
        )
    yield from begun_again(program)
    yield from left_out(program)
    yield from passed_over(program)
    yield from variables_left_out(program)
    yield from left_out_parameters(program)
    yield from left_out_of_graph(program)
    yield from never_run(program)
    yield from left_unread(program)
    for clipped in clipped_none(program):
        yield Noticed(
            clipped.call,
            clipped.event,
            f"the gradient of {', '.join(f'`{each}`' for each in clipped.lost[:3])} is None,"
            f" and `{clipped.function}` cannot take it",
            clipped,
            clipped.lost,
            (Related(program.location(clipped.event.node, clipped.event.frame), "it is asked for here"),),
        )


def mend(program: Program, finding: Finding) -> Mendings:
    if isinstance(finding.evidence, Unapplied):
        return _in_graph(program, finding.evidence)
    if isinstance(finding.evidence, NeverRun):
        return Withheld("beside what the session should run it is the author's to say", finding.evidence.line)
    if isinstance(finding.evidence, LeftOutOfGraph):
        return Withheld("which of the weights should be trained is the author's to say", finding.evidence.line)
    try:
        if isinstance(finding.evidence, LeftUnread):
            return [run_before(program, finding.evidence)]
        return [_mending(program, finding.evidence)]
    except CannotMove as problem:
        if isinstance(finding.evidence, LeftUnread):
            return Withheld(str(problem), "with tf.control_dependencies([step]):\n    ...  # what is run besides")
        if isinstance(finding.evidence, MovedCopy):
            return Withheld(str(problem), "variable.assign_sub(rate * gradient)")
        if isinstance(finding.evidence, BegunAgain):
            return Withheld(str(problem), "variables = [*first.trainable_variables, *second.trainable_variables]")
        return Withheld(str(problem), "optimizer.apply_gradients(zip(gradients, variables))")


def _in_graph(program: Program, evidence: Unapplied) -> Mendings:
    try:
        edits = stepped(program, evidence.path, evidence.node)
    except CannotMove as problem:
        return Withheld(str(problem), evidence.line)
    return [Mending("apply them", Safety.UNSAFE, edits, "weights move that did not move before")]


def _mending(program: Program, evidence: object) -> Mending:
    if isinstance(evidence, Misread):
        return paired(program, evidence)
    if isinstance(evidence, Idle):
        return applied(program, evidence)
    if isinstance(evidence, Accumulated):
        return applied_before_clearing(program, evidence)
    if isinstance(evidence, Forsaken):
        return applied_when_whole(program, evidence)
    if isinstance(evidence, VariablesLeftOut):
        return listed_as_well(program, evidence)
    if isinstance(evidence, LeftOut):
        return listed(program, evidence) or joined_where_returned(program, evidence) or joined(program, evidence)
    if isinstance(evidence, BegunAgain):
        return grown(program, evidence)
    if isinstance(evidence, UsedUp):
        return kept(program, evidence)
    if isinstance(evidence, AppliedToCopies):
        return applied_to_variables(program, evidence)
    if isinstance(evidence, MovedCopy):
        return moved_in_place(program, evidence)
    if isinstance(evidence, ClippedNone):
        return passed_by(program, evidence)
    raise CannotMove("no sound rewrite is known for this form")


RULE = Rule(
    "RG410",
    "gradients-misapplied",
    "mixed",
    "Pairs that could not be read before are safe; weights that begin to move are not.",
    detect,
    mend,
)
