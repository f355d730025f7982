"""RG503 gradient-stopped: `stop_gradient` stands on the only way from the loss to weights that are to be trained.

What it does
------------
Reports a call of `tf.stop_gradient` (`keras.ops.stop_gradient`, `K.stop_gradient`) where it cuts weights off that no
other way, and no other training of the program, gives a gradient to.

Why gradients stop
------------------
`stop_gradient` is the identity forwards and a wall backwards: everything before it is a constant to the loss. That is
its purpose for targets and baselines; on the prediction itself it leaves nothing to train, and the optimizer raises
`No gradients provided for any variable`, or warns about the layers in front of it.

Example
-------
Broken::

    features = tf.stop_gradient(encoder(x))
    loss = tf.reduce_mean(tf.square(head(features) - y))
    gradients = tape.gradient(loss, encoder.trainable_variables + head.trainable_variables)

Mended::

    features = encoder(x)
    loss = tf.reduce_mean(tf.square(head(features) - y))
    gradients = tape.gradient(loss, encoder.trainable_variables + head.trainable_variables)

The fix and its safety
----------------------
Unsafe: the call is replaced by its argument. The loss stays the same, but weights that stood still are trained from
now on, and whether that was wanted, only the author knows.

When it stays silent
--------------------
When a gradient reaches the weights on another way (targets of Q-learning, SimSiam and VQ-VAE, straight-through
estimators, advantages of an actor-critic), when the other ways are cut by something else (RG501, RG502, or RG401 where
no tape saw them: that cut is the one to mend), when another training step of the program trains them, when the program
updates weights by hand (`set_weights`, `assign`: moving averages) and only some are cut off, for frozen weights, when
the stopped value is only what the prediction of other weights is measured against (a teacher, a slow copy, a random
network to follow), and where `unconnected_gradients` shows that missing gradients are reckoned with. A baseline beside
a stopped term of the loss stays stopped; where the term is missing altogether, RG109 says so; where a step asks
another's loss, RG407. Of two stops, the one that parts the loss from more weights is told.

References
----------
`tf.stop_gradient`: https://www.tensorflow.org/api_docs/python/tf/stop_gradient
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.endings import Ending, endings, fresh
from regrad.analysis.flow import Flow
from regrad.analysis.program import Program
from regrad.analysis.values import Variable
from regrad.analysis.weights import names
from regrad.codemods import partial_loss
from regrad.codemods.engine import recording, stopped_branch
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.broken_paths import argument, finding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.codemods.engine.stopped_target import is_target_of_another
from regrad.codemods.engine.unread_loss import unread_losses

CODE, NAME = "RG503", "gradient-stopped"
_BY_HAND = ("set_weights(", ".assign(", ".assign_add(", ".assign_sub(")


def detect(program: Program) -> Iterator[Finding]:
    """Endings at `stop_gradient`."""
    by_hand = any(word in source.text for source in program.files.values() for word in _BY_HAND)
    found = endings(program)
    forgotten: frozenset[str] | None = None
    for ending in found:
        if ending.kind is not CutKind.STOPPED or any(_shares(ending, other) for other in found):
            continue
        if not ending.whole and (by_hand or _meant(ending)):
            continue
        if not ending.whole and ending.value is not None and is_target_of_another(ending.sink, ending.value):
            continue
        if any(each.event.node is ending.sink.event.node for each in unread_losses(program)):
            continue  # RG407
        if forgotten is None:
            forgotten = frozenset(name for each in partial_loss.detect(program) for name in each.variables)
        if set(names(ending.lost)) <= forgotten:
            # A term of the loss that was forgotten is the mistake; beside it, stopping is usual (a critic's advantage).
            continue
        if _beside_a_mistake(ending, found) or _within_another(ending, found) or _unrecorded_beside(program, ending):
            continue
        yield finding(program, CODE, NAME, ending, "is on the only way from the loss to {lost}: no gradient passes")


def _shares(ending: Ending, other: Ending) -> bool:
    """Whether another way to the same sources is cut as well: then that cut may be the mistake, and this one meant."""
    return (
        other.sink is ending.sink
        and other.kind is not CutKind.STOPPED
        and any(one is another for one in ending.lost for another in other.lost)
    )


def _beside_a_mistake(ending: Ending, found: tuple[Ending, ...]) -> bool:
    """Whether another stop parts the loss from the same weights and is plainly the mistake, which this one is not: a
    baseline stays stopped where the term that trains it was stopped as well.
    """
    if ending.whole:
        return False
    others = [
        other
        for other in found
        if other.sink is ending.sink
        and other.kind is CutKind.STOPPED
        and any(one is another for one in ending.lost for another in other.lost)
    ]
    wrong = stopped_branch.mistaken(ending.sink, ending.lost, [each.value for each in others]) if others[1:] else []
    return bool(wrong) and all(value is not ending.value for value in wrong)


def _within_another(ending: Ending, found: tuple[Ending, ...]) -> bool:
    """Whether another stop parts the loss from the same weights and from more: without that one all are reached, and
    this one may be meant (SimSiam stops the projection, and never the prediction).
    """
    own = {id(value) for value in ending.lost}
    return any(
        other.sink is ending.sink and other.kind is CutKind.STOPPED and own < {id(value) for value in other.lost}
        for other in found
    )


def _unrecorded_beside(program: Program, ending: Ending) -> bool:
    """Whether another way leads to all of the weights, and only the tape did not see it, against the author's wish:
    RG401 and RG402 name that.
    """
    sink = ending.sink
    if sink.tape is None:
        return False
    reached = Flow(None, marks=ending.lost).reach(sink.target).sources
    if any(id(value) not in reached for value in ending.lost):
        return False
    return bool(recording.needed(program, sink, recording.recorder_of(program, sink.tape)))


def _meant(ending: Ending) -> bool:
    """Whether it looks meant: weights that come trained, or the gradient of one weight switched off."""
    inputs = ending.operation.inputs if ending.operation is not None else ()
    return not all(fresh(value) for value in ending.lost) or any(isinstance(value, Variable) for value in inputs)


def mend(program: Program, found: Finding) -> Mendings:
    """Put the argument in the place of the call."""
    from regrad.codemods.engine.moving import Rewrite

    ending: Ending = found.evidence
    call, path = ending.node, ending.frame.path
    inner = argument(call, 0, "input", "x", "variable", "variables") if isinstance(call, ast.Call) else None
    if not isinstance(call, ast.Call) or inner is None or "stop_gradient" not in program.source(call.func, path):
        return Withheld("the call of `stop_gradient` is not written out here; take it off the way to the loss")
    text, bound = program.source(inner, path), binding(program.statement(call, path), call)
    rewrite = Rewrite(program.files[path], program.trees[path])
    try:
        if bound is not None and bound.target.id == text:
            # Of `x = tf.stop_gradient(x)` only `x = x` would be left.
            rewrite.remove([bound.statement], keep_comments=True)
        else:
            rewrite.replace(call, text)
        edits = rewrite.edits()
    except CannotMove as problem:
        return Withheld(problem.reason, text)
    return (
        Mending("remove `stop_gradient`", Safety.UNSAFE, edits, "weights that stood still are trained from now on"),
    )


RULE = Rule(CODE, NAME, "unsafe", "weights that stood still are trained from now on", detect, mend)
